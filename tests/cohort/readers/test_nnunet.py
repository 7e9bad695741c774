import json
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort.readers import get_reader, recognise
from synthcmr.errors import ReadError, SettingsError
from tests.cohort.readers.layouts import (
    SPACING,
    SPOILED_IMAGES,
    STEP,
    heart,
    picture,
    read_all,
    read_one,
    save,
    write_csv,
)

LABELS: dict[str, object] = {"background": 0, "RV": 1, "MYO": 2, "LV": 3}
ACDC = np.array([0, 3, 2, 1], dtype=np.uint8)  # canonical -> these values


def dataset(root: Path, labels: dict[str, object] | None = None, channels: dict[str, str] | None = None) -> Path:
    """A data set of one subject with ED and ES cases and, for testing, a case of another name without a label."""
    folder = root / "Dataset027_ACDC"
    drawn = heart(2)
    for t, case in enumerate(("patient001_ED", "patient001_ES")):
        for c in range(len(channels or {"0": ""})):
            save(folder / "imagesTr" / f"{case}_{c:04d}.nii.gz", picture(drawn[t], seed=c))
        save(folder / "labelsTr" / f"{case}.nii.gz", ACDC[drawn[t]])
    for c in range(len(channels or {"0": ""})):
        save(folder / "imagesTs" / f"unseen_{c:04d}.nii.gz", picture(drawn[0]))
    description = {"channel_names": channels or {"0": "cineMRI"}, "labels": labels or LABELS, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def test_cases_of_one_subject_become_one_stack(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    assert recognise(folder).name == recognise(tmp_path).name == "nnunet"
    subjects = read_all("nnunet", tmp_path)
    assert set(subjects) == {"patient001", "unseen"}
    (stack,) = subjects["patient001"].stacks
    assert stack.phases == ("ED", "ES")
    np.testing.assert_array_equal(stack.mask, heart(2))
    np.testing.assert_array_equal(stack.image, [picture(heart(2)[t]) for t in range(2)])
    assert (stack.spacing_mm, stack.slice_step_mm) == (SPACING, STEP)
    assert subjects["unseen"].stacks[0].mask is None
    assert subjects["unseen"].attributes == {"split": "test"}


def test_table_of_subjects_says_whose_and_who(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    rows = [
        {"case": "patient001_ED", "subject_id": "anna", "phase": "ED", "frame": 0, "sex": "female", "split": "train"},
        {"case": "patient001_ES", "subject_id": "anna", "phase": "ES", "frame": 9, "sex": "female", "split": "train"},
    ]
    write_csv(folder / "subjects.csv", rows)
    raw = read_all("nnunet", folder)["anna"]
    assert raw.attributes == {"sex": "female", "split": "train"}
    assert raw.stacks[0].frame_indices == (0, 9)


def test_label_names_decide_and_ignore_is_unlabelled(tmp_path: Path) -> None:
    dataset(tmp_path, {"background": 0, "ignore": 1, "left ventricle": 3, "heart": [2, 3], "myocardium": 2})
    (stack,) = read_all("nnunet", tmp_path)["patient001"].stacks
    assert stack.labelled_in(0) == ("lv", "myo")
    assert stack.mask is not None
    assert (stack.mask[heart(2) == 3] == 255).all()
    assert (stack.mask[heart(2) == 1] == 1).all()
    assert (stack.mask[heart(2) == 0] == 255).all()


def test_channels_named_as_phases_are_frames(tmp_path: Path) -> None:
    dataset(tmp_path, channels={"0": "ED", "1": "ES"})
    raw = read_all("nnunet", tmp_path)["unseen"]
    assert raw.stacks[0].phases == ("ED", "ES")
    labelled = read_all("nnunet", tmp_path)["patient001"]
    assert "one mask for all channels" in labelled.notes[0]
    assert labelled.stacks[0].labelled_in(1) == ()


def test_other_channels_are_left_out_and_said(tmp_path: Path) -> None:
    dataset(tmp_path, channels={"0": "cine", "1": "LGE"})
    raw = read_all("nnunet", tmp_path)["patient001"]
    np.testing.assert_array_equal(raw.stacks[0].image[0], picture(heart(2)[0]))
    assert "only channel 0" in raw.notes[0]


@pytest.mark.parametrize("damage", [d for d in SPOILED_IMAGES if d != "gone"])  # a case is known by its image
def test_a_bad_case_leaves_the_subjects_others(tmp_path: Path, damage: str) -> None:
    spoil, reason = SPOILED_IMAGES[damage]
    folder = dataset(tmp_path)
    spoil(folder / "imagesTr" / "patient001_ES_0000.nii.gz")
    raw = read_all("nnunet", folder)["patient001"]
    assert raw.stacks[0].phases == ("ED",)
    assert [(part, reason in why) for part, why in raw.rejects] == [("patient001_ES", True)]
    spoil(folder / "imagesTr" / "patient001_ED_0000.nii.gz")
    reader = get_reader("nnunet")
    with pytest.raises(ReadError, match=reason):
        reader.read(folder, reader.cases(folder)[0])


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"background": 0, "LV": 3, "MYO": 2}, r"expected labels \[0, 2, 3\], got also \[1\]"),
        ({"background": 0, "tumour": 1, "LV": 3, "MYO": 2}, "label 'tumour': expected a structure"),
        ({"background": 0, "LV": "3"}, "expected a whole number for 'LV'"),
    ],
)
def test_values_that_nobody_named_are_refused(tmp_path: Path, labels: dict[str, object], reason: str) -> None:
    folder = dataset(tmp_path, labels)
    reader = get_reader("nnunet")
    with pytest.raises(ReadError, match=reason):
        reader.read(folder, reader.cases(folder)[0])


def test_a_label_of_another_shape_is_refused(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    save(folder / "labelsTr" / "patient001_ES.nii.gz", heart(1, slices=3)[0])
    assert "expected the shape of its image" in read_all("nnunet", folder)["patient001"].rejects[0][1]


def test_a_description_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    (folder / "dataset.json").write_text("{")
    with pytest.raises(SettingsError, match="expected JSON"):
        get_reader("nnunet").cases(folder)
    (folder / "dataset.json").write_text("{}")
    with pytest.raises(SettingsError, match="expected an object with 'labels'"):
        get_reader("nnunet").cases(folder)
    (folder / "dataset.json").write_text(json.dumps({"labels": LABELS}))
    second = tmp_path / "Dataset028_Other" / "imagesTr"
    second.mkdir(parents=True)
    (second.parent / "dataset.json").write_text("{}")
    with pytest.raises(SettingsError, match="got Dataset027_ACDC, Dataset028_Other; name the one"):
        get_reader("nnunet").cases(tmp_path)
    assert read_all("nnunet", folder)["patient001"].stacks[0].phases == ("ED", "ES")


@pytest.mark.parametrize("ending", ["[" * 100_000, "/../../elsewhere.nii.gz", "*", "", 7])
def test_an_ending_of_names_that_is_none_is_refused_at_once(tmp_path: Path, ending: object) -> None:
    folder = dataset(tmp_path)
    (folder / "dataset.json").write_text(json.dumps({"labels": LABELS, "file_ending": ending}))
    with pytest.raises(SettingsError, match="expected a file_ending of at most 20 letters, digits and dots"):
        get_reader("nnunet").cases(folder)


def test_one_unnamed_case_is_one_subject(tmp_path: Path) -> None:
    folder = dataset(tmp_path)
    for part in ("imagesTr", "labelsTr"):
        for file in (folder / part).iterdir():
            file.unlink()
    assert read_one("nnunet", folder).subject_id == "unseen"
