import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.ingest import ingest, plan_ingest
from synthcmr.cohort.writers import get_writer
from synthcmr.cohort.writers.export import WriteSummary
from synthcmr.config import IngestSettings, PreprocessSettings
from tests.cohort.writers.building import (
    SPACING,
    STEP,
    assert_same_pixels,
    build,
    read_all,
    records,
    standard_cohort,
    written,
)

HALF_STEP = 0.5 / 4095 + 1e-6


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return standard_cohort(tmp_path_factory.mktemp("cohort") / "c")


@pytest.fixture(scope="module")
def exported(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, WriteSummary]:
    dest = tmp_path_factory.mktemp("acdc") / "out"
    return dest, get_writer("acdc").write(cohort, dest)


def test_layout_and_info(exported: tuple[Path, WriteSummary]) -> None:
    folder = exported[0] / "patient001"
    assert sorted(f.name for f in folder.iterdir()) == [
        "Info.cfg",
        "patient001_frame01.nii.gz",
        "patient001_frame01_gt.nii.gz",
        "patient001_frame12.nii.gz",
        "patient001_frame12_gt.nii.gz",
    ]
    assert (folder / "Info.cfg").read_text().splitlines() == [
        "ED: 1",
        "ES: 12",
        "Group: HCM",
        "Height: 165.0",
        "NbFrame: 12",
        "Weight: 70.5",
    ]
    bare = (exported[0] / "patient003" / "Info.cfg").read_text()
    assert "Height" not in bare
    assert "Group" not in bare


def test_labels_are_acdcs(cohort: Cohort, exported: tuple[Path, WriteSummary]) -> None:
    label = nib.load(exported[0] / "patient001" / "patient001_frame01_gt.nii.gz")
    mask = written(cohort)["p01"].stacks[0].mask[0].transpose(2, 1, 0)
    for acdc, canonical in ((1, 3), (2, 2), (3, 1)):
        np.testing.assert_array_equal(np.asanyarray(label.dataobj) == acdc, mask == canonical)
    np.testing.assert_allclose(label.header.get_zooms(), (SPACING[1], SPACING[0], STEP), rtol=1e-6)
    image = nib.load(exported[0] / "patient001" / "patient001_frame01.nii.gz")
    assert image.get_data_dtype() == np.int16


def test_a_partial_mask_is_left_out_and_listed(exported: tuple[Path, WriteSummary]) -> None:
    assert not list((exported[0] / "patient002").glob("*_gt.nii.gz"))
    assert [(o.subject_id, o.part) for o in exported[1].left_out] == [("p02", "masks")]
    assert "p02" in (exported[0] / "subjects.csv").read_text()


def test_reads_back_equal(cohort: Cohort, exported: tuple[Path, WriteSummary]) -> None:
    raw = read_all("acdc", exported[0])
    for name, subject in zip(("patient001", "patient003", "patient004"), ("p01", "p03", "p04"), strict=True):
        assert_same_pixels(written(cohort)[subject], raw[name], HALF_STEP)
        assert raw[name].stacks[0].frame_indices == written(cohort)[subject].stacks[0].frame_indices
    assert raw["patient001"].attributes["diagnosis"] == "HCM"
    assert float(str(raw["patient001"].attributes["height_cm"])) == 165.0
    assert "diagnosis" not in raw["patient003"].attributes


def test_subjects_without_a_pair_are_listed_and_acdc_names_kept(tmp_path: Path) -> None:
    one = build(
        tmp_path / "c",
        [
            ("patient001", {}, records("patient001", 1)),
            ("other", {}, records("other", 2)),
            ("single", {}, records("single", 3, shape=(1, 3, 48, 40), phases=("ED",), frame_indices=(0,))),
        ],
    )
    summary = get_writer("acdc").write(one, tmp_path / "out")
    assert sorted(d.name for d in (tmp_path / "out").iterdir() if d.is_dir()) == ["patient001", "patient002"]
    assert [(o.subject_id, o.reason) for o in summary.left_out] == [
        ("single", "it lacks an ED and an ES frame of one acquisition")
    ]


@pytest.mark.skipif("SYNTHCMR_TEST_DATA" not in os.environ, reason="SYNTHCMR_TEST_DATA names no folder of real data")
@pytest.mark.parametrize("layout", ["acdc", "nifti"])
def test_acdc_written_again_has_the_same_masks_and_spacing(layout: str, tmp_path: Path) -> None:
    source = Path(os.environ["SYNTHCMR_TEST_DATA"]) / "acdc" / "training"
    names = tuple(sorted(d.name for d in source.iterdir())[:2])
    plan = plan_ingest(source, IngestSettings(format="acdc", include=names, preprocess=PreprocessSettings.lossless()))
    get_writer(layout).write(ingest(plan, tmp_path / "c", workers=1), tmp_path / "out")
    for name in names:
        for original in sorted((source / name).glob("*_gt.nii.gz")):
            frame = original.name.split("_")[1]
            phase = "ED" if frame == "frame01" else "ES"
            file = original.name if layout == "acdc" else f"{name}_0_{phase}.nii.gz"
            again = nib.load(tmp_path / "out" / (name if layout == "acdc" else "masks") / file)
            _assert_same_labels(nib.load(original), again, layout)


def _assert_same_labels(original: nib.Nifti1Image, again: nib.Nifti1Image, layout: str) -> None:
    labels = np.asanyarray(again.dataobj)
    if layout == "nifti":
        labels = np.array([0, 3, 2, 1], dtype=np.uint8)[labels]
    expected = np.asanyarray(original.dataobj)
    # Slices were turned base to apex, and the affine says which way they run.
    assert np.array_equal(labels, expected) or np.array_equal(labels[:, :, ::-1], expected)
    np.testing.assert_allclose(again.header.get_zooms(), original.header.get_zooms(), rtol=1e-5)
