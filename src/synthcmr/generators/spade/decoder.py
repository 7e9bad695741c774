"""A decoder in the manner of SPADE (Park et al. 2019): the mask steers every normalisation, the text every channel."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pixel_shuffle, pixel_unshuffle

from synthcmr.generators.conditional.asked import channels_around
from synthcmr.generators.spade.settings import PATCH, SpadeSettings

SLOPE = 0.2


class SpadeDecoder(nn.Module):
    """Latent numbers on a grid, grain, surroundings and text -> image.

    Grain is noise of the image's own, pixel by pixel, that the last block colours: convolutions cannot make it out of numbers on a coarse
    grid, and without it images are smooth whatever the loss.
    """

    def __init__(self, settings: SpadeSettings) -> None:
        """Build the blocks."""
        super().__init__()
        first, *rest = settings.channels
        label, style = settings.label_channels, settings.token_width
        self.label = nn.Conv2d(channels_around(settings.frames, PATCH), label, 3, padding=1)
        self.start = nn.Conv2d(settings.latent_channels, first, 3, padding=1)
        widths = [first, first, *rest]
        self.blocks = nn.ModuleList(SpadeBlock(a, b, label, style) for a, b in pairwise(widths))
        self.grain = nn.Conv2d(settings.frames * PATCH**2, widths[-2], 1, bias=False)
        self.out = nn.Conv2d(widths[-1], settings.frames * PATCH**2, 3, padding=1)

    def begin(self, z: Tensor, surroundings: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Up to the last block; with it what the mask says there.

        Args:
            z: (batch, latent channels, rows / 16, columns / 16).
            surroundings: folded by `PATCH`.
            style: the text as one vector.
        """
        label = leaky_relu(self.label(surroundings), SLOPE)
        x = self.start(z)
        for block in self.blocks[:-1]:
            x = interpolate(block(x, label, style), scale_factor=2, mode="nearest")
        return x, label

    def end(self, x: Tensor, label: Tensor, style: Tensor, grain: Tensor | None) -> Tensor:
        """Images, -1 to 1.

        Args:
            x: from `begin`, as is label.
            label: what the mask says.
            style: the text as one vector.
            grain: standard noise, (batch, frames, rows, columns); None: the smooth image.
        """
        if grain is not None:
            x = x + self.grain(pixel_unshuffle(grain, PATCH).to(x.dtype))
        x = self.blocks[-1](x, label, style)
        return pixel_shuffle(torch.tanh(self.out(leaky_relu(x, SLOPE)).float()), PATCH)


class SpadeBlock(nn.Module):
    """Two convolutions behind normalisations that the mask steers, and a way around them.

    MONAI's SPADE normalises what it computes from the label map over each image, which takes away whatever is the same everywhere: the
    text. So the text scales and shifts the channels by itself.
    """

    def __init__(self, channels: int, out: int, label: int, style: int) -> None:
        from monai.networks.blocks import SPADE

        super().__init__()
        self.norms = nn.ModuleList(SPADE(label, c, hidden_channels=label) for c in (channels, channels))
        self.styles = nn.ModuleList(nn.Linear(style, 2 * channels) for _ in range(2))
        self.convolutions = nn.ModuleList(nn.Conv2d(channels, c, 3, padding=1) for c in (channels, out))
        self.around = nn.Conv2d(channels, out, 1, bias=False) if channels != out else nn.Identity()

    def forward(self, x: Tensor, label: Tensor, style: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, out, rows, columns)."""
        inner = x
        for norm, by, convolve in zip(self.norms, self.styles, self.convolutions, strict=True):
            scale, shift = by(style)[:, :, None, None].chunk(2, dim=1)
            inner = convolve(leaky_relu(norm(inner, label) * (1 + scale) + shift, SLOPE))
        skipped: Tensor = self.around(x)
        return skipped + inner
