"""HD95: the larger of both directions' 95th percentile of distances between outlines, in mm; MONAI's definition, on a small window."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Region = npt.NDArray[np.bool_]
SHARE = 95
RIM = 1  # pixels kept around both regions, so that a window's edge is no outline


def hd95(found: Region, asked: Region, spacing_mm: tuple[float, ...]) -> float:
    """Distance of two regions of a slice or of a stack; NaN where one is empty.

    Args:
        found: (rows, columns), or (slices, rows, columns).
        asked: same shape.
        spacing_mm: of pixels, along each axis.
    """
    if not found.any() or not asked.any():
        return float("nan")
    window = _window(found | asked)
    a, b = (_outline(np.pad(region[window], RIM)) for region in (found, asked))
    return max(_directed(a, b, spacing_mm), _directed(b, a, spacing_mm))


def _window(region: Region) -> tuple[slice, ...]:
    return tuple(slice(int(places.min()), int(places.max()) + 1) for places in np.nonzero(region))


def _outline(region: Region) -> Region:
    from scipy.ndimage import binary_erosion

    outline: Region = region & ~binary_erosion(region)
    return outline


def _directed(a: Region, b: Region, spacing_mm: tuple[float, ...]) -> float:
    from scipy.ndimage import distance_transform_edt

    return float(np.percentile(distance_transform_edt(~b, sampling=spacing_mm)[a], SHARE))
