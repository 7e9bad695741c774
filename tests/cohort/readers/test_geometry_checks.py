"""A mask that lies elsewhere than its image, or an image of impossible size, is refused and never measured."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from synthcmr.cohort.ingest import ingest, plan_ingest
from synthcmr.config import IngestSettings
from synthcmr.errors import CohortError, ReadError
from tests.cohort.readers.layouts import ACDC, AFFINE, acdc_patient, heart, picture, read_one, save


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
