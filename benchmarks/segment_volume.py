"""Segment whole stacks with a slice network, and score them on their native pixels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from scipy.ndimage import label as connected_components

from synthcmr.cohort.labels import STRUCTURES, Mask
from synthcmr.cohort.preprocess.grid import Axis, Grid
from synthcmr.cohort.preprocess.heart import Centre, heart_centre, mask_centre
from synthcmr.cohort.raw import Stack
from synthcmr.config import PreprocessSettings

SPACING_MM = 1.5
TURNS_DEG = (0.0, -20.0, 20.0)  # the same slice, turned; the votes are turned back and averaged


def segment_stack(
    network: torch.nn.Module, stack: Stack, size: int, standardise: Callable[[torch.Tensor], torch.Tensor]
) -> Mask:
    """Labels of every frame and slice on the native pixels, (frames, slices, rows, columns).

    The heart is found from the images alone, then once more from the first segmentation.
    """
    blind = replace(stack, mask=None)
    centre = heart_centre(blind, PreprocessSettings())
    first = _segment_around(network, blind, centre, size, standardise)
    found = mask_centre(largest_parts(first))
    return largest_parts(_segment_around(network, blind, found or centre, size, standardise))


def _segment_around(
    network: torch.nn.Module,
    stack: Stack,
    centre: Centre,
    size: int,
    standardise: Callable[[torch.Tensor], torch.Tensor],
) -> Mask:
    assert_spacing = stack.spacing_mm or (SPACING_MM, SPACING_MM)
    steps = (SPACING_MM / assert_spacing[0], SPACING_MM / assert_spacing[1])
    there = Grid(Axis(size, steps[0], centre[0]), Axis(size, steps[1], centre[1]))
    high = float(np.percentile(stack.image, 99.5))
    image = np.clip(there.image(stack.image, "cubic") / high, 0, 1).reshape(-1, 1, size, size)
    with torch.no_grad():
        probability = _votes(network, standardise(torch.from_numpy(image))).numpy()
    shape = (*stack.image.shape[:2], 4, size, size)
    native = _back(steps, centre, size, stack.image.shape[-2:]).image(probability.reshape(shape), "linear")
    native[:, :, 0] += 1.0 - native.sum(axis=2)  # outside the crop there is background
    return native.argmax(axis=2).astype(np.uint8)


def _votes(network: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
    total = torch.zeros(image.shape[0], 4, *image.shape[2:])
    for turn in TURNS_DEG:
        with torch.autocast("cpu", torch.bfloat16):
            logits = torch.cat([network(part) for part in _turned(image, turn).split(32)])
        total += _turned(logits.float().softmax(dim=1), -turn)
    return total / len(TURNS_DEG)


def _turned(image: torch.Tensor, degrees: float) -> torch.Tensor:
    if degrees == 0.0:
        return image
    angle = torch.tensor(np.radians(degrees), dtype=torch.float32)
    cos, sin, zero = torch.cos(angle), torch.sin(angle), torch.tensor(0.0)
    theta = torch.stack([torch.stack([cos, -sin, zero]), torch.stack([sin, cos, zero])]).expand(len(image), 2, 3)
    grid = torch.nn.functional.affine_grid(theta, list(image.shape), align_corners=False)
    return torch.nn.functional.grid_sample(image, grid, padding_mode="border", align_corners=False)


def _back(steps: tuple[float, float], centre: Centre, size: int, native: tuple[int, ...]) -> Grid:
    """The grid that samples the crop at every native pixel."""
    axes = []
    for step, position, length in zip(steps, centre, native, strict=True):
        middle = (size - 1) / 2.0 + ((length - 1) / 2.0 - position) / step
        axes.append(Axis(length, 1.0 / step, middle))
    return Grid(axes[0], axes[1])


def largest_parts(labels: Mask) -> Mask:
    """Keep the largest connected heart of every frame, and within it the largest part of every structure."""
    out = np.zeros_like(labels)
    for frame in range(labels.shape[0]):
        heart = _largest(labels[frame] > 0)
        for value in STRUCTURES.values():
            part = _largest((labels[frame] == value) & heart)
            out[frame][part] = value
    return out


def _largest(mask: np.ndarray) -> np.ndarray:
    parts, count = connected_components(mask)
    if count == 0:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return parts == sizes.argmax()


def dice_per_structure(found: Mask, truth: Mask) -> dict[str, float]:
    """Volume Dice of each structure, averaged over the frames in which the truth has it."""
    scores = {}
    for name, value in STRUCTURES.items():
        frames = [k for k in range(truth.shape[0]) if (truth[k] == value).any()]
        pairs = [((found[k] == value), (truth[k] == value)) for k in frames]
        scores[name] = float(np.mean([2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in pairs]))
    return scores
