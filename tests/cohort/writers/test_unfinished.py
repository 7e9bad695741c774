"""An export that was stopped says so, and the same command makes it whole; cells that a spreadsheet would run are marked."""

import csv
from pathlib import Path
from typing import Any

import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.csv_cells import harmless, unmarked
from synthcmr.cohort.readers.tables.files import read_columns, read_rows
from synthcmr.cohort.writers import WRITERS, get_writer
from synthcmr.errors import SynthcmrError, WriteError
from tests.cohort.writers.building import build, records, standard_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return standard_cohort(tmp_path_factory.mktemp("cohort") / "c")


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def stopped(done: int, _: int) -> None:
    if done == 2:
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", WRITERS)
def test_a_stopped_export_is_not_taken_for_a_whole_one_and_made_anew(name: str, cohort: Cohort, tmp_path: Path) -> None:
    given: dict[str, Any] = {"dataset_id": 900} if name == "nnunet" else {}
    with pytest.raises(KeyboardInterrupt):
        get_writer(name, **given).write(cohort, tmp_path / "out", stopped)
    assert not (tmp_path / "out/provenance.json").exists()
    get_writer(name, **given).write(cohort, tmp_path / "out")
    get_writer(name, **given).write(cohort, tmp_path / "whole")
    assert files(tmp_path / "out").keys() == files(tmp_path / "whole").keys()
    assert (tmp_path / "out/provenance.json").exists()
    with pytest.raises(WriteError, match="expected an empty or new folder"):
        get_writer(name, **given).write(cohort, tmp_path / "out")


def test_two_exports_do_not_share_a_folder(cohort: Cohort, tmp_path: Path) -> None:
    def second(done: int, _: int) -> None:
        get_writer("png").write(cohort, tmp_path / "out")

    with pytest.raises(SynthcmrError, match="another synthcmr process is writing"):
        get_writer("png").write(cohort, tmp_path / "out", second)


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1"])
def test_text_that_looks_like_a_formula_is_marked_and_read_back(text: str, tmp_path: Path) -> None:
    assert harmless(text) == "'" + text
    assert unmarked(harmless(text)) == text
    cohort = build(tmp_path / "c", [("p1", {"sex": "female", "site": text, "=note": "x"}, records("p1", 3))])
    get_writer("nifti").write(cohort, tmp_path / "out")
    table = tmp_path / "out/subjects.csv"
    with table.open(newline="") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(("=", "+", "@", "\t"))]
    assert {"site", "=note"} <= set(read_columns(table))
    assert read_rows(table)[0]["site"] == text.strip()


@pytest.mark.parametrize("value", [-1, -1.5, "-1.5", "+3", "'quoted'", "a=b", None, "1e-7"])
def test_numbers_and_other_text_stay_as_they_are(value: object) -> None:
    assert harmless(value) == ("" if value is None else value)
