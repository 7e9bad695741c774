"""Chains of commands that would lose the ledger on the way: through files, through an interruption, through what lies in a folder."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.files_ledger import files_ledger
from synthcmr.errors import CohortError, PrivacyError
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.generators.flow import FlowGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.generators.stable_diffusion import StableGenerator
from synthcmr.privacy.ledger import LEDGER
from synthcmr.sampling.generate import generate
from synthcmr.sampling.requests import from_prompt
from synthcmr.sampling.settings import GenerateSettings, ScreenSettings
from synthcmr.sampling.sources import Sources
from synthcmr.training.loop import Progress
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights_ledger import weights_ledger
from tests.generators.making import TINY, stable_diffusion
from tests.journeys.typing_in import run
from tests.privacy.making import LOOP, PRIVATE, UNSCREENED, refused

QUICK = GenerateSettings(size=64, sampler=SamplerSettings(steps=1), screen=ScreenSettings(enabled=False))
WEIGHTS = "its weights were learned from patients without differential privacy"


@pytest.fixture(scope="module")
def open_images(open_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One patient changed every one of these images."""
    out = tmp_path_factory.mktemp("open") / "synthetic"
    run("generate", out, "--run", open_run, *UNSCREENED)
    return out


@pytest.fixture(scope="module")
def exported(open_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("files") / "nifti"
    run("export", open_images, out, "--format", "nifti")
    return out


def reasons(ledger: synthcmr.privacy.ledger.Ledger) -> list[str]:
    return [entry.reason for entry in ledger.broken]


def test_images_that_are_exported_and_read_again_do_not_become_patients(
    exported: Path, open_run: Path, tmp_path: Path
) -> None:
    run("ingest", exported, tmp_path / "again", "--size", 64)
    assert f"{open_run.name}: {WEIGHTS}" in refused(tmp_path / "again", tmp_path / "given")
    with pytest.raises(PrivacyError, match="noise that hides one of its subjects would hide no patient"):
        FlowGenerator.fit(Cohort.open(tmp_path / "again"), tmp_path / "laundered", TINY, PRIVATE)
    synthcmr.fit_recalibration(exported, tmp_path / "truth", dp="epsilon=4,subjects_in_cohort=20")
    assert "weights" in reasons(synthcmr.Recalibration.load(tmp_path / "truth").ledger)


def test_a_provenance_is_found_above_below_beside_a_table_and_in_a_zip(exported: Path, tmp_path: Path) -> None:
    images = next(exported.rglob("*.nii.gz")).parent
    assert images != exported
    (tmp_path / "delivery").mkdir()
    shutil.copytree(exported, tmp_path / "delivery" / "site")
    table = tmp_path / "table.csv"
    table.write_text(f"subject_id,image\na,{next(images.glob('*.nii.gz'))}\n")
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", exported))
    assert zipfile.is_zipfile(packed)
    for source in (exported, images, next(images.glob("*.nii.gz")), tmp_path / "delivery", packed):
        assert reasons(files_ledger(source)) == ["patients", "weights"], source
    run("ingest", table, tmp_path / "listed", "--size", 64)
    assert reasons(cohort_ledger(Cohort.open(tmp_path / "listed"))) == ["patients", "weights"]
    assert reasons(files_ledger(table)) == ["patients"]


def test_files_of_patients_beside_runs_that_learned_from_them_are_patients_alone(
    patients: Cohort, open_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(open_run, tmp_path / "project" / "runs" / "open")
    shutil.copytree(patients.path, tmp_path / "project" / "cohorts" / "acdc")
    assert reasons(files_ledger(tmp_path / "project")) == ["patients"]
    assert reasons(files_ledger(tmp_path / "project" / "runs" / "open" / "sheets")) == ["patients", "not-kept"]


def test_files_that_were_recalibrated_on_patients_say_so_when_they_are_read(patients: Cohort, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    for k in range(3):
        np.save(tmp_path / "theirs" / f"{k}.npy", np.random.default_rng(k).random((64, 64)).astype(np.float32))
    synthcmr.fit_recalibration(patients, tmp_path / "truth")
    synthcmr.recalibrate(tmp_path / "theirs", tmp_path / "truth", tmp_path / "better", spacing=3.0)
    assert reasons(files_ledger(tmp_path / "better")) == ["patients", "recalibration"]


def test_images_that_were_begun_with_another_anatomy_are_not_finished_with_a_private_one(
    patients: Cohort, private_run: Path, tmp_path: Path
) -> None:
    class EnoughError(Exception):
        pass

    def stop(done: int, total: int, name: str) -> None:
        raise EnoughError

    file, asked = tmp_path / "anatomy.npz", from_prompt(2, 0, {}, {}, None, "mid", "")
    run("train", "anatomy", patients.path, file)
    with pytest.raises(EnoughError):
        generate(tmp_path / "out", asked, Sources(private_run, file), QUICK, progress=stop)
    AnatomyGenerator.load(shipped("anatomy")).save(file)
    with pytest.raises(CohortError, match="made with other settings"):
        generate(tmp_path / "out", asked, Sources(private_run, file), QUICK)


def test_a_run_that_was_begun_from_open_weights_does_not_go_on_from_others(
    phantom_cohort: Cohort, open_run: Path, tmp_path: Path
) -> None:
    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    shutil.copytree(open_run, tmp_path / "start")
    settings = TINY.model_copy(update={"start": str(tmp_path / "start")})
    with pytest.raises(KeyboardInterrupt):
        FlowGenerator.fit(phantom_cohort, tmp_path / "run", settings, LOOP, stop)
    shutil.rmtree(tmp_path / "start")
    FlowGenerator.fit(phantom_cohort, tmp_path / "start", TINY, LOOP)
    with pytest.raises(CohortError, match="holds a run with other settings"):
        FlowGenerator.fit(phantom_cohort, tmp_path / "run", settings, LOOP)


def test_weights_that_were_replaced_are_not_drawn_from_under_the_ledger_of_others(
    open_run: Path, private_run: Path, private_images: Path, tmp_path: Path
) -> None:
    shutil.copytree(open_run, tmp_path / "run")
    run("generate", tmp_path / "before", "--run", tmp_path / "run", *UNSCREENED)
    shutil.rmtree(tmp_path / "run")
    shutil.copytree(private_run, tmp_path / "run")
    run("generate", tmp_path / "after", "--run", tmp_path / "run", *UNSCREENED)  # in the same process, as in a notebook
    after, known = Cohort.open(tmp_path / "after"), Cohort.open(private_images)
    assert not cohort_ledger(after).broken
    assert list(after.images["content_hash"]) == list(known.images["content_hash"])


def test_weights_from_a_folder_may_have_learned_from_anybody(phantom_cohort: Cohort, tmp_path: Path) -> None:
    settings, _ = StableGenerator.settings("cpu")
    small = settings.model_copy(update={"base": str(stable_diffusion(tmp_path / "base")), "resolution": 64})
    StableGenerator.fit(phantom_cohort, tmp_path / "run", small, LOOP)
    (entry,) = weights_ledger(tmp_path / "run").broken
    assert (entry.reason, entry.name) == ("borrowed", "base")
    assert "base: it stands on weights from a folder" in refused(tmp_path / "run", tmp_path / "given")


def test_phantoms_without_a_ledger_that_another_step_changed_are_not_trusted(
    phantom_cohort: Cohort, tmp_path: Path
) -> None:
    synthcmr.fit_recalibration(phantom_cohort, tmp_path / "truth")
    changed = synthcmr.recalibrate(phantom_cohort, tmp_path / "truth", tmp_path / "better").cohort
    before = {name: value for name, value in changed.info.items() if name != LEDGER}  # as version 0.1.0 wrote it
    assert before["origin"] == ["phantom"]
    assert reasons(cohort_ledger(Cohort(changed.path, before))) == ["not-kept"]


def test_a_stamp_is_not_read_from_a_table(exported: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(f"subject_id,image,dp_epsilon,dp_delta\na,{next(exported.rglob('*.nii.gz'))},0.1,1e-5\n")
    run("ingest", table, tmp_path / "again", "--size", 64)
    again = Cohort.open(tmp_path / "again")
    assert not [name for name in (*again.images, *again.subjects) if name.startswith("dp_")]
