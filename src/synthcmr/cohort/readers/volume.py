"""Pixels of one file with their geometry, and the checks every file must pass."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Mask, remap
from synthcmr.errors import ReadError


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


def check_same_grid(mask: Volume, image: Volume, mask_name: str, image_name: str) -> None:
    """Refuse a mask that does not lie on its image.

    Raises:
        ReadError: shapes differ.
    """
    if mask.pixels.shape[1:] != image.pixels.shape[1:]:
        raise ReadError(f"{mask_name}: expected the shape of {image_name}, {_xyz(image)}, got {_xyz(mask)}")


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
