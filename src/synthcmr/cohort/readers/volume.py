"""Pixels of one file with their geometry, and the checks every file must pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Mask, remap
from synthcmr.errors import ReadError

SAME_SIZE = 0.01  # relative: headers round
SAME_PLACE = 0.5  # voxels


@dataclass(frozen=True)
class Volume:
    """One file: pixels with their geometry, as far as the file knows it."""

    pixels: npt.NDArray[np.generic]  # (frames, slices, rows, columns)
    affine: npt.NDArray[np.float64] | None = None  # (column, row, slice, 1) -> RAS mm
    spacing_mm: tuple[float, float] | None = None  # (row, column)
    slice_step_mm: float | None = None
    trigger_ms: tuple[float, ...] = ()  # per frame; empty: unknown


def check_intensities(volume: Volume, name: str) -> None:
    """Refuse volumes that hold no image.

    Raises:
        ReadError: NaN, infinite or constant intensities.
    """
    pixels = volume.pixels
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        bad = int((~np.isfinite(pixels)).sum())
        raise ReadError(f"{name}: expected finite intensities, got {bad} NaN or infinite voxels")
    if pixels.size == 0:
        raise ReadError(f"{name}: expected an image, got one without pixels, {_xyz(volume)}")
    if (low := pixels.min()) == pixels.max():
        raise ReadError(f"{name}: expected an image, got the same value everywhere ({low})")


def check_same_grid(volume: Volume, image: Volume, name: str, image_name: str) -> None:
    """Refuse a mask, or another frame, that does not lie on its image.

    Raises:
        ReadError: shapes, voxel sizes or places differ.
    """
    if volume.pixels.shape[1:] != image.pixels.shape[1:]:
        raise ReadError(f"{name}: expected the shape of {image_name}, {_xyz(image)}, got {_xyz(volume)}")
    for what, own, other in (
        ("pixel size", volume.spacing_mm, image.spacing_mm),
        ("slice step", volume.slice_step_mm, image.slice_step_mm),
    ):
        if own is not None and other is not None and not np.allclose(own, other, rtol=SAME_SIZE):
            raise ReadError(f"{name}: expected the {what} of {image_name}, {other} mm, got {own} mm")
    if (apart := _voxels_apart(volume, image)) > SAME_PLACE:
        raise ReadError(
            f"{name}: expected the place of {image_name} in the scanner, got one {apart:.1f} voxels away; resample it to the image"
        )


def _voxels_apart(volume: Volume, image: Volume) -> float:
    """How far the corners of a volume lie from those of its image, in voxels of the image; 0 where one does not say its place."""
    if volume.affine is None or image.affine is None or not (_is_placed(volume.affine) and _is_placed(image.affine)):
        return 0.0
    if abs(np.linalg.det(image.affine[:3, :3])) < 1e-9:
        return 0.0
    ends = [(0, n - 1) for n in reversed(image.pixels.shape[1:])]
    corners = np.array([[*corner, 1] for corner in product(*ends)], dtype=np.float64).T
    return float(np.abs((np.linalg.inv(image.affine) @ volume.affine @ corners - corners)[:3]).max())


def _is_placed(affine: npt.NDArray[np.float64]) -> bool:
    """Whether an affine says more than voxel sizes: many programs write masks without a place."""
    axes = affine[:3, :3]
    return bool(affine[:3, 3].any() or (axes - np.diag(np.diag(axes))).any())


def canonical_mask(pixels: npt.NDArray[np.generic], labels: Mapping[int, int], name: str) -> Mask:
    """Foreign label values to canonical ones.

    Raises:
        ReadError: a value that `labels` does not name.
    """
    try:
        return remap(pixels, labels, name)
    except ValueError as error:
        raise ReadError(str(error)) from error


def _xyz(volume: Volume) -> str:
    return " x ".join(str(n) for n in reversed(volume.pixels.shape[1:]))
