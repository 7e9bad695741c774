"""Whole commands, as a newcomer types them."""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.frame_store import SHARD_FRAMES
from tests.journeys.killing import killed_when
from tests.journeys.typing_in import SYNTHCMR, Done, real_data, run, run_apart
from tests.report.accessible import check

SMALL = ("--quick", "--planned", 4)
CHAIN = ("phantom", "audit", "plan", "generate", "recalibrate", "debias", "evaluate", "export")


@dataclass(frozen=True)
class Killed:
    """A demo that was killed twice, within its first step and within a later one."""

    out: Path
    left: list[int]  # processes that did not end with it
    shard: Path  # of the phantoms that were there the first time
    written: int


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    out = tmp_path_factory.mktemp("demo") / "out"
    words = [*SYNTHCMR, *map(str, ("demo", out, *SMALL))]
    journal, shard = out / "cohort/.unfinished/journal.jsonl", out / "cohort/arrays.zarr/image/c/0/0/0"

    def whole_shard() -> bool:
        lines = journal.read_text().splitlines() if journal.exists() else []
        return any(json.loads(line)["frames_end"] >= SHARD_FRAMES for line in lines)

    left = killed_when(words, whole_shard)
    written = shard.stat().st_mtime_ns
    left += killed_when(words, (out / "scores/features").exists)
    return Killed(out, left, shard, written)


@pytest.fixture(scope="module")
def continued(killed: Killed) -> Done:
    """The same demo, brought to its end."""
    return run_apart("demo", killed.out, *SMALL)


@pytest.fixture(scope="module")
def demo(killed: Killed, continued: Done) -> tuple[Path, str]:
    """Its folder, and what it printed."""
    return killed.out, continued.stdout


def test_a_demo_that_is_killed_goes_on_where_it_was_and_leaves_no_process_behind(
    killed: Killed, continued: Done
) -> None:
    assert killed.left == []
    assert killed.shard.stat().st_mtime_ns == killed.written, "phantoms that were there are not made again"
    assert len(Cohort.open(killed.out / "cohort").subjects) == 50
    for name in ("cohort", "synthetic", "recalibrated"):
        assert f"{killed.out / name}: this command finished it before" in continued.stderr
    assert f"{killed.out / 'balanced'}: a cohort" not in continued.stderr


def test_demo_runs_the_whole_chain_and_tells_it_on_one_page(demo: tuple[Path, str]) -> None:
    out, said = demo
    for k, step in enumerate(CHAIN, 1):
        assert f"{k}/8 {step}: " in said
    page = (out / "index.html").read_text()
    for name in CHAIN:
        assert f'id="{name}"' in page
    for link in re.findall(r'href="([^"#:]+)"', page):
        assert (out / link).exists(), link
    assert "phantom, not a person" in page
    assert "Open " in said
    assert "index.html" in said
    assert "phantoms, not people" in said
    for name in ("index.html", "audit/audit.html", "synthetic/generated.html", "debiased/debias.html"):
        check(out / name)


def test_demo_says_in_three_sentences_what_its_own_files_hold(demo: tuple[Path, str]) -> None:
    out, said = demo
    told = json.loads((out / "demo.json").read_text())["sentences"]
    assert len(told) == 3
    page = html.unescape((out / "index.html").read_text())
    assert all(sentence in said and sentence in page for sentence in told)
    plan = json.loads((out / "plan/plan.json").read_text())
    assert f"Of {plan['rows']} planned subjects" in told[1]
    verdicts = [part["verdict"] for part in json.loads((out / "scores/scores.json").read_text())["parts"].values()]
    words = {verdict["word"] for verdict in verdicts}
    assert not any(verdict["sentence"] in page for verdict in verdicts), "the label before it says the word already"
    assert all(f"'{word}' for" in told[1] for word in words)
    debiased = json.loads((out / "debiased/scores.json").read_text())
    assert f"{debiased['test_subjects']} test subjects" in told[2]


def test_demo_leaves_files_for_other_tools_that_say_what_they_are(demo: tuple[Path, str]) -> None:
    import pydicom

    out, _ = demo
    nnunet = out / "nnunet/Dataset501_SynthCMR"
    assert json.loads((nnunet / "dataset.json").read_text())["labels"]["LV"] == 1
    assert list((nnunet / "imagesTr").glob("*plan-*")), "planned subjects are to be learned from"
    assert not list((nnunet / "imagesTs").glob("*plan-*")), "nobody is tested on synthetic subjects"
    images = [pydicom.dcmread(p, stop_before_pixels=True) for p in (out / "dicom").rglob("*.dcm")]
    assert images
    assert all(image.SyntheticData == "YES" for image in images if image.Modality == "MR")


def test_a_second_demo_takes_what_is_there(demo: tuple[Path, str]) -> None:
    out, said = demo
    costly = ("arrays.zarr", "*.parquet", "statistics.npz", "features/*", "networks/*", "parts/*")  # not pages
    before = {p: p.stat().st_mtime_ns for name in costly for p in out.rglob(name) if out / "nnunet" not in p.parents}
    (out / "plan/plan.html").unlink()
    again = run("demo", out, *SMALL).stdout
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert again[again.index("Results:") :] == said[said.index("Results:") :]
    assert (out / "plan/plan.html").exists(), "a page that was lost is drawn again"


def test_a_demo_of_another_size_says_the_way_out(demo: tuple[Path, str]) -> None:
    out, _ = demo
    assert "--overwrite" in run("demo", out, "--subjects", 60, ok=False).stderr


def test_audit_of_the_unfair_cohort_names_who_is_missing_by_itself(demo: tuple[Path, str]) -> None:
    out, said = demo
    audit = json.loads((out / "audit/audit.json").read_text())
    assert any(set(cell["attributes"]) == {"diagnosis", "vendor"} for cell in audit["missing"])
    assert "Missing or nearly missing: diagnosis" in audit["sentences"][0]
    assert "these groups are under-represented: 'diagnosis" in said
    assert "phantoms, not people" in (out / "audit/audit.html").read_text()


def test_the_same_phantom_command_gives_the_same_cohort_and_resumes_nothing_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run("phantom", tmp_path / name, "-n", 2, "--preset", "vendors", "--seed", 5, "--size", 64)
    hashes = {json.loads((tmp_path / n / "cohort.json").read_text())["hash"] for n in ("a", "b")}
    assert len(hashes) == 1
    again = run("phantom", tmp_path / "a", "-n", 2, "--preset", "vendors", "--seed", 5, "--size", 64)
    assert "this command finished it before" in again.stderr
    assert again.stdout == Cohort.open(tmp_path / "a").summary() + "\n"
    other = run("phantom", tmp_path / "a", "-n", 3, "--preset", "vendors", "--seed", 5, "--size", 64, ok=False)
    assert "finished cohort already" in other.stderr
    run("phantom", tmp_path / "a", "-n", 1, "--overwrite", "--size", 64)


def test_what_was_read_from_acdc_and_written_as_nifti_is_the_same(tmp_path: Path) -> None:
    import nibabel as nib
    import numpy as np

    source = real_data("acdc/training")
    run("ingest", source, tmp_path / "c", "--lossless", "--include", "patient001,patient041")
    run("export", tmp_path / "c", tmp_path / "out", "--format", "nifti")
    for patient in ("patient001", "patient041"):
        written = sorted((tmp_path / "out").rglob(f"masks/*{patient}*.nii.gz"))
        truth = sorted((source / patient).glob("*_gt.nii.gz"))
        assert len(written) == len(truth) == 2
        for ours, theirs in zip(written, truth, strict=True):
            a, b = nib.load(ours), nib.load(theirs)
            assert np.allclose(a.header.get_zooms(), b.header.get_zooms(), rtol=1e-4)
            swapped = np.array([0, 3, 2, 1])[np.asarray(b.dataobj).astype(int)]
            found = np.asarray(a.dataobj)
            assert np.array_equal(found, swapped) or np.array_equal(found, swapped[:, :, ::-1])


def test_acdc_ingests_whole_with_volumes_as_drawn(tmp_path: Path) -> None:
    import nibabel as nib
    import numpy as np

    source = real_data("acdc/training")
    run("ingest", source, tmp_path / "c")
    cohort = Cohort.open(tmp_path / "c")
    assert cohort.info["rejects"] == 0
    assert len(cohort.subjects) == len(list(source.glob("patient*")))
    native = cohort.volumes().set_index(["subject_id", "phase"])
    for subject in cohort.subjects["subject_id"]:
        (stack,) = cohort.stacks(subject)
        voxel = stack.spacing_mm[0] * stack.spacing_mm[1] * stack.slice_step_mm / 1000
        for k, path in enumerate(sorted((source / subject).glob("*_gt.nii.gz"))):
            truth = nib.load(path)
            mask = np.asarray(truth.dataobj)
            ml = float(np.prod(truth.header.get_zooms())) / 1000
            for name, theirs, ours in (("lv_ml", 3, 1), ("myo_ml", 2, 2), ("rv_ml", 1, 3)):
                expected = (mask == theirs).sum() * ml
                assert native.loc[(subject, ("ED", "ES")[k]), name] == pytest.approx(expected, rel=0.01)
                assert (stack.mask[k] == ours).sum() * voxel == pytest.approx(expected, rel=0.03)


def test_damaged_subjects_are_listed_and_the_others_unharmed(tmp_path: Path) -> None:
    import shutil

    import pandas as pd

    source = real_data("acdc/training")
    copy = tmp_path / "acdc"
    for patient in ("patient001", "patient002", "patient003", "patient004"):
        shutil.copytree(source / patient, copy / patient)
    for file in copy.rglob("*"):
        file.chmod(0o644 if file.is_file() else 0o755)
    (copy / "patient002/Info.cfg").write_text("ED: one\n")
    gt = next((copy / "patient003").glob("*_gt.nii.gz"))
    gt.write_bytes(gt.read_bytes()[:500])
    run("ingest", copy, tmp_path / "c")
    rejects = pd.read_parquet(tmp_path / "c/rejects.parquet").query("level == 'reject'")
    assert rejects["case_id"].tolist() == ["patient002", "patient003"]
    assert "Info.cfg" in rejects["reason"].iloc[0]
    assert "cut short" in rejects["reason"].iloc[1]
    whole = run("info", tmp_path / "c").stdout
    assert "2 subjects" in whole
    strict = run("ingest", copy, tmp_path / "s", "--strict", ok=False)
    assert "patient002" in strict.stderr
    assert "Traceback" not in strict.stderr


def test_sunnybrook_zip_ingests_with_every_slice_and_phase(tmp_path: Path) -> None:
    source = real_data("sunnybrook")
    run("ingest", source, tmp_path / "c", "--format", "sunnybrook", "--frames", "cine")
    cohort = Cohort.open(tmp_path / "c")
    assert cohort.images["n_frames"].min() == 20
    assert all(list(t) == sorted(t) for t in cohort.images["trigger_ms"])
    assert any("lv" in text for row in cohort.images["labelled"] for text in row)
    assert "rv" not in ",".join(text for row in cohort.images["labelled"] for text in row)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ingest", "nowhere", "out"), "nothing is there"),
        (("ingest", ".", "out", "--format", "dcm"), "expected one of auto, acdc"),
        (("ingest", ".", "out", "--frames", "triple"), "frames"),
        (("ingest", ".", "out", "--spacing", "fine"), "--spacing: expected a number or 'native', got 'fine'"),
        (("phantom", "out", "--preset", "unfair"), "expected one of population, biased, vendors, everyone, acdc-like"),
        (("phantom", "out", "--frames", "0"), "--frames: expected 1 (ED)"),
        (("audit", "nowhere"), "synthcmr ingest"),
        (("export", "nowhere", "out", "--format", "png"), "synthcmr ingest"),
    ],
)
def test_mistakes_are_told_in_one_line_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*words, ok=False)
    assert told in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
