"""What a judge is shown of a stack: poses, views of the same slices, windows on its grid; and the way back to the stack's pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from synthcmr.cohort.preprocess.grid import PixelAxis, PixelGrid
from synthcmr.cohort.raw_subject import Stack
from synthcmr.judges.segmenter import Segmenter

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Pose:
    """What is done to a slice before a judge sees it."""

    turns: int = 0  # quarter turns, counter-clockwise
    mirrored: bool = False  # columns the other way round, before turning

    def apply(self, image: npt.NDArray[T]) -> npt.NDArray[T]:
        """Bring (..., rows, columns) into the pose."""
        flipped = image[..., ::-1] if self.mirrored else image
        return np.rot90(flipped, self.turns, axes=(-2, -1))

    def undo(self, image: npt.NDArray[T]) -> npt.NDArray[T]:
        """Bring (..., rows, columns) back."""
        straight = np.rot90(image, -self.turns, axes=(-2, -1))
        return straight[..., ::-1] if self.mirrored else straight

    def __str__(self) -> str:
        """In words."""
        turned = f"turned by {90 * self.turns} degrees" if self.turns else ""
        return " and ".join(part for part in (("mirrored" if self.mirrored else ""), turned) if part) or "as it is"


AS_IT_IS = Pose()
POSES = tuple(Pose(turns, mirrored) for mirrored in (False, True) for turns in range(4))


Floats = npt.NDArray[np.float32]
MULTIPLE = 16  # rows and columns that a judge takes


@dataclass(frozen=True)
class View:
    """One way to look at a slice: turned, larger or smaller, of another contrast."""

    turn_deg: float = 0.0
    zoom: float = 1.0  # above 1: the heart covers fewer pixels, which is quicker
    gamma: float = 1.0


# The first is the slice as it is. The others cost less than half of it each.
VIEWS = (View(), View(turn_deg=15.0, zoom=1.2, gamma=0.8), View(turn_deg=-15.0, zoom=1.2, gamma=1.25))


def seen(judge: Segmenter, image: Floats, view: View) -> Floats:
    """Probabilities of a view, on the grid of the image.

    Args:
        judge: the segmenter.
        image: (n, rows, columns), 0 to 1.
        view: turn and scale.

    Returns:
        (n, 4, rows, columns).
    """
    if view == View():
        return judge.probabilities(image)
    rows, columns = image.shape[-2:]
    shape = tuple(MULTIPLE * math.ceil(n / view.zoom / MULTIPLE) for n in (rows, columns))
    moved = _sampled(torch.from_numpy(image)[:, None], view.turn_deg, view.zoom, shape, "border")
    answer = judge.probabilities(moved[:, 0].numpy() ** view.gamma)
    back = _sampled(torch.from_numpy(answer), -view.turn_deg, 1.0 / view.zoom, (rows, columns), "zeros")
    back[:, 0] += 1.0 - back.sum(dim=1)  # beyond the view there is background
    return back.numpy()


def _sampled(images: torch.Tensor, turn_deg: float, step: float, shape: Sequence[int], beyond: str) -> torch.Tensor:
    """Images on another grid about the same middle, turned, with pixels `step` times as large."""
    angle = math.radians(turn_deg)
    cos, sin = math.cos(angle) * step, math.sin(angle) * step
    (rows, columns), (high, wide) = images.shape[-2:], shape
    theta = torch.tensor(
        [[cos * wide / columns, -sin * high / columns, 0.0], [sin * wide / rows, cos * high / rows, 0.0]]
    )
    grid = functional.affine_grid(
        theta.expand(len(images), 2, 3), [len(images), images.shape[1], high, wide], align_corners=False
    )
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode=beyond, align_corners=False)


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
        edges = []
        for length, step, centre, n in zip(native, self.steps, self.centre, self.shape, strict=True):
            reach = (n + 1) / 2.0 * step
            first = min(max(0, math.ceil(centre - reach)), length - 1)
            edges.append(slice(first, max(first + 1, min(length, math.floor(centre + reach) + 1))))
        return edges[0], edges[1]

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
