import gzip
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from synthcmr.cohort.attributes import clean
from synthcmr.cohort.readers import get_reader, recognise
from synthcmr.errors import ReadError
from tests.cohort.readers.layouts import (
    ACDC,
    AFFINE,
    SHAPE,
    SPACING,
    SPOILED_IMAGES,
    STEP,
    acdc_patient,
    heart,
    picture,
    read_all,
    read_one,
    save,
)


def test_pair_has_pixels_labels_and_geometry_of_the_files(tmp_path: Path) -> None:
    acdc_patient(tmp_path)
    raw = read_one("acdc", tmp_path)
    (stack,) = raw.stacks
    drawn = heart(2)
    assert raw.subject_id == "patient001"
    np.testing.assert_array_equal(stack.image, np.stack([picture(drawn[0]), picture(drawn[1])]))
    np.testing.assert_array_equal(stack.mask, drawn)
    assert stack.image.dtype == np.int16
    assert stack.phases == ("ED", "ES")
    assert stack.frame_indices == (0, 4)
    assert stack.spacing_mm == SPACING
    assert stack.slice_step_mm == STEP
    np.testing.assert_array_equal(stack.affine, AFFINE)
    assert stack.labelled_in(0) == ("lv", "myo", "rv")


def test_info_becomes_attributes_and_zero_is_unknown(tmp_path: Path) -> None:
    acdc_patient(tmp_path)
    assert clean(read_one("acdc", tmp_path).attributes)[0] == {
        "diagnosis": "HCM",
        "height_cm": 184.0,
        "weight_kg": 95.0,
        "bmi": 28.06,
    }
    acdc_patient(tmp_path, info="ED: 1\nES: 5\nGroup: NOR\nHeight: 0.0\nNbFrame: 8\n")
    assert read_one("acdc", tmp_path).attributes == {"diagnosis": "NOR"}


def test_whole_cine_is_used_where_it_is_there(tmp_path: Path) -> None:
    folder = acdc_patient(tmp_path)
    drawn = heart(8)
    drawn[[0, 4]] = heart(2)
    save(folder / "patient001_4d.nii.gz", picture(drawn))
    (stack,) = read_one("acdc", tmp_path).stacks
    assert stack.image.shape == (8, *SHAPE)
    assert stack.phases == ("ED", "", "", "", "ES", "", "", "")
    assert stack.frame_indices == tuple(range(8))
    assert stack.labelled_in(0) == stack.labelled_in(4) == ("lv", "myo", "rv")
    assert stack.labelled_in(1) == ()
    assert stack.mask is not None
    np.testing.assert_array_equal(stack.mask[[0, 4]], heart(2))
    assert (stack.mask[[1, 2, 3, 5, 6, 7]] == 255).all()


@pytest.mark.parametrize("depth", ["database/training", "training", "."])
def test_root_part_or_one_patient_can_be_the_source(tmp_path: Path, depth: str) -> None:
    folder = acdc_patient(tmp_path / depth)
    for source in {tmp_path, folder}:
        assert recognise(source).name == "acdc"
        assert list(read_all("acdc", source)) == ["patient001"]


def test_training_and_testing_have_distinct_cases(tmp_path: Path) -> None:
    acdc_patient(tmp_path / "training", "patient001")
    acdc_patient(tmp_path / "testing", "patient101", masks=False)
    reader = get_reader("acdc")
    assert [c.case_id for c in reader.cases(tmp_path)] == ["testing/patient101", "training/patient001"]
    assert read_all("acdc", tmp_path)["patient101"].stacks[0].mask is None


def test_scaled_and_big_endian_values_are_those_nibabel_gives(tmp_path: Path) -> None:
    folder = acdc_patient(tmp_path)
    path = folder / "patient001_frame01.nii.gz"
    image = nib.Nifti1Image(picture(heart(1)[0]).T.astype(">i2"), AFFINE, nib.Nifti1Header(endianness=">"))
    image.header.set_data_dtype(">i2")
    image.header.set_slope_inter(0.25, 3.0)
    nib.save(image, path)
    (stack,) = read_one("acdc", tmp_path).stacks
    assert stack.image.dtype == np.float32
    np.testing.assert_allclose(stack.image[0], nib.load(path).get_fdata().T, rtol=1e-6)


def test_gzip_of_several_members_is_read_whole(tmp_path: Path) -> None:
    folder = acdc_patient(tmp_path)
    path = folder / "patient001_frame05.nii.gz"
    before = read_one("acdc", tmp_path).stacks[0].image
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:1000]) + gzip.compress(content[1000:]))
    np.testing.assert_array_equal(read_one("acdc", tmp_path).stacks[0].image, before)


@pytest.mark.parametrize("damage", SPOILED_IMAGES)
def test_each_damage_is_one_clear_error_and_others_are_unharmed(tmp_path: Path, damage: str) -> None:
    acdc_patient(tmp_path, "patient001")
    bad = acdc_patient(tmp_path, "patient002") / "patient002_frame05.nii.gz"
    spoil, reason = SPOILED_IMAGES[damage]
    spoil(bad)
    reader = get_reader("acdc")
    good_case, bad_case = reader.cases(tmp_path)
    with pytest.raises(ReadError, match=reason) as caught:
        reader.read(tmp_path, bad_case)
    assert "patient002_frame05.nii.gz" in str(caught.value)
    assert reader.read(tmp_path, good_case).stacks[0].mask is not None


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        ("", "'ED: <frame number from 1>', got no such line"),
        ("ED: 1\nGroup: HCM\n", "'ES: <frame number from 1>', got no such line"),
        ("ED: one\nES: 5\n", "got text of 3 characters"),
        ("ED: 0\nES: 5\n", "got a number"),
        ("ED: 5\nES: 5\n", "different frames, got 5"),
        ("ED: 1\n%PDF-1.4 garbage\nES: 5\n", "line 2: expected 'Key: value'"),
        ("ED: 1\nES: 6\n", "patient001_frame06.nii.gz: expected this file"),
    ],
)
def test_a_broken_info_says_which_line_and_what_was_expected(tmp_path: Path, info: str, reason: str) -> None:
    acdc_patient(tmp_path, info=info)
    with pytest.raises(ReadError, match=reason):
        read_one("acdc", tmp_path)


def test_a_missing_or_binary_info_is_said(tmp_path: Path) -> None:
    folder = acdc_patient(tmp_path)
    (folder / "Info.cfg").write_bytes(b"\xff\xfe\x00\x80" * 20)
    with pytest.raises(ReadError, match=r"Info.cfg: expected text"):
        read_one("acdc", tmp_path)
    (folder / "Info.cfg").unlink()
    with pytest.raises(ReadError, match=r"Info.cfg: expected this file"):
        read_one("acdc", tmp_path)


def test_masks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = acdc_patient(tmp_path) / "patient001_frame05_gt.nii.gz"
    save(path, ACDC[heart(1, slices=3)[0]])
    with pytest.raises(ReadError, match=r"expected the shape of .*20 x 24 x 4, got 20 x 24 x 3"):
        read_one("acdc", tmp_path)
    save(path, heart(1)[0] * 2)
    with pytest.raises(ReadError, match=r"expected labels \[0, 1, 2, 3\], got also \[4, 6\]"):
        read_one("acdc", tmp_path)
    save(path, heart(1)[0] * np.float32(0.5))
    with pytest.raises(ReadError, match="fractions"):
        read_one("acdc", tmp_path)


def test_ed_and_es_of_other_shapes_and_frames_outside_the_cine_are_refused(tmp_path: Path) -> None:
    folder = acdc_patient(tmp_path, masks=False)
    save(folder / "patient001_4d.nii.gz", picture(heart(4)))
    with pytest.raises(ReadError, match="within the 4 frames"):
        read_one("acdc", tmp_path)
    (folder / "patient001_4d.nii.gz").unlink()
    save(folder / "patient001_frame05.nii.gz", picture(heart(1, slices=3)[0]))
    with pytest.raises(ReadError, match="expected the shape of patient001_frame01"):
        read_one("acdc", tmp_path)


@pytest.mark.skipif("SYNTHCMR_TEST_DATA" not in os.environ, reason="SYNTHCMR_TEST_DATA names no folder of real data")
def test_real_subjects_keep_every_voxel() -> None:
    source = Path(os.environ["SYNTHCMR_TEST_DATA"]) / "acdc"
    subjects = read_all("acdc", source)
    assert len(subjects) == 30
    groups = [str(s.attributes["diagnosis"]) for s in subjects.values()]
    assert {g: groups.count(g) for g in groups} == dict.fromkeys(("NOR", "DCM", "HCM", "MINF", "RV"), 6)
    for name in list(subjects)[::10]:
        (stack,) = subjects[name].stacks
        assert stack.mask is not None
        for t, frame in enumerate(stack.frame_indices):
            stem = source / "training" / name / f"{name}_frame{frame + 1:02d}"
            np.testing.assert_array_equal(nib.load(f"{stem}.nii.gz").get_fdata().T, stack.image[t])
            labels = np.asanyarray(nib.load(f"{stem}_gt.nii.gz").dataobj).T
            np.testing.assert_array_equal(ACDC[stack.mask[t]], labels)


def test_unit_steps_in_the_affine_yield_to_voxel_sizes(tmp_path: Path) -> None:
    folder = tmp_path / "patient001"
    folder.mkdir()
    (folder / "Info.cfg").write_text("ED: 1\nES: 2\nGroup: NOR\nHeight: 170\nWeight: 70\n")
    for name in ("frame01", "frame02", "frame01_gt", "frame02_gt"):
        header = nib.Nifti1Header()
        data = np.zeros((20, 24, 4), dtype=np.int16)
        data[5:9, 6:10] = 3 if name.endswith("gt") else 400
        image = nib.Nifti1Image(data, np.diag([-1.0, -1.0, 1.0, 1.0]), header)
        image.header["pixdim"][1:4] = (1.5, 1.4, 10.0)
        nib.save(image, folder / f"patient001_{name}.nii.gz")
    reader = get_reader("acdc")
    (stack,) = reader.read(tmp_path, reader.cases(tmp_path)[0]).stacks
    assert stack.spacing_mm == pytest.approx((1.4, 1.5))
    assert np.allclose(np.diag(stack.affine), [-1.5, -1.4, 10.0, 1.0])
