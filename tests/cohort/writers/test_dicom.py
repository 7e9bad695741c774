import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.writers import get_writer
from synthcmr.cohort.writers.export import WriteSummary
from tests.cohort.writers.building import (
    FULL,
    SPACING,
    STEP,
    assert_same_pixels,
    assert_same_place,
    build,
    read_all,
    records,
    short_axis_affine,
    standard_cohort,
    written,
)

HALF_STEP = 0.5 / 4095 + 1e-6
# Synthetic Data (0008,001C) came into the standard in 2023; validators packaged before do not know it yet.
NEWER_THAN_VALIDATOR = "</(0008,001c)> - Attribute with an even group number is not a recognized standard attribute"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return standard_cohort(tmp_path_factory.mktemp("cohort") / "c")


@pytest.fixture(scope="module")
def exported(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, WriteSummary]:
    dest = tmp_path_factory.mktemp("dicom") / "out"
    return dest, get_writer("dicom").write(cohort, dest)


def test_reads_back_equal(cohort: Cohort, exported: tuple[Path, WriteSummary]) -> None:
    raw = read_all("dicom", exported[0])
    for subject_id, subject in written(cohort).items():
        back = raw[subject_id]
        assert back.rejects == ()
        assert back.origin == "synthetic"
        assert_same_pixels(subject, back, HALF_STEP)
        assert_same_place(subject, back.stacks[0])
        np.testing.assert_allclose(back.stacks[0].trigger_ms, subject.stacks[0].trigger_ms)
        assert back.stacks[0].slice_thickness_mm == 8.0


def test_attributes_come_back_and_missing_ones_stay_missing(exported: tuple[Path, WriteSummary]) -> None:
    raw = read_all("dicom", exported[0])
    expected = {k: v for k, v in FULL.items() if k not in ("bmi", "diagnosis", "smoker")}
    assert raw["p01"].attributes == expected
    assert raw["p03"].attributes == {}
    assert any("smoker" in note for note in exported[1].notes)


def test_a_header_says_what_nobody_asked_for(tmp_path: Path) -> None:
    who = {"sex": "female", "age": 61.0, "bmi": 25.9, "drawn": "sex,age"}
    made = build(tmp_path / "c", [("p", who, records("p", 3)), ("q", {"sex": "male"}, records("q", 4))])
    told = get_writer("dicom").write(made, tmp_path / "out")
    drawn = {
        (h := pydicom.dcmread(file, stop_before_pixels=True)).PatientID: h.get("PatientComments")
        for file in (tmp_path / "out").rglob("*.dcm")
    }
    assert drawn == {"p": "drawn by the generator, not asked for: sex, age", "q": None}
    assert not any("drawn" in note for note in told.notes), "it has its place in the header"


def _validate(file: Path) -> list[str]:
    result = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False)
    lines = (result.stdout + result.stderr).splitlines()
    return [line for line in lines if line.startswith("Error") and NEWER_THAN_VALIDATOR not in line]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (package dicom3tools) is not installed")
def test_validator_finds_no_errors(exported: tuple[Path, WriteSummary], tmp_path: Path) -> None:
    files = sorted(exported[0].rglob("*.dcm"))
    segmentations = [f for f in files if "masks" in f.name]
    assert len(segmentations) == 8
    bare = build(
        tmp_path / "c", [("q", {}, records("q", 9, affine=None, slice_thickness_mm=None, trigger_ms=(), origin="real"))]
    )
    get_writer("dicom").write(bare, tmp_path / "bare")
    images = [f for f in files if "masks" not in f.name][::9]
    for file in [*segmentations, *images, *sorted((tmp_path / "bare").rglob("*.dcm"))[::4]]:
        assert _validate(file) == [], file.name


def test_opens_in_simpleitk_with_the_cohorts_geometry(cohort: Cohort, exported: tuple[Path, WriteSummary]) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is a development dependency")
    files = sorted(str(f) for f in (exported[0] / "p01" / "stack0").glob("*_frame000.dcm"))
    series = sitk.ReadImage(files)
    np.testing.assert_allclose(series.GetSpacing(), (SPACING[1], SPACING[0], STEP), rtol=1e-5)
    to_ras = np.diag([-1.0, -1.0, 1.0])
    affine = short_axis_affine()
    np.testing.assert_allclose(to_ras @ np.array(series.GetOrigin()), affine[:3, 3], atol=1e-3)
    directions = to_ras @ np.array(series.GetDirection()).reshape(3, 3)
    np.testing.assert_allclose(directions, affine[:3, :3] / [SPACING[1], SPACING[0], STEP], atol=1e-4)
    expected = written(cohort)["p01"].stacks[0].image[0]
    np.testing.assert_allclose(sitk.GetArrayFromImage(series), expected, atol=HALF_STEP)


def test_synthetic_and_phantom_data_say_so_and_real_data_do_not(tmp_path: Path) -> None:
    for origin, says in (("synthetic", "YES"), ("phantom", "YES"), ("real", None)):
        one = build(tmp_path / f"c_{origin}", [("q", {"age": 50.7}, records("q", 1, origin=origin))])
        get_writer("dicom").write(one, tmp_path / origin)
        for file in [*(tmp_path / origin / "q").rglob("*frame000.dcm"), *(tmp_path / origin / "q").glob("*masks*.dcm")]:
            header = pydicom.dcmread(file)
            assert header.get("SyntheticData") == says, file.name
            assert header.ContributingEquipmentSequence[0].Manufacturer == "synthcmr"
            assert header.get("PatientIdentityRemoved") == (None if says else "YES")
            assert header.PatientAge == "050Y"
        image = pydicom.dcmread(next((tmp_path / origin / "q" / "stack0").iterdir()))
        assert image.ImageType[0] == "DERIVED"
        assert not [e for e in image.iterall() if e.tag.is_private]


def test_a_real_cohort_comes_back_under_its_own_ids(tmp_path: Path) -> None:
    one = build(tmp_path / "c", [(name, {}, records(name, n, origin="real")) for n, name in enumerate(("q1", "q2"))])
    get_writer("dicom").write(one, tmp_path / "out")
    raw = read_all("dicom", tmp_path / "out")
    assert set(raw) == {"q1", "q2"}
    assert {r.origin for r in raw.values()} == {"real"}


def test_uids_follow_from_the_cohort(cohort: Cohort, exported: tuple[Path, WriteSummary], tmp_path: Path) -> None:
    get_writer("dicom").write(cohort.select(subject_id="p01"), tmp_path / "again")
    files = sorted((tmp_path / "again" / "p01").rglob("*.dcm"))
    seen = set()
    for file in files:
        again, before = pydicom.dcmread(file), pydicom.dcmread(exported[0] / file.relative_to(tmp_path / "again"))
        assert again.SOPInstanceUID == before.SOPInstanceUID
        assert again.SeriesInstanceUID == before.SeriesInstanceUID
        seen.add(again.SOPInstanceUID)
    assert len(seen) == len(files)


def test_the_same_cohort_gives_the_same_bytes_at_another_time(
    cohort: Cohort, exported: tuple[Path, WriteSummary], tmp_path: Path
) -> None:
    time.sleep(1.1)  # dates in headers count seconds
    get_writer("dicom").write(cohort, tmp_path / "later")
    for file in sorted((tmp_path / "later").rglob("*.dcm")):
        assert file.read_bytes() == (exported[0] / file.relative_to(tmp_path / "later")).read_bytes(), file.name


def test_segments_are_coded(exported: tuple[Path, WriteSummary]) -> None:
    masks = pydicom.dcmread(exported[0] / "p01" / "stack0_masks_ED.dcm")
    found = {s.SegmentLabel: s.SegmentedPropertyTypeCodeSequence[0].CodeValue for s in masks.SegmentSequence}
    assert found == {"LV cavity": "87878005", "Myocardium": "49848007", "RV cavity": "53085002"}
    only = pydicom.dcmread(exported[0] / "p02" / "stack0_masks_ED.dcm")
    assert [s.SegmentLabel for s in only.SegmentSequence] == ["LV cavity"]


def test_without_an_affine_a_short_axis_is_invented_and_said(tmp_path: Path) -> None:
    one = build(tmp_path / "c", [("q", {}, records("q", 5, affine=None))])
    summary = get_writer("dicom").write(one, tmp_path / "out")
    assert any("orientation was assumed" in note for note in summary.notes)
    back = read_all("dicom", tmp_path / "out")["q"]
    assert back.stacks[0].slices_ordered
    assert_same_pixels(written(one)["q"], back, HALF_STEP)


def test_a_missing_slice_and_an_unlabelled_slice_come_back_as_such(tmp_path: Path) -> None:
    rows = list(records("q", 6, skip=(2,)))
    rows[-1] = replace(rows[-1], mask=np.full_like(rows[-1].mask, 255), labelled=("", ""))
    one = build(tmp_path / "c", [("q", {}, tuple(rows))])
    get_writer("dicom").write(one, tmp_path / "out")
    (stack,) = read_all("dicom", tmp_path / "out")["q"].stacks
    assert stack.slice_indices == (0, 1, 3, 4)
    assert stack.mask is not None
    assert (stack.mask[:, -1] == 255).all()
    np.testing.assert_array_equal(stack.mask, written(one)["q"].stacks[0].mask)


def test_what_dicom_cannot_hold_is_listed(tmp_path: Path) -> None:
    nowhere = records("q", 7, spacing_row_mm=None, spacing_column_mm=None, affine=None)
    one = build(tmp_path / "c", [("q", {}, nowhere), ("r", {}, records("r", 8, ()))])
    summary = get_writer("dicom").write(one, tmp_path / "out")
    assert [(o.subject_id, o.reason) for o in summary.left_out] == [
        ("q", "its pixel spacing is unknown"),
        ("r", "nobody labelled it"),
    ]
    assert summary.subjects == 1
    assert "pixel spacing is unknown" in (tmp_path / "out" / "left_out.csv").read_text()


def test_single_frame_rows_of_one_stack_share_a_series(tmp_path: Path) -> None:
    both = records("q", 10)
    split = [
        replace(r, image=r.image[t : t + 1], mask=r.mask[t : t + 1], phases=(r.phases[t],), labelled=(r.labelled[t],),
                frame_indices=(r.frame_indices[t],), trigger_ms=(r.trigger_ms[t],))
        for r in both
        for t in range(2)
    ]  # fmt: skip
    one = build(tmp_path / "c", [("q", {}, tuple(split))])
    get_writer("dicom").write(one, tmp_path / "out")
    back = read_all("dicom", tmp_path / "out")["q"]
    assert back.stacks[0].phases == ("ED", "ES")
    assert_same_pixels(written(one)["q"], back, HALF_STEP)


def test_an_axial_affine_does_not_claim_an_order_of_slices(tmp_path: Path) -> None:
    """Data sets without real orientation are written as they say they lie; masks must then tell base from apex."""
    axial = tuple(np.diag([-SPACING[1], -SPACING[0], STEP, 1.0]).ravel())
    one = build(tmp_path / "c", [("q", {}, records("q", 11, affine=axial))])
    get_writer("dicom").write(one, tmp_path / "out")
    (stack,) = read_all("dicom", tmp_path / "out")["q"].stacks
    assert not stack.slices_ordered
    expected = written(one)["q"].stacks[0]
    np.testing.assert_allclose(stack.image[:, ::-1], expected.image, atol=HALF_STEP)
    assert stack.affine is not None
    assert expected.affine is not None
    np.testing.assert_allclose(stack.affine @ [0, 0, 4, 1], expected.affine @ [0, 0, 0, 1], atol=1e-3)


def test_a_cine_comes_back_with_the_frames_that_are_labelled(tmp_path: Path) -> None:
    count = 8
    phases = ("ED", "", "", "ES", "", "", "", "")
    rows = records("q", 12, shape=(count, 4, 48, 40), phases=phases, frame_indices=tuple(range(count)))
    drawn = tuple("lv,myo,rv" if p else "" for p in phases)
    hidden = [
        replace(r, labelled=drawn, mask=np.where(np.array(drawn)[:, None, None] == "", 255, r.mask).astype(np.uint8))
        for r in rows
    ]
    one = build(tmp_path / "c", [("q", {}, tuple(hidden))])
    get_writer("dicom").write(one, tmp_path / "out")
    assert sorted(f.name for f in (tmp_path / "out" / "q").glob("*.dcm")) == [
        "stack0_masks_ED.dcm",
        "stack0_masks_ES.dcm",
    ]
    (stack,) = read_all("dicom", tmp_path / "out")["q"].stacks
    expected = written(one)["q"].stacks[0]
    assert stack.phases == phases
    np.testing.assert_allclose(stack.image, expected.image, atol=HALF_STEP)
    assert stack.mask is not None
    np.testing.assert_array_equal(stack.mask, expected.mask)
    assert [",".join(stack.labelled_in(t)) for t in range(count)] == list(drawn)


def test_a_cine_says_when_each_frame_was_and_sorts_by_time(tmp_path: Path) -> None:
    count, heart_rate = 8, 75.0
    times = tuple(100.0 * t for t in range(count))
    rows = records(
        "q", 13, shape=(count, 3, 48, 40), phases=("ED", "", "", "ES", "", "", "", ""), frame_indices=tuple(range(count)),
        trigger_ms=times,
    )  # fmt: skip
    one = build(tmp_path / "c", [("q", {"heart_rate": heart_rate}, rows)])
    get_writer("dicom").write(one, tmp_path / "out")
    files = [pydicom.dcmread(f) for f in (tmp_path / "out" / "q" / "stack0").glob("*.dcm")]
    assert {(f.NumberOfTemporalPositions, f.CardiacNumberOfImages, f.NominalInterval) for f in files} == {(8, 8, 800)}
    assert {f.HeartRate for f in files} == {75}
    by_instance = sorted(files, key=lambda f: f.InstanceNumber)
    assert [f.InstanceNumber for f in by_instance] == list(range(1, 3 * count + 1))
    expected = written(one)["q"].stacks[0].image
    for z in range(3):
        slice_files = by_instance[z * count : (z + 1) * count]
        assert len({tuple(f.ImagePositionPatient) for f in slice_files}) == 1
        assert [float(f.TriggerTime) for f in slice_files] == list(times)
        assert [f.TemporalPositionIdentifier for f in slice_files] == list(range(1, count + 1))
        shown = np.stack([f.pixel_array * float(f.RescaleSlope) + float(f.RescaleIntercept) for f in slice_files])
        np.testing.assert_allclose(shown, expected[:, z], atol=HALF_STEP)
