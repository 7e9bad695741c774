"""A U-Net without attention or transposed convolutions: resized and convolved, so that no grid stays in what it draws."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pixel_shuffle, pixel_unshuffle, silu

from synthcmr.generators.refine.settings import RefineSettings

FOLD = 2  # the U-Net's first level is at half the resolution
OCTAVES, HIGHEST = 32, 6.0  # of the sines in which the time is shown, up to exp(HIGHEST) turns


class Unet(nn.Module):
    """Everything that is seen at every pixel, and one vector for the whole image -> one channel."""

    def __init__(self, settings: RefineSettings, inputs: int, width: int) -> None:
        """Build the network.

        Args:
            settings: channels, and whether there is a stage at full resolution.
            inputs: channels that are seen at every pixel.
            width: of the vector that says time and text.
        """
        super().__init__()
        levels, groups = settings.channels, settings.groups
        self.first = nn.Conv2d(inputs * FOLD**2, levels[0], 3, padding=1)
        self.down = nn.ModuleList(
            Block(before, after, width, groups) for before, after in zip((levels[0], *levels), levels, strict=False)
        )
        self.middle = Block(levels[-1], levels[-1], width, groups)
        pairs = list(pairwise(levels))[::-1]
        self.narrow = nn.ModuleList(nn.Conv2d(below, above, 1) for above, below in pairs)
        self.up = nn.ModuleList(Block(2 * above, above, width, groups) for above, _ in pairs)
        self.last = (
            FineStage(levels[0], settings.fine, inputs, width) if settings.fine else FoldedStage(levels[0], groups)
        )

    def forward(self, seen: Tensor, said: Tensor) -> Tensor:
        """One evaluation.

        Args:
            seen: (batch, inputs, rows, columns).
            said: (batch, width).
        """
        h = self.first(pixel_unshuffle(seen, FOLD))
        beside: list[Tensor] = []
        for k, block in enumerate(self.down):
            h = block(h if k == 0 else avg_pool2d(h, 2), said)
            beside.append(h)
        h = self.middle(beside.pop(), said)
        for narrow, block in zip(self.narrow, self.up, strict=True):
            h = block(torch.cat([interpolate(narrow(h), scale_factor=2), beside.pop()], dim=1), said)
        drawn: Tensor = self.last(h, seen, said)
        return drawn


class Block(nn.Module):
    """Two convolutions; time and text scale and shift between them."""

    def __init__(self, before: int, after: int, width: int, groups: int) -> None:
        super().__init__()
        self.norm_in, self.conv_in = nn.GroupNorm(groups, before), nn.Conv2d(before, after, 3, padding=1)
        self.norm_out, self.conv_out = nn.GroupNorm(groups, after), nn.Conv2d(after, after, 3, padding=1)
        self.said = nn.Linear(width, 2 * after)
        self.skip = nn.Identity() if before == after else nn.Conv2d(before, after, 1)
        nn.init.zeros_(self.conv_out.weight)

    def forward(self, x: Tensor, said: Tensor) -> Tensor:
        """(batch, before, rows, columns) -> (batch, after, rows, columns)."""
        h = self.conv_in(silu(self.norm_in(x)))
        scale, shift = self.said(said)[:, :, None, None].chunk(2, dim=1)
        h = self.conv_out(silu(self.norm_out(h) * (1 + scale) + shift))
        found: Tensor = self.skip(x) + h
        return found


class FineStage(nn.Module):
    """What the levels found, resized, beside the pixels themselves: a narrow stage at full resolution."""

    def __init__(self, before: int, fine: int, inputs: int, width: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(before, fine, 1)
        self.join = nn.Conv2d(fine + inputs, fine, 3, padding=1)
        self.said = nn.Linear(width, 2 * fine)
        self.out = nn.Conv2d(fine, 1, 3, padding=1)

    def forward(self, h: Tensor, seen: Tensor, said: Tensor) -> Tensor:
        """One channel at full resolution."""
        wide = interpolate(self.narrow(h), scale_factor=FOLD, mode="bilinear", align_corners=False)
        joined = self.join(torch.cat([wide, seen.to(wide.dtype)], dim=1))
        scale, shift = self.said(said)[:, :, None, None].chunk(2, dim=1)
        return _exact(self.out, silu(joined * (1 + scale) + shift))


class FoldedStage(nn.Module):
    """Pixels unfolded from channels."""

    def __init__(self, before: int, groups: int) -> None:
        super().__init__()
        self.norm, self.out = nn.GroupNorm(groups, before), nn.Conv2d(before, FOLD**2, 3, padding=1)

    def forward(self, h: Tensor, seen: Tensor, said: Tensor) -> Tensor:
        """One channel at full resolution."""
        return pixel_shuffle(_exact(self.out, silu(self.norm(h))), FOLD)


def _exact(convolution: nn.Module, x: Tensor) -> Tensor:
    """The last convolution in full precision: half of it rounds images to fewer steps than their noise has."""
    with torch.autocast(x.device.type, enabled=False):
        found: Tensor = convolution(x.float())
    return found


def time_sines(t: Tensor) -> Tensor:
    """Times, (batch,), as sines and cosines, (batch, 2 x OCTAVES)."""
    turns = torch.exp(torch.linspace(0, HIGHEST, OCTAVES, device=t.device)) * t.float()[:, None]
    return torch.cat([turns.sin(), turns.cos()], dim=1)
