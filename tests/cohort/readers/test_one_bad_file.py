"""One file that nobody can read is told, and stops nobody else from being read."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import synthcmr
from synthcmr.cohort import Cohort
from tests.cohort.readers.layouts import acdc_patient, heart, picture, save

LONG = "x" * 140_000  # longer than what csv reads as one cell
DIGITS = "9" * 5000


def patients(folder: Path) -> Path:
    """ACDC of a good patient and one to be changed, which is returned."""
    acdc_patient(folder, "patient001")
    return acdc_patient(folder, "patient002")


def sizes_of(patient: Path, axis: int, size: float) -> None:
    """Other voxel sizes in the headers, which say nothing else of the place."""
    for file in patient.glob("*.nii.gz"):
        pixels = np.asanyarray(nib.load(file).dataobj)
        changed = nib.Nifti1Image(pixels, None)
        changed.header["pixdim"][1:4] = [1.25, 1.5, 9.0]
        changed.header["pixdim"][axis] = size
        nib.save(changed, file)


def linked_elsewhere(patient: Path) -> None:
    other = patient.parents[1] / "other.txt"
    other.write_text("ED: a line of somebody else\n")
    (patient / "Info.cfg").unlink()
    (patient / "Info.cfg").symlink_to(other)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "tiny pixels": (lambda p: sizes_of(p, 1, 1e-7), "expected a pixel width of 0.02 to 20 mm, got 1e-07 mm"),
    "huge pixels": (lambda p: sizes_of(p, 2, 1e4), "expected a pixel size of 0.02 to 20 mm, got 10000 mm"),
    "huge steps": (lambda p: sizes_of(p, 3, 1e6), "expected a slice step of 0.05 to 100 mm, got 1e+06 mm"),
    "endless steps": (lambda p: sizes_of(p, 3, np.inf), "expected voxel sizes above 0 in the header"),
    "pixels of nothing": (lambda p: sizes_of(p, 1, 0.0), "expected voxel sizes above 0 in the header"),
    "steps of nothing": (lambda p: sizes_of(p, 3, 0.0), "expected voxel sizes above 0 in the header"),
    "a frame of 5,000 digits": (
        lambda p: (p / "Info.cfg").write_text(f"ED: {DIGITS}\nES: 2\n"),
        "expected a line 'ED: <frame number from 1>', got a number",
    ),
    "a link that leads out": (linked_elsewhere, "got a link that leads out of it"),
    "another name": (lambda p: p.rename(p.with_name("pat002")), "expected a folder named 'patient' and a number"),
    "a name that is no text": (
        lambda p: os.rename(p, os.fsencode(p) + b"\xff"),
        "expected a folder named 'patient' and a number",
    ),
}


def read(source: Path, out: Path) -> Cohort:
    return synthcmr.ingest(source, out, size=32, spacing=6.0, workers=1).cohort


@pytest.mark.parametrize("kind", BAD)
def test_a_patient_that_cannot_be_read_is_the_only_one_that_is_not(kind: str, tmp_path: Path) -> None:
    change, reason = BAD[kind]
    change(patients(tmp_path / "data"))
    cohort = read(tmp_path / "data", tmp_path / "out")
    assert cohort.subjects["subject_id"].tolist() == ["patient001"]
    told = "; ".join(cohort.rejects["reason"])
    assert reason in told
    assert "somebody else" not in told


def test_one_slice_needs_no_step(tmp_path: Path) -> None:
    for name, pixels in (("p1_ED", picture(heart())[0, :1]), ("p1_ED_gt", heart()[0, :1])):
        save(tmp_path / "data" / f"{name}.nii.gz", pixels)
        sizes_of(tmp_path / "data", 3, 0.0)
    assert np.isnan(read(tmp_path / "data", tmp_path / "out").images["slice_step_mm"]).all()


BESIDE: dict[str, tuple[str, str]] = {  # a file that is no table of images, in whichever folder it lies
    "a long first line": ("notes.csv", LONG + "\n"),
    "a first line of many cells": ("notes.csv", "a," * 80_000 + "\n1,2\n"),
    "lists in lists": ("metadata.jsonl", '{"image": ' + "[" * 100_000 + "\n"),
    "a number of 5,000 digits": ("metadata.jsonl", '{"image": ' + DIGITS + "}\n"),
    "no text": ("notes.csv", "\udcff\udcfe"),
}


@pytest.mark.parametrize("above", [0, 1, 3])
@pytest.mark.parametrize("kind", BESIDE)
def test_a_file_that_lies_beside_the_images_is_left_alone(kind: str, above: int, tmp_path: Path) -> None:
    source = tmp_path / "a/b/c/data"
    for name, pixels in (("p1_ED", picture(heart())), ("p1_ED_gt", heart()[0])):
        save(source / f"{name}.nii.gz", pixels)
    name, text = BESIDE[kind]
    [source, *source.parents][above].joinpath(name).write_text(text, errors="surrogateescape")
    assert read(source, tmp_path / "out").subjects["subject_id"].tolist() == ["p1"]


def test_files_whose_names_are_no_text_are_read(tmp_path: Path) -> None:
    for name, pixels in (("p_ED", picture(heart())), ("p_ED_gt", heart()[0])):
        save(tmp_path / "data" / f"{name}.nii.gz", pixels)
    for file in (tmp_path / "data").iterdir():
        os.rename(file, os.fsencode(file).replace(b"/p_", b"/p\xff_"))
    assert read(tmp_path / "data", tmp_path / "out").subjects["subject_id"].tolist() == [r"p\udcff"]


@pytest.mark.parametrize("number", ["9" * 19, "-" + "9" * 30, DIGITS, "1e309", "nan", "inf"])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_numbers_that_no_table_can_hold_stop_nobody(number: str, suffix: str, tmp_path: Path) -> None:
    source = tmp_path / "data"
    for name, pixels in (("a", picture(heart())), ("b", heart()[0])):
        save(source / f"{name}.nii.gz", pixels)
    row = {"subject_id": "s1", "image": "a.nii.gz", "mask": "b.nii.gz", "phase": "ED", "age": "X", "code": "X"}
    if suffix == ".csv":
        text = ",".join(row) + "\n" + ",".join(row.values()).replace("X", number) + "\n"
    else:
        text = json.dumps(row).replace('"X"', number.replace("nan", "NaN").replace("inf", "Infinity")) + "\n"
    (source / f"table{suffix}").write_text(text)
    cohort = read(source / f"table{suffix}", tmp_path / "out")
    assert cohort.subjects["age"].isna().all()
