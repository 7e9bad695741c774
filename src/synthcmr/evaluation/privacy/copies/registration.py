"""How alike two images are once one is laid over the other, mirrored, rescaled, rotated and moved as fits best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from synthcmr.config import Settings

MIRRORED, UPSIDE_DOWN, SCALE, DEGREES = range(4)  # columns of variants as numbers
SHARE = 0.3125  # of the side, from the middle to the border of what is laid over
INNER = 0.75  # of the copy, which counts: whoever moves an image must make up borders
LEAST = 1e-6
ROUNDS = 3  # of refinement
# Growth, degrees and move (of -1 to 1) in one round: slopes say nothing of what is farther.
FARTHEST = (0.04, 4.0, 0.05)
RIDGE = 1e-4


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


class Placement(NamedTuple):
    """The best place of each pair."""

    correlation: Tensor
    down: Tensor  # share of the side by which the middle of the first lies lower in the second
    right: Tensor


class Registration(NamedTuple):
    """What each pair is like at best."""

    correlation: Tensor
    variant: Tensor
    down: Tensor
    right: Tensor


def variant_grid(scales: Sequence[float], degrees: Sequence[float]) -> Tensor:
    """Scales without rotation and rotations without scale, each as it is and mirrored, (variants, 4)."""
    turned = [(s, 0.0) for s in scales] + [(1.0, d) for d in degrees if d]
    return torch.tensor([[mirror, 1.0, s, d] for mirror in (1.0, -1.0) for s, d in turned])


def half_turned(variants: Tensor) -> Tensor:
    """The same, turned by 180 degrees: a signature does not tell the two apart."""
    return variants * torch.tensor([-1.0, -1.0, 1.0, 1.0])


def apply_variants(x: Tensor, variants: Tensor) -> Tensor:
    """Images as copies of them would look, each with its own variant or all with the same; borders are mirrored in."""
    return _through(x, _backwards(variants))


def undo_variants(x: Tensor, variants: Tensor) -> Tensor:
    """Copies as what they were made of looked."""
    return _through(x, _inverse(variants))


def place(over: Tensor, under: Tensor, which: Tensor) -> Placement:
    """The highest correlation of the middle of one image with any place of the other, frames together.

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
    shifts = torch.arange(-reach, reach + 1)
    covariance = torch.fft.irfft2(product, s=(side, side)).roll((reach, reach), (1, 2))[:, : len(shifts), : len(shifts)]
    total, squares = _box_sums(under, 2 * half), _box_sums(under.square().sum(dim=1), 2 * half)
    power = (squares - total.square().sum(dim=1) / (2 * half) ** 2).clamp(min=LEAST)
    own = template.square().sum(dim=(1, 2, 3)).clamp(min=LEAST)
    correlation = covariance / (power[which] * own[:, None, None]).sqrt()
    best, where = correlation.flatten(1).max(dim=1)
    return Placement(best, shifts[where // len(shifts)] / side, shifts[where % len(shifts)] / side)


def overlap_correlation(over: Tensor, under: Tensor, variants: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """The correlation of what both images show, once the first is turned back and moved, (pairs,)."""
    image, inside = _laid_over(over, variants, down, right)
    x, y = (_around_mean(one, inside) for one in (image, under))
    return (x * y).sum(dim=(1, 2, 3)) / (_power(x) * _power(y)).sqrt()


def refine(over: Tensor, under: Tensor, variants: Tensor, down: Tensor, right: Tensor) -> Registration:
    """Lay each image better over its partner, by less than a pixel, a degree and a hundredth of its size, if that can be done.

    A small move, turn and growth of an image change it, to first order, by its slopes. So the ones that are missing are found by
    regression of the other image on the image and its slopes (Lucas and Kanade 1981), and what they bring is looked at before they
    are believed.

    Args:
        over: copies, (pairs, frames, rows, rows).
        under: what they may be copies of, likewise.
        variants: of the copies, (pairs, 4).
        down: where each lies, as a share of the side.
        right: likewise.
    """
    best = Registration(overlap_correlation(over, under, variants, down, right), variants, down, right)
    for _ in range(ROUNDS):
        moved = _moved(best, _missing_step(over, under, best))
        best = _better(best, Registration(overlap_correlation(over, under, *moved), *moved))
    return best


def _inverse(variants: Tensor) -> Tensor:
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


def _laid_over(over: Tensor, variants: Tensor, down: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Each image turned back and moved, and where of it anything is believed, (pairs, 1, rows, rows)."""
    moved = torch.stack([right, down], dim=1)[:, :, None] * 2  # in coordinates from -1 to 1
    back = _inverse(variants)
    theta = torch.cat([back, -back @ moved], dim=2)
    grid = affine_grid(theta, list(over.shape), align_corners=False)
    inside = (grid.abs().amax(dim=3) <= INNER).to(over)[:, None]
    return grid_sample(over, grid, align_corners=False), inside


def _around_mean(x: Tensor, where: Tensor) -> Tensor:
    """Images around their mean within a region, and zero outside; the last two dimensions are rows and columns."""
    mean = (x * where).sum(dim=(-2, -1), keepdim=True) / where.sum(dim=(-2, -1), keepdim=True).clamp(min=1)
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
    middle = torch.zeros_like(x)
    seen = x[:, :, inner, inner]
    middle[:, :, inner, inner] = seen - seen.mean(dim=(2, 3), keepdim=True)
    return middle


def _missing_step(over: Tensor, under: Tensor, at: Registration) -> Tensor:
    """Growth, turn in radians and move right and down that are missing, (pairs, 4)."""
    image, inside = _laid_over(over, at.variant, at.down, at.right)
    down, right = torch.gradient(image, spacing=2 / image.shape[-1], dim=(2, 3))  # slopes, in units of -1 to 1
    across = (torch.arange(image.shape[-1]) + 0.5) * 2 / image.shape[-1] - 1
    x, y = across[None, :], across[:, None]
    columns = torch.stack([image, right * x + down * y, down * x - right * y, right, down], dim=1)
    columns = _around_mean(columns, inside[:, None]).flatten(2)
    aim = (under * inside).flatten(1)
    square = columns @ columns.transpose(1, 2)
    ridge = RIDGE * torch.diag_embed(square.diagonal(dim1=1, dim2=2)) + 1e-6 * torch.eye(5)
    weights = torch.linalg.solve(square + ridge, columns @ aim[:, :, None])[:, :, 0]
    step = weights[:, 1:] / weights[:, :1].clamp(min=0.1)  # slopes are of the image as bright as it is in the other
    most = torch.tensor([FARTHEST[0], FARTHEST[1] * torch.pi / 180, FARTHEST[2], FARTHEST[2]])
    return step.clamp(-most, most)


def _moved(at: Registration, step: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Variants and places after a small growth, turn and move."""
    grow, turn, right, down = step.T
    variant = at.variant.clone()
    variant[:, SCALE] = variant[:, SCALE] * (1 + grow)
    variant[:, DEGREES] = variant[:, DEGREES] + torch.rad2deg(turn)
    x, y = 2 * at.right - right, 2 * at.down - down
    c, s = turn.cos() / (1 + grow), turn.sin() / (1 + grow)
    return variant, (y * c - x * s) / 2, (x * c + y * s) / 2


def _better(a: Registration, b: Registration) -> Registration:
    """Of each pair the better one."""
    wins = b.correlation > a.correlation
    return Registration(*(torch.where(wins.reshape(-1, *[1] * (x.ndim - 1)), y, x) for x, y in zip(a, b, strict=True)))
