"""A mask that lies elsewhere than its image, or an image of impossible size, is refused and never measured."""

from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.cohort.ingest import ingest, plan_ingest
from synthcmr.config import IngestSettings
from synthcmr.errors import CohortError, ReadError
from tests.cohort.readers.layouts import ACDC, AFFINE, acdc_patient, heart, picture, read_one, save
from tests.journeys.commands import Bench


def changed(row: int, column: int, factor: float = 1.0, shift: float = 0.0) -> npt.NDArray[np.float64]:
    affine = AFFINE.copy()
    affine[row, column] = affine[row, column] * factor + shift
    return affine


@pytest.mark.parametrize(
    ("affine", "reason"),
    [
        (AFFINE @ np.diag([2.0, 1, 1, 1]), "expected the pixel size of"),
        (AFFINE @ np.diag([1, 1, 1.5, 1.0]), "expected the slice step of"),
        (changed(0, 3, shift=12.0), "expected the place of"),
        (changed(2, 3, shift=30.0), "expected the place of"),
    ],
)
@pytest.mark.parametrize("file", ["patient001_frame01_gt.nii.gz", "patient001_frame05.nii.gz"])
def test_masks_and_frames_of_another_grid_are_refused(
    tmp_path: Path, affine: npt.NDArray[np.float64], reason: str, file: str
) -> None:
    folder = acdc_patient(tmp_path)
    drawn = heart(2)
    save(folder / file, ACDC[drawn[0]] if "_gt" in file else picture(drawn[1]), affine)
    with pytest.raises(ReadError, match=reason):
        read_one("acdc", tmp_path)


def test_a_mask_without_a_place_of_its_own_lies_on_its_image(tmp_path: Path) -> None:
    folder = acdc_patient(tmp_path)
    sizes = np.abs(np.linalg.norm(AFFINE[:3, :3], axis=0))
    save(folder / "patient001_frame01_gt.nii.gz", ACDC[heart(2)[0]], np.diag([*sizes, 1.0]))
    assert read_one("acdc", tmp_path).stacks[0].mask is not None


@pytest.mark.parametrize(
    ("scale", "reason"),
    [
        ((1e4, 1e4, 1), "expected a pixel size of"),
        ((1e-7, 1e-7, 1), "expected a pixel size of"),
        ((1, 1, 1e6), "expected a slice step"),
    ],
)
def test_lengths_that_no_scan_has_are_refused(tmp_path: Path, scale: tuple[float, ...], reason: str) -> None:
    folder = acdc_patient(tmp_path / "data", masks=False)
    for file in folder.glob("*.nii.gz"):
        save(file, picture(heart(2)[0]), AFFINE @ np.diag([*scale, 1.0]))
    with pytest.raises(CohortError, match=reason):
        ingest(plan_ingest(tmp_path / "data", IngestSettings()), tmp_path / "out", workers=1)


GRIDS = {  # what is done to the voxels of a file, or to where it lies
    "pixels twice as wide": lambda a: a @ np.diag([2.0, 1, 1, 1]),
    "steps half as long again": lambda a: a @ np.diag([1, 1, 1.5, 1.0]),
    "four centimetres away": lambda a: a + np.array([[0, 0, 0, 40.0], *[[0.0] * 4] * 3]),
}


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("changed_file", ["a mask", "the image at ES"])
@pytest.mark.parametrize("layout", ["acdc", "nnunet", "nifti"])
def test_no_reader_takes_a_mask_or_a_phase_of_another_grid(
    layout: str, changed_file: str, grid: str, bench: Bench, tmp_path: Path
) -> None:
    synthcmr.export(bench.other, tmp_path / "data", format=layout)
    own = [p for p in sorted((tmp_path / "data").rglob("*.nii.gz")) if "s101" in p.name or "patient002" in p.name]
    masks = [p for p in own if "_gt" in p.name or p.parent.name in ("labelsTr", "masks")]
    file = masks[0] if changed_file == "a mask" else [p for p in own if p not in masks][-1]
    stored = nib.load(file)
    nib.save(nib.Nifti1Image(np.asanyarray(stored.dataobj), GRIDS[grid](stored.affine)), file)
    read = synthcmr.ingest(tmp_path / "data", tmp_path / "out", size=32, spacing=6.0, workers=1).cohort
    whole = Cohort.open(bench.other)
    assert read.images["n_frames"].sum() < whole.images["n_frames"].sum()
    assert read.rejects["reason"].str.contains("expected the (?:pixel size|slice step|place) of").sum() == 1
