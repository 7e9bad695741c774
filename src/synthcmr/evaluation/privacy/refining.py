"""The last step of laying one image over another: by less than a pixel, a degree and a hundredth of its size.

A small move, turn and growth of an image change it, to first order, by its slopes. So the ones that are missing are found by regression
of the other image on the image and its slopes (Lucas and Kanade 1981), and what they bring is looked at before they are believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from synthcmr.evaluation.privacy.registering import Laid, alike_where_they_meet, laid_over
from synthcmr.evaluation.privacy.variants import DEGREES, SCALE

ROUNDS = 3
FARTHEST = (
    0.04,
    4.0,
    0.05,
)  # growth, degrees and move (of -1 to 1) in one round: slopes say nothing of what is farther
RIDGE = 1e-4


@dataclass(frozen=True)
class Refined:
    """What each pair is like at best."""

    correlation: Tensor
    variant: Tensor
    laid: Laid


def refined(over: Tensor, under: Tensor, variants: Tensor, laid: Laid) -> Refined:
    """Lay each image better over its partner, if that can be done.

    Args:
        over: copies, (pairs, frames, rows, rows).
        under: what they may be copies of, likewise.
        variants: of the copies, (pairs, 4).
        laid: where each lies.
    """
    best = Refined(alike_where_they_meet(over, under, variants, laid), variants, laid)
    for _ in range(ROUNDS):
        variant, place = _moved(best, _step(over, under, best))
        alike = alike_where_they_meet(over, under, variant, place)
        best = _better(best, Refined(alike, variant, place))
    return best


def _step(over: Tensor, under: Tensor, at: Refined) -> Tensor:
    """Growth, turn in radians and move right and down that are missing, (pairs, 4)."""
    image, both = laid_over(over, at.variant, at.laid)
    right, down = _slopes(image)
    across = (torch.arange(image.shape[-1]) + 0.5) * 2 / image.shape[-1] - 1
    x, y = across[None, :], across[:, None]
    columns = torch.stack([image, right * x + down * y, down * x - right * y, right, down], dim=1)
    columns = _around_mean(columns, both[:, None]).flatten(2)
    aim = (under * both).flatten(1)
    square = columns @ columns.transpose(1, 2)
    ridge = RIDGE * torch.diag_embed(square.diagonal(dim1=1, dim2=2)) + 1e-6 * torch.eye(5)
    found = torch.linalg.solve(square + ridge, columns @ aim[:, :, None])[:, :, 0]
    step = found[:, 1:] / found[:, :1].clamp(min=0.1)  # slopes are of the image as bright as it is in the other
    most = torch.tensor([FARTHEST[0], FARTHEST[1] * torch.pi / 180, FARTHEST[2], FARTHEST[2]])
    return step.clamp(-most, most)


def _moved(at: Refined, step: Tensor) -> tuple[Tensor, Laid]:
    """Variants and places after a small growth, turn and move."""
    grow, turn, right, down = step.T
    variant = at.variant.clone()
    variant[:, SCALE] = variant[:, SCALE] * (1 + grow)
    variant[:, DEGREES] = variant[:, DEGREES] + torch.rad2deg(turn)
    x, y = 2 * at.laid.right - right, 2 * at.laid.down - down
    c, s = turn.cos() / (1 + grow), turn.sin() / (1 + grow)
    return variant, Laid(at.correlation, (y * c - x * s) / 2, (x * c + y * s) / 2)


def _better(a: Refined, b: Refined) -> Refined:
    """Of each pair the better one."""
    win = b.correlation > a.correlation

    def of(x: Tensor, y: Tensor) -> Tensor:
        return torch.where(win.reshape(-1, *[1] * (x.ndim - 1)), y, x)

    laid = Laid(*(of(getattr(a.laid, name), getattr(b.laid, name)) for name in ("correlation", "down", "right")))
    return Refined(of(a.correlation, b.correlation), of(a.variant, b.variant), laid)


def _slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """To the right and down, in units of -1 to 1."""
    down, right = torch.gradient(x, spacing=2 / x.shape[-1], dim=(2, 3))
    return right, down


def _around_mean(x: Tensor, where: Tensor) -> Tensor:
    count = where.sum(dim=(3, 4), keepdim=True).clamp(min=1)
    return (x - (x * where).sum(dim=(3, 4), keepdim=True) / count) * where
