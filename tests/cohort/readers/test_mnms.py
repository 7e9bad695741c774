from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort.attributes import clean
from synthcmr.cohort.readers import get_reader, recognise
from synthcmr.errors import ReadError, SettingsError
from tests.cohort.readers.layouts import SHAPE, SPACING, SPOILED_IMAGES, STEP, heart, picture, read_all, save, write_csv

TABLE = "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv"
ROW = {
    "": 0,
    "External code": "A0S9V9",
    "VendorName": "Siemens",
    "Vendor": "A",
    "Centre": 1,
    "ED": 0,
    "ES": 3,
    "Age": 29.0,
    "Pathology": "DCM",
    "Sex": "M",
    "Height": 184.0,
    "Weight": 74.0,
}


def subject(root: Path, code: str, part: str, masks: bool = True) -> Path:
    """CODE_sa.nii.gz of 5 frames; masks at frames 0 and 3, or an empty file of masks."""
    folder = root / part / code
    drawn = heart(5)
    save(folder / f"{code}_sa.nii.gz", picture(drawn))
    drawn[[1, 2, 4]] = 0
    save(folder / f"{code}_sa_gt.nii.gz", drawn if masks else np.zeros_like(drawn))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    subject(tmp_path, "A0S9V9", "Training/Labeled")
    subject(tmp_path, "B1T2W3", "Training/Unlabeled", masks=False)
    subject(tmp_path, "C4U5X6", "Testing")
    other = {
        "External code": "B1T2W3",
        "VendorName": "",
        "Vendor": "C",
        "Height": "1.75",
        "Weight": "N/A",
        "Age": "N/A",
    }
    third = {"External code": "C4U5X6", "VendorName": "Canon", "Vendor": "D", "Sex": "F", "Height": "N/A", "Weight": ""}
    never_opened = {"External code": "Z9Z9Z9"}
    write_csv(tmp_path / TABLE, [ROW, *({**ROW, **r} for r in (other, third, never_opened))])
    return tmp_path


def test_cine_has_masks_at_ed_and_es_only(root: Path) -> None:
    assert recognise(root).name == "mnms"
    (stack,) = read_all("mnms", root)["A0S9V9"].stacks
    assert stack.image.shape == (5, *SHAPE)
    assert stack.phases == ("ED", "", "", "ES", "")
    assert stack.mask is not None
    np.testing.assert_array_equal(stack.mask[[0, 3]], heart(5)[[0, 3]])
    assert (stack.mask[[1, 2, 4]] == 255).all()
    assert [stack.labelled_in(t) for t in (0, 1)] == [("lv", "myo", "rv"), ()]
    assert (stack.spacing_mm, stack.slice_step_mm) == (SPACING, STEP)


def test_a_file_of_empty_masks_means_unlabelled(root: Path) -> None:
    (stack,) = read_all("mnms", root)["B1T2W3"].stacks
    assert stack.mask is None
    assert stack.phases == ("ED", "", "", "ES", "")


def test_attributes(root: Path) -> None:
    subjects = read_all("mnms", root)
    assert set(subjects) == {"A0S9V9", "B1T2W3", "C4U5X6"}
    first, notes = clean(subjects["A0S9V9"].attributes)
    assert not notes
    assert first == {
        "centre": "1", "age": 29.0, "sex": "male", "weight_kg": 74.0, "diagnosis": "DCM", "vendor": "Siemens",
        "height_cm": 184.0, "partition": "training-labeled", "bmi": 21.86,
    }  # fmt: skip
    second = clean(subjects["B1T2W3"].attributes)[0]
    assert (second["vendor"], second["height_cm"], second["partition"]) == ("GE", 175.0, "training-unlabeled")
    assert not {"weight_kg", "age"} & set(second)
    assert clean(subjects["C4U5X6"].attributes)[0]["partition"] == "testing"


def test_a_part_of_the_data_set_finds_the_table_above_it(root: Path) -> None:
    assert list(read_all("mnms", root / "Training" / "Labeled")) == ["A0S9V9"]
    assert not get_reader("mnms").recognises(root.parent)


def test_without_a_table_it_is_not_recognised_and_said(root: Path) -> None:
    (root / TABLE).unlink()
    assert not get_reader("mnms").recognises(root)
    with pytest.raises(SettingsError, match="expected a CSV with columns 'External code'"):
        get_reader("mnms").cases(root)


@pytest.mark.parametrize("damage", SPOILED_IMAGES)
def test_each_damage_is_one_clear_error(root: Path, damage: str) -> None:
    spoil: Callable[[Path], None] = SPOILED_IMAGES[damage][0]
    cases = {c.case_id: c for c in get_reader("mnms").cases(root)}
    spoil(root / "Testing" / "C4U5X6" / "C4U5X6_sa.nii.gz")
    with pytest.raises(ReadError, match=SPOILED_IMAGES[damage][1]):
        get_reader("mnms").read(root, cases["Testing/C4U5X6"])
    assert get_reader("mnms").read(root, cases["Training/Labeled/A0S9V9"]).stacks


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ES": 5}, "ES: expected a frame from 0 to 4, got a number"),
        ({"ED": "first"}, "ED: expected a frame from 0 to 4, got text of 5"),
        ({"External code": "other"}, "expected a row with External code A0S9V9"),
    ],
)
def test_rows_that_cannot_be_are_refused(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    subject(tmp_path, "A0S9V9", "Training/Labeled")
    write_csv(tmp_path / TABLE, [{**ROW, **change}])
    with pytest.raises(ReadError, match=reason):
        read_all("mnms", tmp_path)


def test_masks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    folder = subject(tmp_path, "A0S9V9", "Training/Labeled")
    write_csv(tmp_path / TABLE, [ROW])
    save(folder / "A0S9V9_sa_gt.nii.gz", heart(4))
    with pytest.raises(ReadError, match="expected 5 frames as its image has, got 4"):
        read_all("mnms", tmp_path)
    save(folder / "A0S9V9_sa_gt.nii.gz", heart(5, slices=3))
    with pytest.raises(ReadError, match="expected the shape of"):
        read_all("mnms", tmp_path)
    save(folder / "A0S9V9_sa_gt.nii.gz", heart(5) * 3)
    with pytest.raises(ReadError, match=r"got also \[6, 9\]"):
        read_all("mnms", tmp_path)


def test_unknown_phases_leave_the_labelled_frames(tmp_path: Path) -> None:
    subject(tmp_path, "A0S9V9", "Training/Labeled")
    write_csv(tmp_path / TABLE, [{**ROW, "ED": "", "ES": ""}])
    raw = read_all("mnms", tmp_path)["A0S9V9"]
    assert raw.stacks[0].phases == ("",) * 5
    assert [bool(raw.stacks[0].labelled_in(t)) for t in range(5)] == [True, False, False, True, False]
    assert "does not say which frames" in raw.notes[0]
