from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort.attributes import clean
from synthcmr.cohort.identifiers import screen
from synthcmr.cohort.readers import get_reader, recognise
from synthcmr.errors import ReadError
from tests.cohort.readers.layouts import SPACING, SPOILED_IMAGES, STEP, heart, picture, read_all, read_one, save

TEXT = (
    "Case P007\n\nGap between slices\xa0: 10 mm\nSex\xa0: F\nAge : 70\nTobacco : 3\nOverweight : N\n"
    "Arterial hypertension : Y\nDiabetes : N\nFamilial history of coronary artery disease: N\nECG (ST +) : Y\n"
    "Troponin : 1.1\nKillip Max: 1\nFEVG : 60\nNTProBNP : 248\nComment: seen by the ward on Monday\n"
)


def write_case(root: Path, name: str = "Case_P007", contours: bool = True) -> Path:
    """One case with 30 pixels of infarct and 8 of no-reflow in its wall."""
    folder = root / name
    mask = heart(1)[0]
    mask[mask == 3] = 0  # EMIDEC draws no RV
    save(folder / "Images" / f"{name}.nii.gz", picture(mask))
    if contours:
        wall = np.flatnonzero(mask == 2)
        foreign = mask.copy()
        foreign.flat[wall[:30]] = 3
        foreign.flat[wall[30:38]] = 4
        save(folder / "Contours" / f"{name}.nii.gz", foreign)
    (root / f"{name.replace('_', ' ')}.txt").write_bytes(TEXT.encode("cp1252"))
    return folder


def test_scar_is_wall_and_its_volume_is_kept(tmp_path: Path) -> None:
    write_case(tmp_path)
    assert recognise(tmp_path).name == "emidec"
    raw = read_one("emidec", tmp_path)
    (stack,) = raw.stacks
    mask = heart(1)
    assert stack.mask is not None
    np.testing.assert_array_equal(stack.mask == 1, mask == 1)
    np.testing.assert_array_equal(stack.mask == 2, mask == 2)
    assert (stack.mask[(mask != 1) & (mask != 2)] == 255).all()
    assert stack.labelled_in(0) == ("lv", "myo")
    assert stack.phases == ("",)
    voxel_ml = SPACING[0] * SPACING[1] * STEP / 1000
    assert raw.attributes["infarct_ml"] == pytest.approx(30 * voxel_ml, abs=1e-3)
    assert raw.attributes["no_reflow_ml"] == pytest.approx(8 * voxel_ml, abs=1e-3)


def test_text_becomes_attributes_without_free_text(tmp_path: Path) -> None:
    write_case(tmp_path)
    attributes, notes = clean(screen(read_one("emidec", tmp_path).attributes)[0])
    assert not notes
    expected = {
        "sex": "female", "age": 70.0, "tobacco": 3.0, "overweight": False, "hypertension": True, "diabetes": False,
        "family_coronary_disease": False, "st_elevation": True, "troponin": 1.1, "killip_class": 1.0,
        "lvef_echo_percent": 60.0, "nt_probnp": 248.0, "sequence": "LGE", "diagnosis": "pathological",
    }  # fmt: skip
    assert {k: v for k, v in attributes.items() if not k.endswith("_ml")} == expected


def test_normal_case_one_folder_and_no_contours_or_text(tmp_path: Path) -> None:
    write_case(tmp_path, "Case_N006")
    test_case = write_case(tmp_path, "Case_101", contours=False)
    (tmp_path / "Case 101.txt").unlink()
    subjects = read_all("emidec", tmp_path)
    assert subjects["Case_N006"].attributes["diagnosis"] == "normal"
    assert subjects["Case_101"].attributes == {"sequence": "LGE"}
    assert subjects["Case_101"].stacks[0].mask is None
    assert "no text file" in subjects["Case_101"].notes[0]
    assert list(read_all("emidec", test_case)) == ["Case_101"]


@pytest.mark.parametrize("damage", SPOILED_IMAGES)
def test_each_damage_is_one_clear_error(tmp_path: Path, damage: str) -> None:
    spoil, reason = SPOILED_IMAGES[damage]
    write_case(tmp_path, "Case_N006")
    spoil(write_case(tmp_path) / "Images" / "Case_P007.nii.gz")
    reader = get_reader("emidec")
    good, bad = reader.cases(tmp_path)
    with pytest.raises(ReadError, match=reason):
        reader.read(tmp_path, bad)
    assert reader.read(tmp_path, good).stacks


def test_contours_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = write_case(tmp_path) / "Contours" / "Case_P007.nii.gz"
    save(path, heart(1)[0] * 2)
    with pytest.raises(ReadError, match=r"got also \[6\]"):
        read_one("emidec", tmp_path)
    save(path, heart(1, slices=3)[0])
    with pytest.raises(ReadError, match="expected the shape of"):
        read_one("emidec", tmp_path)
