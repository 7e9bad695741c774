"""Several views of the same slices: what a judge is shown, and its answers brought back onto one grid."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from synthcmr.judges.segmenter import Segmenter

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
        judge: who looks.
        image: (n, rows, columns), 0 to 1.
        view: how it looks.

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
