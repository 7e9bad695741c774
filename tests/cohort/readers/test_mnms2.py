from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort.attributes import clean
from synthcmr.cohort.readers import get_reader, recognise
from synthcmr.errors import ReadError
from tests.cohort.readers.layouts import SHAPE, SPOILED_IMAGES, heart, picture, read_all, save, write_csv

ROW = {"SUBJECT_CODE": 1, "DISEASE": "HCM", "VENDOR": "GE MEDICAL SYSTEMS", "SCANNER": "Signa HDxt", "FIELD": "1.5T"}


def subject(root: Path, code: str, cine: bool = False, masks: bool = True) -> Path:
    """ED and ES, which are frames 1 and 3 of the cine where there is one; a long-axis file that nobody reads."""
    folder = root / "dataset" / code
    drawn = heart(5)
    frames = picture(drawn)
    for phase, t in (("ED", 1), ("ES", 3)):
        save(folder / f"{code}_SA_{phase}.nii.gz", frames[t])
        save(folder / f"{code}_LA_{phase}.nii.gz", frames[t, :1])
        if masks:
            save(folder / f"{code}_SA_{phase}_gt.nii.gz", drawn[t])
    if cine:
        save(folder / f"{code}_SA_CINE.nii.gz", frames)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    subject(tmp_path, "001")
    subject(tmp_path, "180", cine=True)
    subject(tmp_path, "201", masks=False)
    write_csv(tmp_path / "dataset_information.csv", [ROW, {**ROW, "SUBJECT_CODE": 180, "FIELD": 3}])
    return tmp_path


def test_pair(root: Path) -> None:
    assert recognise(root).name == recognise(root / "dataset").name == "mnms2"
    raw = read_all("mnms2", root)["001"]
    (stack,) = raw.stacks
    assert stack.phases == ("ED", "ES")
    np.testing.assert_array_equal(stack.mask, heart(5)[[1, 3]])
    np.testing.assert_array_equal(stack.image, picture(heart(5))[[1, 3]])
    assert clean(raw.attributes)[0] == {
        "diagnosis": "HCM", "vendor": "GE", "scanner": "Signa HDxt", "field_strength_t": 1.5, "partition": "train",
    }  # fmt: skip


def test_cine_is_used_where_ed_and_es_are_frames_of_it(root: Path) -> None:
    raw = read_all("mnms2", root)["180"]
    (stack,) = raw.stacks
    assert stack.image.shape == (5, *SHAPE)
    assert stack.phases == ("", "ED", "", "ES", "")
    assert stack.mask is not None
    np.testing.assert_array_equal(stack.mask[[1, 3]], heart(5)[[1, 3]])
    assert (stack.mask[[0, 2, 4]] == 255).all()
    assert clean(raw.attributes)[0]["field_strength_t"] == 3.0
    assert raw.attributes["partition"] == "validation"


def test_a_cine_of_other_pixels_is_left_out_and_said(root: Path) -> None:
    save(root / "dataset" / "180" / "180_SA_CINE.nii.gz", picture(heart(5), seed=9))
    raw = read_all("mnms2", root)["180"]
    assert raw.stacks[0].phases == ("ED", "ES")
    assert "not frames of the cine" in raw.notes[0]


def test_no_masks_and_no_row(root: Path) -> None:
    raw = read_all("mnms2", root / "dataset")["201"]
    assert raw.stacks[0].mask is None
    assert raw.attributes == {"partition": "test"}
    assert "does not describe" in raw.notes[0]


@pytest.mark.parametrize("damage", SPOILED_IMAGES)
def test_each_damage_is_one_clear_error(root: Path, damage: str) -> None:
    spoil, reason = SPOILED_IMAGES[damage]
    spoil(root / "dataset" / "001" / "001_SA_ES.nii.gz")
    reader = get_reader("mnms2")
    cases = {c.case_id: c for c in reader.cases(root)}
    with pytest.raises(ReadError, match=reason):
        reader.read(root, cases["dataset/001"])
    assert reader.read(root, cases["dataset/180"]).stacks


def test_files_that_do_not_fit_are_refused(root: Path) -> None:
    folder = root / "dataset" / "001"
    save(folder / "001_SA_ED_gt.nii.gz", heart(1, slices=3)[0])
    with pytest.raises(ReadError, match=r"001_SA_ED_gt.nii.gz: expected the shape of"):
        read_all("mnms2", root)
    save(folder / "001_SA_ED_gt.nii.gz", heart(1)[0] + 4)
    with pytest.raises(ReadError, match="expected labels"):
        read_all("mnms2", root)
    save(folder / "001_SA_ES.nii.gz", picture(heart(1, slices=3)[0]))
    with pytest.raises(ReadError, match="expected the shape of 001_SA_ED"):
        read_all("mnms2", root)
