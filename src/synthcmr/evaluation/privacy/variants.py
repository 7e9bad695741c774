"""The ways in which a copy may be turned about: mirrored, rescaled, rotated. Shifts are found without trying."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from synthcmr.config import Settings

MIRRORED, UPSIDE_DOWN, SCALE, DEGREES = range(4)  # columns of variants as numbers


class Variant(Settings):
    """What was done to an image to make the copy: rotated and rescaled about its middle, and mirrored."""

    mirrored: bool = False  # left to right
    upside_down: bool = False  # top to bottom
    scale: float = 1.0  # above 1: things are larger in the copy
    degrees: float = 0.0

    @classmethod
    def of(cls, numbers: Tensor) -> Variant:
        """One row of numbers."""
        m, u, scale, degrees = numbers.tolist()
        return cls(mirrored=m < 0, upside_down=u < 0, scale=round(scale, 3), degrees=round(degrees, 2))


def tried(scales: Sequence[float], degrees: Sequence[float]) -> Tensor:
    """Scales without rotation and rotations without scale, each as it is and mirrored, (variants, 4)."""
    turned = [(s, 0.0) for s in scales] + [(1.0, d) for d in degrees if d]
    return torch.tensor([[mirror, 1.0, s, d] for mirror in (1.0, -1.0) for s, d in turned])


def half_turned(variants: Tensor) -> Tensor:
    """The same, turned by 180 degrees: a signature does not tell the two apart."""
    return variants * torch.tensor([-1.0, -1.0, 1.0, 1.0])


def done(x: Tensor, variants: Tensor) -> Tensor:
    """Images as copies of them would look, each with its own variant or all with the same; borders are mirrored in."""
    return _through(x, _backwards(variants))


def undone(x: Tensor, variants: Tensor) -> Tensor:
    """Copies as what they were made of looked."""
    return _through(x, inverse(variants))


def inverse(variants: Tensor) -> Tensor:
    """Where a pixel of what a copy was made of comes from in the copy, (variants, 2, 2)."""
    return torch.linalg.inv(_backwards(variants))


def _backwards(variants: Tensor) -> Tensor:
    """Where a pixel of the copy comes from, in coordinates from -1 to 1, (variants, 2, 2)."""
    angle, scale = torch.deg2rad(variants[:, DEGREES]), variants[:, SCALE]
    c, s = angle.cos() / scale, angle.sin() / scale
    turn = torch.stack([torch.stack([c, s], 1), torch.stack([-s, c], 1)], 1)
    return turn * variants[:, None, [MIRRORED, UPSIDE_DOWN]]


def _through(x: Tensor, matrices: Tensor) -> Tensor:
    down, right = (((torch.arange(n) + 0.5) * 2 / n - 1) for n in x.shape[-2:])
    (a, b), (c, d) = (row.T[:, :, None, None] for row in (matrices[:, 0], matrices[:, 1]))
    across = torch.stack([a * right + b * down[:, None], c * right + d * down[:, None]], dim=3)
    grid = across.expand(len(x), *x.shape[-2:], 2)
    return grid_sample(x, grid, padding_mode="reflection", align_corners=False)
