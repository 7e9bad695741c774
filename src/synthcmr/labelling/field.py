"""Windows on a stack: its pixels on the grid that a judge knows, and answers brought back onto its own pixels."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.preprocess.grid import PixelAxis, PixelGrid
from synthcmr.cohort.raw import Stack
from synthcmr.labelling.views import MULTIPLE, Floats

LOW_PERCENTILE, HIGH_PERCENTILE = 0.5, 99.5
RANGE_SAMPLES = 1 << 18  # pixels that percentiles are taken from

Pair = tuple[float, float]  # of rows, of columns


@dataclass(frozen=True)
class Window:
    """A square part of a slice, sampled at a pixel of `pixel_mm`."""

    centre: Pair  # native pixels
    shape: tuple[int, int]
    steps: Pair  # native pixels from one pixel of the window to the next

    @property
    def grid(self) -> PixelGrid:
        """From native pixels into the window."""
        rows, columns = (PixelAxis(n, s, c) for n, s, c in zip(self.shape, self.steps, self.centre, strict=True))
        return PixelGrid(rows, columns)

    def box(self, native: tuple[int, int]) -> tuple[slice, slice]:
        """Native rows and columns that lie in the window."""
        found = []
        for length, step, centre, n in zip(native, self.steps, self.centre, self.shape, strict=True):
            reach = (n + 1) / 2.0 * step
            first = min(max(0, math.ceil(centre - reach)), length - 1)
            found.append(slice(first, max(first + 1, min(length, math.floor(centre + reach) + 1))))
        return found[0], found[1]

    def back(self, native: tuple[int, int]) -> PixelGrid:
        """From the window onto the native pixels of its box."""
        axes = []
        for part, step, centre, n in zip(self.box(native), self.steps, self.centre, self.shape, strict=True):
            middle = (part.start + part.stop - 1) / 2.0
            axes.append(PixelAxis(part.stop - part.start, 1.0 / step, (n - 1) / 2.0 + (middle - centre) / step))
        return PixelGrid(axes[0], axes[1])

    def native(self, place: Pair) -> Pair:
        """Native pixel of a place in the window."""
        row, column = (
            c + (p - (n - 1) / 2.0) * s for p, c, n, s in zip(place, self.centre, self.shape, self.steps, strict=True)
        )
        return row, column


def window(spacing_mm: Pair, pixel_mm: float, centre: Pair, side: int) -> Window:
    """A window of `side` pixels around a place."""
    return Window(centre, (side, side), (pixel_mm / spacing_mm[0], pixel_mm / spacing_mm[1]))


def whole(native: tuple[int, int], spacing_mm: Pair, pixel_mm: float) -> Window:
    """A window that holds the whole slice."""
    steps = (pixel_mm / spacing_mm[0], pixel_mm / spacing_mm[1])
    rows, columns = (MULTIPLE * math.ceil(n / s / MULTIPLE) for n, s in zip(native, steps, strict=True))
    return Window(((native[0] - 1) / 2.0, (native[1] - 1) / 2.0), (rows, columns), steps)


def intensity_range(stack: Stack) -> tuple[float, float]:
    """Intensities that become 0 and 1."""
    image = stack.image
    sample = image.reshape(-1)[:: 1 + image.size // RANGE_SAMPLES].astype(np.float32)
    low, high = (float(v) for v in np.percentile(sample, [LOW_PERCENTILE, HIGH_PERCENTILE]))
    return (low, high) if high > low else (float(sample.min()), float(sample.max()) + 1e-6)


def pixels(image: npt.NDArray[np.generic], where: Window, limits: tuple[float, float]) -> Floats:
    """Slices (..., rows, columns) in a window, scaled to 0..1; nothing lies beyond their edge.

    One part at a time, because a cine of a large field of view is much larger as floating-point numbers.
    """
    low, high = limits
    grid = where.grid
    out = np.empty((*image.shape[:-2], *where.shape), dtype=np.float32)
    for place in range(len(image)):
        scaled = (image[place].astype(np.float32) - low) / (high - low)
        out[place] = np.clip(grid.image(scaled, "cubic"), 0.0, 1.0)
    return out
