"""Intensities as whole numbers with a scale, for formats that store integers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WHOLE_LIMIT = int(np.iinfo(np.int16).max)  # whole values up to here fit every format as they are


@dataclass(frozen=True)
class Quantised:
    """Whole numbers, and how to get intensities back: stored * slope + intercept."""

    stored: npt.NDArray[np.uint16]
    slope: float
    intercept: float


def quantised(image: npt.NDArray[np.floating], top: int) -> Quantised:
    """Store a volume as whole numbers.

    Whole values that fit are kept as they are. All others are scaled so that the largest takes `top`; images within
    0..1, as ingest scales them, all take the same scale, so that volumes stay comparable.

    Args:
        image: any shape.
        top: largest stored value to use, below 65536.
    """
    low, high = min(float(image.min()), 0.0), float(image.max())
    if low == 0.0 and 1.0 < high <= WHOLE_LIMIT and np.array_equal(np.rint(image), image):
        return Quantised(image.astype(np.uint16), 1.0, 0.0)
    slope = (max(high, 1.0) - low) / top
    return Quantised(np.rint((image - low) / slope).astype(np.uint16), slope, low)
