"""Outline whole stacks slice by slice, the heart found from the images alone, on their native pixels."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import label as connected_components

from synthcmr.cohort.labels import STRUCTURES, Mask
from synthcmr.cohort.preprocess.grid import PixelAxis, PixelGrid
from synthcmr.cohort.preprocess.heart import Centre, heart_centre, mask_centre
from synthcmr.cohort.raw_subject import Stack
from synthcmr.config import PreprocessSettings

SPACING_MM = 1.5
SIZE = 112
NEAR_MM = 35.0
Shares = npt.NDArray[np.float32]


class Outliner(Protocol):
    """What gives the probability of every label: `Segmenter`, or another network behind the same call."""

    def probabilities(self, image: npt.NDArray[np.floating]) -> Shares:
        """(..., rows, columns) from 0 to 1 -> (..., 4, rows, columns)."""
        ...


def segment_stack(outliner: Outliner, stack: Stack, turns: Sequence[float] = (0.0,)) -> tuple[Mask, Centre]:
    """Labels of every frame and slice on the native pixels, (frames, slices, rows, columns), and where the heart is.

    The heart is found from the images alone, then once more from the middle slices of a first segmentation.

    Args:
        outliner: the network.
        stack: images; a mask that they have is not looked at.
        turns: degrees by which each slice is turned as well; the votes are turned back and averaged.
    """
    blind = replace(stack, mask=None, labelled=())
    centre = heart_centre(blind, PreprocessSettings())
    n = stack.slice_count
    middle = slice(n // 4, max(n // 4 + 1, n - n // 4))
    first = _segment_around(outliner, replace(blind, image=blind.image[:, middle]), centre, (0.0,))
    first = largest_parts(first)
    centre = mask_centre(first) or centre
    axis = _middle_of_cavity(first) or centre
    return largest_parts(_segment_around(outliner, blind, centre, turns), axis, blind.spacing_mm), centre


def _segment_around(outliner: Outliner, stack: Stack, centre: Centre, turns: Sequence[float]) -> Mask:
    spacing = stack.spacing_mm or (SPACING_MM, SPACING_MM)
    steps = (SPACING_MM / spacing[0], SPACING_MM / spacing[1])
    there = PixelGrid(PixelAxis(SIZE, steps[0], centre[0]), PixelAxis(SIZE, steps[1], centre[1]))
    high = float(np.percentile(stack.image, 99.5))
    image = np.clip(there.image(stack.image, "cubic") / high, 0, 1).reshape(-1, SIZE, SIZE)
    shares = sum(_turned(outliner.probabilities(_turned(image[:, None], t)[:, 0]), -t) for t in turns) / len(turns)
    shape = (*stack.image.shape[:2], 4, SIZE, SIZE)
    native = _back(steps, centre, stack.image.shape[-2:]).image(np.reshape(shares, shape), "linear")
    native[:, :, 0] += 1.0 - native.sum(axis=2)  # outside the crop there is background
    return native.argmax(axis=2).astype(np.uint8)


def _turned(image: Shares, degrees: float) -> Shares:
    """Images (n, channels, rows, columns) turned about their middle; quarter turns move pixels as they are."""
    if degrees % 90 == 0:
        return np.ascontiguousarray(np.rot90(image, round(degrees / 90) % 4, axes=(-2, -1)))
    angle = torch.tensor(np.radians(degrees), dtype=torch.float32)
    cos, sin, zero = torch.cos(angle), torch.sin(angle), torch.tensor(0.0)
    theta = torch.stack([torch.stack([cos, -sin, zero]), torch.stack([sin, cos, zero])]).expand(len(image), 2, 3)
    grid = torch.nn.functional.affine_grid(theta, list(image.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(torch.from_numpy(image), grid, padding_mode="border", align_corners=False)
    return np.asarray(moved.numpy(), dtype=np.float32)


def _back(steps: tuple[float, float], centre: Centre, native: tuple[int, ...]) -> PixelGrid:
    """The grid that samples the crop at every native pixel."""
    axes = []
    for step, position, length in zip(steps, centre, native, strict=True):
        middle = (SIZE - 1) / 2.0 + ((length - 1) / 2.0 - position) / step
        axes.append(PixelAxis(length, 1.0 / step, middle))
    return PixelGrid(axes[0], axes[1])


def _middle_of_cavity(labels: Mask) -> Centre | None:
    """Median over frames and slices of where the left ventricle's cavity is; None where there is none."""
    cavities = (labels == STRUCTURES["lv"]).reshape(-1, *labels.shape[-2:])
    middles = [np.argwhere(cavity).mean(axis=0) for cavity in cavities if cavity.any()]
    if not middles:
        return None
    row, column = np.median(middles, axis=0)
    return float(row), float(column)


def largest_parts(labels: Mask, axis: Centre | None = None, spacing_mm: tuple[float, float] | None = None) -> Mask:
    """Keep the largest connected heart of every frame, where it has a left ventricle, and of each structure the largest part.

    Args:
        labels: (frames, slices, rows, columns).
        axis: where the heart's long axis meets the slices; voxels count less the farther they are from it.
        spacing_mm: of rows and columns.
    """
    weight = _nearness(labels.shape[-2:], axis, spacing_mm or (SPACING_MM, SPACING_MM))
    out = np.zeros_like(labels)
    for frame in range(labels.shape[0]):
        with_cavity = (labels[frame] == STRUCTURES["lv"]).any(axis=(1, 2))[:, None, None]
        heart = _largest((labels[frame] > 0) & with_cavity, weight)
        for name, value in STRUCTURES.items():
            away = name == "rv"  # it lies beside the axis
            part = _largest((labels[frame] == value) & heart, np.ones_like(weight) if away else weight)
            out[frame][part] = value
    return out


def _nearness(shape: tuple[int, ...], axis: Centre | None, spacing_mm: tuple[float, float]) -> Shares:
    if axis is None:
        return np.ones(shape, dtype=np.float32)
    rows, columns = np.indices(shape)
    squared = ((rows - axis[0]) * spacing_mm[0]) ** 2 + ((columns - axis[1]) * spacing_mm[1]) ** 2
    return np.exp(-squared / (2 * NEAR_MM**2)).astype(np.float32)


def _largest(mask: npt.NDArray[np.bool_], weight: Shares) -> npt.NDArray[np.bool_]:
    parts, count = connected_components(mask)
    if count == 0:
        return mask
    sizes = np.bincount(parts.ravel(), weights=np.broadcast_to(weight, mask.shape).ravel())
    sizes[0] = 0
    return np.asarray(parts == sizes.argmax())
