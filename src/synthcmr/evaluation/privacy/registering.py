"""How alike two images are once one is laid over the other: the correlation of the middle of one with any place of the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from synthcmr.evaluation.privacy.variants import inverse

SHARE = 0.3125  # of the side, from the middle to the border of what is laid over
INNER = 0.75  # of the copy, which counts: whoever moves an image must make up borders
LEAST = 1e-6


@dataclass(frozen=True)
class Laid:
    """The best place of each pair."""

    correlation: Tensor
    down: Tensor  # share of the side by which the middle of the first lies lower in the second
    right: Tensor


def lay(over: Tensor, under: Tensor, which: Tensor) -> Laid:
    """The highest correlation over all shifts, frames together.

    Args:
        over: whose middle is moved, (pairs, frames, rows, rows).
        under: images that they are laid over, (images, frames, rows, rows).
        which: of them each pair means, (pairs,).
    """
    side = over.shape[-1]
    half = round(SHARE * side)
    template = _middle(over, half)
    product = (torch.fft.rfft2(under)[which] * torch.fft.rfft2(template).conj()).sum(dim=1)
    reach = side // 2 - half
    places = torch.arange(-reach, reach + 1)
    covariance = torch.fft.irfft2(product, s=(side, side)).roll((reach, reach), (1, 2))[:, : len(places), : len(places)]
    total, squares = _box_sums(under, 2 * half), _box_sums(under.square().sum(dim=1), 2 * half)
    power = (squares - total.square().sum(dim=1) / (2 * half) ** 2).clamp(min=LEAST)
    own = template.square().sum(dim=(1, 2, 3)).clamp(min=LEAST)
    found = covariance / (power[which] * own[:, None, None]).sqrt()
    best, where = found.flatten(1).max(dim=1)
    return Laid(best, places[where // len(places)] / side, places[where % len(places)] / side)


def alike_where_they_meet(over: Tensor, under: Tensor, variants: Tensor, laid: Laid) -> Tensor:
    """The correlation of what both images show, once the first is turned back and moved, (pairs,)."""
    image, both = laid_over(over, variants, laid)
    x, y = (_around_mean(one, both) for one in (image, under))
    return (x * y).sum(dim=(1, 2, 3)) / (_power(x) * _power(y)).sqrt()


def laid_over(over: Tensor, variants: Tensor, laid: Laid) -> tuple[Tensor, Tensor]:
    """Each image turned back and moved, and where of it anything is believed, (pairs, 1, rows, rows)."""
    moved = torch.stack([laid.right, laid.down], dim=1)[:, :, None] * 2  # in coordinates from -1 to 1
    back = inverse(variants)
    theta = torch.cat([back, -back @ moved], dim=2)
    grid = affine_grid(theta, list(over.shape), align_corners=False)
    both = (grid.abs().amax(dim=3) <= INNER).to(over)[:, None]
    return grid_sample(over, grid, align_corners=False), both


def _around_mean(x: Tensor, where: Tensor) -> Tensor:
    mean = (x * where).sum(dim=(2, 3), keepdim=True) / where.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    return (x - mean) * where


def _power(x: Tensor) -> Tensor:
    return x.square().sum(dim=(1, 2, 3)).clamp(min=LEAST)


def _box_sums(x: Tensor, width: int) -> Tensor:
    """Sums over every square of so many pixels, from the first row and column on."""
    for dim in (-2, -1):
        summed = torch.cat([torch.zeros_like(x.narrow(dim, 0, 1)), x.cumsum(dim)], dim)
        count = summed.shape[dim] - width
        x = summed.narrow(dim, width, count) - summed.narrow(dim, 0, count)
    return x


def _middle(x: Tensor, half: int) -> Tensor:
    """The middle, around its mean, and nothing elsewhere."""
    inner = slice(x.shape[-1] // 2 - half, x.shape[-1] // 2 + half)
    cut = torch.zeros_like(x)
    seen = x[:, :, inner, inner]
    cut[:, :, inner, inner] = seen - seen.mean(dim=(2, 3), keepdim=True)
    return cut
