import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from synthcmr.cli.app import app
from synthcmr.cohort import Cohort
from synthcmr.cohort.writers import WRITERS
from synthcmr.errors import CohortError, SettingsError
from tests.cohort.writers.building import standard_cohort
from tests.journeys.typing_in import run

FIRST_FILES = {
    "nnunet": "Dataset501_SynthCMR/dataset.json",
    "nifti": "images.csv",
    "dicom": "p01/stack0/slice00_frame000.dcm",
    "png": "metadata.csv",
    "gif": "cines/p01_0.gif",
    "huggingface": "train/metadata.parquet",
    "acdc": "patient001/Info.cfg",
}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return standard_cohort(tmp_path_factory.mktemp("cohort") / "c")


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["export", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("layout", list(WRITERS))
def test_every_layout_is_written(layout: str, cohort: Cohort, tmp_path: Path) -> None:
    told = _run(str(cohort.path), str(tmp_path / "out"), "--format", layout)
    assert (tmp_path / "out" / FIRST_FILES[layout]).is_file()
    assert "4 subject(s)" in told


def test_what_was_left_out_is_told(cohort: Cohort, tmp_path: Path) -> None:
    told = _run(str(cohort.path), str(tmp_path / "out"), "--format", "acdc")
    assert "p02, masks: only partly labelled" in told
    assert "left_out.csv" in told


def test_a_selection_is_written(cohort: Cohort, tmp_path: Path) -> None:
    _run(str(cohort.path), str(tmp_path / "out"), "--format", "hf", "--where", "sex == 'male'", "--bits", "16")
    found = {d.name for d in (tmp_path / "out").glob("*/images/*")}
    assert found == {"p02", "p04"}
    with pytest.raises(SettingsError, match="no image of"):
        _run(str(cohort.path), str(tmp_path / "none"), "--format", "png", "--where", "age > 100")


def test_options_of_another_layout_are_refused(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unknown option bits; it has: none"):
        _run(str(cohort.path), str(tmp_path / "out"), "--format", "nifti", "--bits", "8")


def test_files_in_the_way_are_refused_and_an_earlier_export_replaced(cohort: Cohort, tmp_path: Path) -> None:
    _run(str(cohort.path), str(tmp_path / "out"), "--format", "png")
    with pytest.raises(CohortError, match="empty or new folder"):
        _run(str(cohort.path), str(tmp_path / "out"), "--format", "png")
    _run(str(cohort.path), str(tmp_path / "out"), "--format", "nifti", "--overwrite")
    assert not (tmp_path / "out" / "metadata.csv").exists()
    with pytest.raises(CohortError, match=r"images\.csv is a file; choose another name"):
        _run(str(cohort.path), str(tmp_path / "out" / "images.csv"), "--format", "png")


def test_a_damaged_cohort_is_one_sentence_on_the_terminal(phantom_cohort: Cohort, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(phantom_cohort.path, tmp_path / "damaged"))
    shard = damaged / "arrays.zarr/image/c/0/0/0"
    content = bytearray(shard.read_bytes())
    content[2000] ^= 1
    shard.write_bytes(bytes(content))
    done = run("export", damaged, tmp_path / "out", "--format", "nifti", ok=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"Error: {damaged}/arrays.zarr/image: expected the pixels as synthcmr wrote them")
    assert "have another checksum than when they were written" in last
