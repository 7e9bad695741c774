"""Reasons say what kind of thing was found, and never what a file holds; links out of a source are not followed."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort.ingest import plan_ingest, read_case
from synthcmr.cohort.reasons import kind_of, token, why
from synthcmr.config import IngestSettings
from synthcmr.errors import ReadError, SynthcmrError
from tests.cohort.readers.layouts import acdc_patient, write_csv

SECRET = "Jane Doe, born 1950-01-02"


def reasons(source: Path, kind: str = "auto") -> str:
    """Everything that reading a source says, whether as an error or as rejects."""
    settings = IngestSettings(format=kind)
    try:
        plan = plan_ingest(source, settings)
        records = [read_case(plan.reader, plan.source, case, plan.settings.preprocess, None) for case in plan.cases]
    except SynthcmrError as error:
        return str(error)
    return "\n".join(f"{r.part}: {r.reason}" for record in records for r in record.rejects)


@pytest.mark.parametrize(
    "text", [SECRET, f"ED: {SECRET}\nES: 2", f"ED: 1\nES: 2\nHeight: {SECRET}", f"ED: 1\nES: 2\nWeight: 12 {SECRET}"]
)
def test_a_line_of_a_text_file_is_not_repeated(tmp_path: Path, text: str) -> None:
    folder = acdc_patient(tmp_path, "patient001")
    (folder / "Info.cfg").write_text(text)
    told = reasons(tmp_path)
    assert "expected" in told
    assert "Jane" not in told


@pytest.mark.parametrize(
    "column", ["frame", "spacing_mm", "labels", "labelled", "sex", "age", "slice_step_mm", "origin"]
)
def test_a_cell_of_a_table_is_not_repeated(tmp_path: Path, column: str) -> None:
    np.save(tmp_path / "a.npy", np.arange(64, dtype=np.int16).reshape(8, 8))
    write_csv(tmp_path / "table.csv", [{"image": "a.npy", "subject_id": "1", column: SECRET}])
    told = reasons(tmp_path / "table.csv")
    assert "expected" in told
    assert "Jane" not in told


@pytest.mark.parametrize("file", ["Info.cfg", "patient001_frame01.nii.gz", "patient001_frame01_gt.nii.gz"])
def test_a_link_that_leads_out_of_the_source_is_not_followed(tmp_path: Path, file: str) -> None:
    source = tmp_path / "source"
    folder = acdc_patient(source, "patient001")
    outside = tmp_path / f"outside-{file}"
    shutil.move(folder / file, outside)
    (folder / file).symlink_to(outside)
    assert f"{file}: expected a file of the source, got a link that leads out of it" in reasons(source)


def test_links_within_a_source_and_a_source_that_is_a_link_are_read(tmp_path: Path) -> None:
    source = tmp_path / "source"
    folder = acdc_patient(source, "patient001")
    shutil.move(folder / "Info.cfg", source / "kept.cfg")
    (folder / "Info.cfg").symlink_to(source / "kept.cfg")
    (tmp_path / "link").symlink_to(source)
    assert reasons(source) == reasons(tmp_path / "link") == ""


def test_what_a_library_says_of_a_file_is_not_repeated() -> None:
    assert why(ValueError(f"could not convert string to float: '{SECRET}'")) == "ValueError"
    assert why(UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET)) == "it is no UTF-8 text"
    assert why(ReadError("a.nii: expected an image")) == "a.nii: expected an image"
    assert why(FileNotFoundError(2, "No such file or directory", SECRET)) == "no such file or directory"


def test_tokens_are_short_and_escaped() -> None:
    assert token("MR") == "MR"
    assert token("\x1b[31m<b>" + "x" * 100) == "\\x1b[31m<b>" + "x" * 13 + "…"
    assert [kind_of(x) for x in (None, " ", "1,5", 3, "abc", True)] == [
        "nothing",
        "nothing",
        "a number",
        "a number",
        "text of 3 characters",
        "true or false",
    ]
