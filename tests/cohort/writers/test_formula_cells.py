"""Cells that a spreadsheet would run are marked in every CSV file, and read back as they were."""

import csv
from pathlib import Path

import pytest

from synthcmr.cohort.csv_cells import harmless, unmarked
from synthcmr.cohort.readers.tables.files import read_columns, read_rows
from synthcmr.cohort.writers import get_writer
from tests.cohort.writers.building import build, records


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
