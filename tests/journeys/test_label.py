"""From images that nobody labelled to a cohort that the rest of the chain can use."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.cohort.raw_subject import Stack
from synthcmr.cohort.writers import get_writer
from synthcmr.config import PreprocessSettings
from synthcmr.errors import CohortError, SettingsError
from synthcmr.labelling.label import label
from synthcmr.labelling.result import LabelResult
from tests.journeys.typing_in import real_data, run
from tests.labelling.making import FULL, cohort_of, hidden, phantom
from tests.report.accessible import check

SLICES = (2, 4, 6, 8)


def noise() -> Stack:
    image = np.random.default_rng(0).normal(100, 20, (2, 3, 160, 160))
    return Stack(image, None, (1.5, 1.5), 8.0, ("", ""))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Two phantoms without masks, one whose cavity a person drew, and one who is no heart."""
    stacks = [(f"p{k}", hidden(phantom(k, slices=SLICES))) for k in range(2)]
    stacks += [("person", hidden(phantom(2, slices=SLICES), keep=("lv",))), ("noise", noise())]
    return cohort_of(tmp_path_factory.mktemp("label") / "people", stacks)


@pytest.fixture(scope="module")
def labelled(people: Cohort) -> tuple[Cohort, str]:
    out = people.path.parent / "labelled"
    said = run("label", people.path, out, "--size", 96).stdout
    return Cohort.open(out), said


def bytes_of(cohort: Cohort) -> str:
    digest = hashlib.sha256()
    for file in sorted(p for p in cohort.path.rglob("*") if p.is_file() and "arrays.zarr" in str(p)):
        digest.update(file.read_bytes())
    return digest.hexdigest() + str(cohort.hash)


def test_a_labelled_cohort_is_cropped_drawn_and_says_who_drew(labelled: tuple[Cohort, str]) -> None:
    cohort, said = labelled
    assert set(cohort.subjects["subject_id"]) == {"p0", "p1", "person"}
    assert (cohort.images[["height", "width"]] == 96).all(axis=None)
    assert cohort.images["judge"].str.startswith("segmenter ").all()
    assert all(tuple(p) == ("ED", "ES") for p in cohort.images["phases"])
    assert all(set(row) == {"lv,myo,rv"} for row in cohort.images["labelled"])
    assert set(cohort.images["slice_level"].dropna()) == {"basal", "mid", "apical"}
    assert cohort.subjects["age"].tolist() == [60.0] * 3
    assert "3 subjects" in said
    assert "rejected: noise" in said


def test_a_heart_lies_in_the_middle_of_its_crop_and_agrees_with_the_hidden_truth(labelled: tuple[Cohort, str]) -> None:
    cohort, _ = labelled
    truth = cohort_of(cohort.path.parent / "truth", [(f"p{k}", phantom(k, slices=SLICES)) for k in range(2)])
    drawn, known = cohort.volumes(), truth.volumes()
    both = drawn.merge(known, on=["subject_id", "frame"], suffixes=("", "_true"))
    assert len(both) == 4
    assert (both["lv_ml"] - both["lv_ml_true"]).abs().max() < 0.2 * both["lv_ml_true"].max()
    for k in range(len(cohort)):
        mask = cohort.mask(k)
        rows, columns = np.nonzero((mask > 0).any(axis=0))
        if rows.size:
            assert rows.min() > 0
            assert rows.max() < 95
            assert columns.min() > 0
            assert columns.max() < 95


def test_a_persons_pixels_are_kept_through_the_whole_command(people: Cohort, labelled: tuple[Cohort, str]) -> None:
    cohort, _ = labelled
    before, after = (c.select(subject_id="person") for c in (people, cohort))
    for k in range(len(after)):
        assert (after.mask(k) == Label.LV).sum() == (before.mask(k) == Label.LV).sum()
        assert set(after.images["judged"].iloc[k]) == {"myo,rv"}
        assert not (after.mask(k) == Label.UNLABELLED).any()


def test_measures_doubts_and_page_are_beside_the_cohort(labelled: tuple[Cohort, str]) -> None:
    import pandas as pd

    cohort, _ = labelled
    result = LabelResult(cohort)
    table = result.table.set_index("subject_id")
    assert (table["lv_edv_ml"] > table["lv_esv_ml"]).all()
    assert table.loc["p0", "lv_edv_ml_sd"] > 0
    assert table.loc["person", "lv_edv_ml_sd"] != table.loc["person", "lv_edv_ml_sd"], "counted on a person's mask"
    assert result.slices["quality"].is_monotonic_increasing
    assert len(result.doubtful) == (result.slices["doubt"] != "").sum() == table["doubtful_slices"].sum()
    assert len(pd.read_csv(cohort.path / "labels.csv")) == 3
    page = cohort.path / "label.html"
    text = page.read_text()
    assert "digital phantoms" in text
    assert "Not labelled" in text
    assert "no heart was found" in text
    assert text.count("<img") == 2 * text.count("<figure>") > 0
    check(page)


def test_the_chain_goes_on_with_a_labelled_cohort(labelled: tuple[Cohort, str]) -> None:
    cohort, _ = labelled
    run("audit", cohort.path)
    told = json.loads((cohort.path / "audit/audit.json").read_text())
    assert not {"lv_edv_ml_sd", "quality", "judge"} & set(json.dumps(told).replace('"', " ").split())
    run("export", cohort.path, cohort.path.parent / "exported", "--format", "nifti")
    again = label(cohort, cohort.path.parent / "again", workers=1)
    assert again.slices.empty, "everything is drawn: nothing is left for a judge"
    assert [again.cohort.mask(k).tobytes() for k in range(len(cohort))] == [
        cohort.mask(k).tobytes() for k in range(len(cohort))
    ]


def test_an_interrupted_run_goes_on_and_gives_the_same_bytes_with_any_number_of_processes(
    people: Cohort, labelled: tuple[Cohort, str], tmp_path: Path
) -> None:
    def stop(done: int, total: int, name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label(people, tmp_path / "out", workers=1, progress=stop, size=96)
    with pytest.raises(CohortError, match="unfinished"):
        Cohort.open(tmp_path / "out")
    seen: list[tuple[int, int]] = []
    again = label(people, tmp_path / "out", workers=2, progress=lambda d, t, _: seen.append((d, t)), size=96)
    assert seen[0] == (2, 4), "the first subject is not labelled again"
    assert bytes_of(again.cohort) == bytes_of(labelled[0])


def test_a_crop_that_cuts_the_heart_is_told(tmp_path: Path) -> None:
    whole = phantom(0, slices=(4, 5))
    assert whole.mask is not None
    left = int(np.argwhere(whole.mask == Label.LV)[:, 3].mean()) - 8
    narrow = replace(whole, image=whole.image[..., left:], mask=whole.mask[..., left:])
    cut = cohort_of(tmp_path / "cut", [("p0", hidden(narrow))])
    found = label(cut, tmp_path / "out", workers=1)
    assert found.cohort.images["heart_cut"].all()
    assert found.cohort.rejects["reason"].str.contains("reaches the border").any()


def test_ingest_finds_the_heart_before_it_crops(tmp_path: Path) -> None:
    source = cohort_of(tmp_path / "full", [("p1", hidden(phantom(1, slices=SLICES)))], replace_none(FULL))
    get_writer("dicom").write(source, tmp_path / "dicom")
    said = run("ingest", tmp_path / "dicom", tmp_path / "out", "--label").stdout
    cohort = Cohort.open(tmp_path / "out")
    assert (cohort.images[["height", "width"]] == 128).all(axis=None)
    assert all(tuple(p) == ("ED", "ES") for p in cohort.images["phases"])
    assert (cohort.path / "label.html").exists()
    assert "Page:" in said
    drawn = np.stack([cohort.mask(k) for k in range(len(cohort))])
    middle = np.argwhere(drawn > 0)[:, -2:].mean(axis=0)
    assert np.abs(middle - 63.5).max() < 15


def replace_none(settings: PreprocessSettings) -> PreprocessSettings:
    """Pixels as they are, so that a scanner's field of view is written."""
    return settings.model_copy(update={"spacing_mm": None})


def test_pngs_without_spacing_are_labelled_and_have_no_volumes(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "pngs"
    folder.mkdir()
    image = phantom(0, slices=(4,)).image[0, 0].astype(np.float32)
    Image.fromarray((image / image.max() * 255).astype(np.uint8)).save(folder / "a.png")
    (tmp_path / "mine.csv").write_text(f"image,subject_id\n{folder / 'a.png'},a\n")
    run("label", tmp_path / "mine.csv", tmp_path / "out")
    cohort = Cohort.open(tmp_path / "out")
    assert (cohort.mask(0) == Label.LV).sum() > 100
    assert cohort.measures["absent"].tolist() == ["no pixel spacing"]
    assert cohort.images["pixel_guess_mm"].between(0.9, 2.1).all()


def test_wrong_words_are_told_before_anything_is_done(people: Cohort, tmp_path: Path) -> None:
    assert "--judge" in run("ingest", "nowhere", tmp_path / "out", "--judge", "j", ok=False).stderr
    assert "--size" in run("label", people.path, tmp_path / "out", "--size", "wide", ok=False).stderr
    assert "frames" in run("label", people.path, tmp_path / "out", "--frames", "most", ok=False).stderr
    with pytest.raises(SettingsError, match="never changed"):
        label(people, people.path)
    assert not (tmp_path / "out").exists()


def test_patients_hearts_are_found_and_measured(tmp_path: Path) -> None:
    plain = real_data("acdc/training")
    from synthcmr.cohort.readers import get_reader
    from synthcmr.labelling.labeller import label_stack, loaded
    from synthcmr.training.shipped_weights import shipped

    reader = get_reader("acdc")
    judge = loaded(shipped("segmenter"))
    scores = []
    for case in reader.cases(plain)[::10]:
        (stack,) = reader.read(plain, case).stacks
        assert stack.mask is not None
        drawn = label_stack(judge, replace(stack, mask=None, labelled=())).completed.mask
        both = ((drawn == Label.LV) & (stack.mask == Label.LV)).sum()
        scores.append(2 * both / ((drawn == Label.LV).sum() + (stack.mask == Label.LV).sum()))
    assert np.mean(scores) > 0.85
