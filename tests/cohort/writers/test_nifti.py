import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.writers import get_writer
from synthcmr.cohort.writers.export import WriteSummary
from tests.cohort.writers.building import (
    FULL,
    SHAPE,
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


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return standard_cohort(tmp_path_factory.mktemp("cohort") / "c")


@pytest.fixture(scope="module")
def exported(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, WriteSummary]:
    dest = tmp_path_factory.mktemp("nifti") / "out"
    return dest, get_writer("nifti").write(cohort, dest)


def test_reads_back_equal(cohort: Cohort, exported: tuple[Path, WriteSummary]) -> None:
    raw = read_all("table", exported[0] / "images.csv")
    for subject_id, subject in written(cohort).items():
        back = raw[subject_id]
        assert_same_pixels(subject, back, 1e-6)
        assert_same_place(subject, back.stacks[0])
        assert back.stacks[0].frame_indices == subject.stacks[0].frame_indices
        assert back.origin == "synthetic"


def test_attributes_come_back_and_missing_ones_stay_missing(exported: tuple[Path, WriteSummary]) -> None:
    raw = read_all("table", exported[0] / "images.csv")
    for name, value in FULL.items():
        back = raw["p01"].attributes[name]
        assert float(str(back)) == value if isinstance(value, float) else str(back) == str(value), name
    assert not {"sex", "age", "diagnosis"} & {k for k, v in raw["p03"].attributes.items() if v not in (None, "")}


def test_header_says_spacing_and_place(exported: tuple[Path, WriteSummary]) -> None:
    for folder in ("images", "masks"):
        file = nib.load(exported[0] / folder / "p01_0_ES.nii.gz")
        assert file.shape == (SHAPE[3], SHAPE[2], SHAPE[1])
        np.testing.assert_allclose(file.header.get_zooms(), (SPACING[1], SPACING[0], STEP), rtol=1e-6)
        np.testing.assert_allclose(file.affine, short_axis_affine(), atol=1e-4)
        assert file.header["sform_code"] == file.header["qform_code"] == 1


def test_an_affine_that_disagrees_with_the_spacing_gives_way(tmp_path: Path) -> None:
    affine = tuple(np.diag([-1.0, -1.0, 1.0, 1.0]).ravel())  # unit steps, as some data sets have them
    one = build(tmp_path / "c", [("q", {}, records("q", 1, affine=affine))])
    get_writer("nifti").write(one, tmp_path / "out")
    file = nib.load(tmp_path / "out" / "images" / "q_0_ED.nii.gz")
    np.testing.assert_allclose(file.affine, np.diag([-SPACING[1], -SPACING[0], STEP, 1.0]), atol=1e-6)


def test_a_cine_is_one_file_with_the_time_between_frames(tmp_path: Path) -> None:
    cine = records("q", 1, shape=(4, 3, 48, 40), phases=("ED", "", "ES", ""), frame_indices=(0, 1, 2, 3))
    one = build(tmp_path / "c", [("q", {}, cine)])
    get_writer("nifti").write(one, tmp_path / "out")
    file = nib.load(tmp_path / "out" / "images" / "q_0_cine.nii.gz")
    assert file.shape == (40, 48, 3, 4)
    assert file.header.get_zooms()[3] == pytest.approx(30.0)
    assert file.header.get_xyzt_units() == ("mm", "msec")
    expected = written(one)["q"].stacks[0]
    np.testing.assert_array_equal(file.get_fdata().transpose(3, 2, 1, 0), expected.image)
    (back,) = read_all("table", tmp_path / "out" / "images.csv")["q"].stacks
    np.testing.assert_allclose(back.image, expected.image, atol=1e-6)
    assert back.mask is not None
    np.testing.assert_array_equal(back.mask, expected.mask)
    assert back.phases == ("ED", "", "ES", "")


def test_what_nifti_cannot_hold_is_listed(tmp_path: Path) -> None:
    nowhere = records("a", 1, spacing_row_mm=None, spacing_column_mm=None, affine=None)
    skewed = short_axis_affine()
    skewed[:3, 1] += 0.3 * skewed[:3, 0]
    one = build(
        tmp_path / "c",
        [
            ("a", {}, nowhere),
            ("b", {}, records("b", 2, affine=tuple(skewed.ravel()))),
            ("c", {}, records("c", 3, ())),
            ("d", {}, records("d", 4, slice_step_mm=None, affine=None)),
            ("e", {}, records("e", 5, skip=(2,))),
        ],
    )
    summary = get_writer("nifti").write(one, tmp_path / "out")
    reasons = {o.subject_id: o.reason for o in summary.left_out}
    assert "spacing is unknown" in reasons["a"]
    assert "skewed" in reasons["b"]
    assert "nobody labelled" in reasons["c"]
    assert "distance between its slices" in reasons["d"]
    assert "1 missing slice" in reasons["e"]
    assert summary.subjects == 2
    with (tmp_path / "out" / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(r["subject_id"], r["mask"] != "") for r in rows} == {("c", False), ("e", True)}
    gap = np.asanyarray(nib.load(tmp_path / "out" / "masks" / "e_0_ED.nii.gz").dataobj)
    assert (gap[:, :, 2] == 255).all()


def test_odd_subject_ids_become_safe_and_different_names(tmp_path: Path) -> None:
    ids = ["a/b", "a b", "../up"]
    one = build(tmp_path / "c", [(i, {}, records(i, n)) for n, i in enumerate(ids)])
    get_writer("nifti").write(one, tmp_path / "out")
    with (tmp_path / "out" / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {r["subject_id"] for r in rows} == set(ids)
    assert len({r["image"] for r in rows}) == len(rows) == 6
    for row in rows:
        assert (tmp_path / "out" / row["image"]).resolve().parent == (tmp_path / "out" / "images").resolve()
        assert (tmp_path / "out" / row["image"]).is_file()
