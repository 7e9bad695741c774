"""Resampling and cropping in one step: two small matrices per image, one for rows and one for columns.

Separable interpolation is linear, so out = R @ image @ C.T with R (out rows x in rows) and C (out columns x in columns).
Only the pixels of the crop are ever computed, and both products run in BLAS.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask

Kernel = Literal["cubic", "linear"]
Floats = npt.NDArray[np.float32]
VOLUME_TOLERANCE, VOLUME_STEPS = 0.003, 12
SUPPORT = {"cubic": 2.0, "linear": 1.0}


@dataclass(frozen=True)
class PixelAxis:
    """How one image axis is sampled: `size` output pixels, `step` input pixels apart, centred on input position `centre`."""

    size: int
    step: float
    centre: float

    @property
    def positions(self) -> npt.NDArray[np.floating]:
        """Input coordinate of every output pixel centre."""
        return self.centre + (np.arange(self.size) - (self.size - 1) / 2.0) * self.step

    def matrix(self, length: int, kernel: Kernel, smooth: bool = True) -> Floats:
        """Interpolation weights, (size, length). Rows outside the input are zero: there is no signal there.

        When the step is larger than one pixel, `smooth` stretches the kernel by it, so that frequencies the output
        cannot hold do not fold back into it.
        """
        stretch = max(self.step, 1.0) if smooth else 1.0
        distance = (self.positions[:, None] - np.arange(length)[None, :]) / stretch
        weights = _kernel(np.abs(distance), kernel)
        full = _kernel(
            np.abs((self.positions[:, None] - _beyond(length, stretch * SUPPORT[kernel])[None, :]) / stretch), kernel
        )
        total = weights.sum(axis=1, keepdims=True) + full.sum(axis=1, keepdims=True)
        return (weights / np.where(total == 0, 1.0, total)).astype(np.float32)

    def is_identity(self, length: int) -> bool:
        """Whether output equals input, pixel for pixel."""
        return self.size == length and abs(self.step - 1.0) < 1e-9 and abs(self.centre - (length - 1) / 2.0) < 1e-9


@dataclass(frozen=True)
class PixelGrid:
    """The output pixel grid of a stack, in input pixels."""

    rows: PixelAxis
    columns: PixelAxis

    def affine(self, native: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Affine of the output grid, (column, row, slice, 1) -> mm."""
        place = np.eye(4)
        place[0, 0], place[0, 3] = self.columns.step, self.columns.positions[0]
        place[1, 1], place[1, 3] = self.rows.step, self.rows.positions[0]
        return native @ place

    def image(self, stack: npt.NDArray[np.generic], kernel: Kernel, smooth: bool = True) -> Floats:
        """Resample images, (..., rows, columns)."""
        if self._is_identity(stack.shape):
            return stack.astype(np.float32)
        rows = self.rows.matrix(stack.shape[-2], kernel, smooth)
        columns = self.columns.matrix(stack.shape[-1], kernel, smooth)
        touched = np.flatnonzero(rows.any(axis=0))
        lo, hi = (int(touched[0]), int(touched[-1]) + 1) if touched.size else (0, 1)
        return np.asarray(rows[:, lo:hi] @ (stack[..., lo:hi, :].astype(np.float32) @ columns.T), dtype=np.float32)

    def mask(self, stack: Mask) -> Mask:
        """Resample labels, (frames, ..., rows, columns), so that every structure keeps its volume in every frame.

        Each output pixel takes the label with the largest interpolated share. Plain shares shrink small round cavities,
        whose corners always lose the vote, so shares get a common offset per label until the counts are right. Shares are
        not smoothed: smoothing lets a thin wall lose against both its neighbours.
        """
        if self._is_identity(stack.shape):
            return stack
        values = [int(v) for v in np.unique(stack) if v != Label.BACKGROUND]
        inside = self.image(np.ones(stack.shape[-2:], dtype=np.uint8), "linear", smooth=False)
        shares = [self.image(stack == v, "linear", smooth=False) for v in values]
        votes = np.stack(
            [inside - sum(shares, np.zeros((*stack.shape[:-2], *inside.shape), np.float32)), *shares], axis=1
        )
        winners = np.stack([_volume_keeping(frame) for frame in votes])
        labels = np.array([Label.BACKGROUND, *values], dtype=np.uint8)[winners]
        outside = Label.UNLABELLED if Label.UNLABELLED in values else Label.BACKGROUND
        return np.where(inside < 0.5, np.uint8(outside), labels)

    def _is_identity(self, shape: tuple[int, ...]) -> bool:
        return self.rows.is_identity(shape[-2]) and self.columns.is_identity(shape[-1])


def _volume_keeping(votes: Floats) -> npt.NDArray[np.intp]:
    """The winner per pixel, with one offset per label so that each wins as many pixels as its shares add up to.

    Args:
        votes: (labels, ..., rows, columns), background first.
    """
    wanted = votes.reshape(len(votes), -1).sum(axis=1, dtype=np.float64)
    offsets = np.zeros(len(votes), dtype=np.float32)
    winners = votes.argmax(axis=0)
    best, best_error = winners, np.inf
    for _ in range(VOLUME_STEPS):
        counts = np.bincount(winners.ravel(), minlength=len(votes))
        excess = (counts[1:] - wanted[1:]) / np.maximum(wanted[1:], 1.0)
        error = float(np.abs(excess).max(initial=0.0))
        if error < best_error:
            best, best_error = winners, error
        if error < VOLUME_TOLERANCE:
            break
        offsets[1:] -= np.clip(excess, -0.2, 0.2).astype(np.float32)
        winners = (votes + offsets.reshape(-1, *(1,) * (votes.ndim - 1))).argmax(axis=0)
    return best


def _kernel(x: npt.NDArray[np.floating], kernel: Kernel) -> npt.NDArray[np.floating]:
    if kernel == "linear":
        return np.clip(1.0 - x, 0.0, None)
    near = (1.5 * x - 2.5) * x * x + 1.0  # Keys (1981), a = -1/2
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _beyond(length: int, reach: float) -> npt.NDArray[np.float64]:
    """Positions of the pixels just outside the input, which weigh but hold no signal."""
    margin = int(np.ceil(reach)) + 1
    return np.concatenate([np.arange(-margin, 0), np.arange(length, length + margin)]).astype(np.float64)
