"""A decoder in the manner of SPADE (Park et al. 2019): the mask steers every normalisation, the text every channel."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pixel_shuffle, pixel_unshuffle

from synthcmr.generators.conditional.condition_batch import channels_around
from synthcmr.generators.spade.settings import PATCH, SpadeSettings

SLOPE = 0.2
GRAINS = 16  # kinds of grain that are mixed
EPSILON = 1e-6


class SpadeDecoder(nn.Module):
    """Latent numbers on a grid, grain, surroundings and text -> image.

    Grain is noise of the image's own, pixel by pixel, which the decoder colours and makes stronger or weaker from place to place: no
    numbers on a coarse grid could hold it, and without it images are smooth whatever the loss.
    """

    def __init__(self, settings: SpadeSettings) -> None:
        """Build the blocks."""
        super().__init__()
        first, *rest = settings.channels
        label, style, folded = settings.label_channels, settings.token_width, settings.frames * PATCH**2
        self.label = nn.Conv2d(channels_around(settings.frames, PATCH), label, 3, padding=1)
        self.start = nn.Conv2d(settings.latent_channels, first, 3, padding=1)
        self.blocks = nn.ModuleList(SpadeBlock(a, b, label, style) for a, b in pairwise([first, first, *rest]))
        self.out = nn.Conv2d(rest[-1], folded, 3, padding=1)
        self.grain = nn.Conv2d(folded, GRAINS, 3, padding=1, bias=False)
        self.strength = nn.Conv2d(rest[-1], GRAINS, 1)
        self.colour = nn.Conv2d(GRAINS, folded, 3, padding=1, bias=False)

    def forward(self, z: Tensor, grain: Tensor, surroundings: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Images, -1 to 1, without grain and with it.

        Args:
            z: (batch, latent channels, rows / 16, columns / 16).
            grain: standard noise, (batch, frames, rows, columns).
            surroundings: folded by `PATCH`.
            style: the text as one vector.
        """
        label = leaky_relu(self.label(surroundings), SLOPE)
        x = self.start(z)
        for k, block in enumerate(self.blocks):
            x = block(interpolate(x, scale_factor=2, mode="nearest") if k else x, label, style)
        x = leaky_relu(x, SLOPE)
        smooth = self.out(x).float()
        added = self.colour(self.grain(pixel_unshuffle(grain, PATCH).to(x.dtype)) * self.strength(x)).float()
        return pixel_shuffle(torch.tanh(smooth), PATCH), pixel_shuffle(torch.tanh(smooth + added), PATCH)


class SpadeBlock(nn.Module):
    """Two convolutions behind normalisations that mask and text steer, and a way around them."""

    def __init__(self, channels: int, out: int, label: int, style: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(SpadeNorm(channels, label, style) for _ in range(2))
        self.convolutions = nn.ModuleList(nn.Conv2d(channels, c, 3, padding=1) for c in (channels, out))
        self.around = nn.Conv2d(channels, out, 1, bias=False) if channels != out else nn.Identity()

    def forward(self, x: Tensor, label: Tensor, style: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, out, rows, columns)."""
        inner = x
        for norm, convolve in zip(self.norms, self.convolutions, strict=True):
            inner = convolve(leaky_relu(norm(inner, label, style), SLOPE))
        skipped: Tensor = self.around(x)
        return skipped + inner


class SpadeNorm(nn.Module):
    """Normalised pixel by pixel, then scaled and shifted by what the mask says there and by the text.

    Not MONAI's SPADE: its normalisations are over each image. Those of x make a network say with a spike in a corner what it cannot say
    through them (Karras et al. 2020 met such spikes as droplets); those of scale and shift, which the paper has not, take away
    whatever a mask says of the whole image.
    """

    def __init__(self, channels: int, label: int, style: int) -> None:
        super().__init__()
        self.shared = nn.Conv2d(label, label, 3, padding=1)
        self.of_mask = nn.Conv2d(label, 2 * channels, 3, padding=1)
        self.of_text = nn.Linear(style, 2 * channels)

    def forward(self, x: Tensor, label: Tensor, style: Tensor) -> Tensor:
        """(batch, channels, rows, columns), as x is."""
        seen = interpolate(label, x.shape[2:], mode="nearest")
        told = self.of_mask(leaky_relu(self.shared(seen), SLOPE)) + self.of_text(style)[:, :, None, None]
        scale, shift = told.chunk(2, dim=1)
        even = x * torch.rsqrt(x.float().square().mean(dim=1, keepdim=True) + EPSILON).to(x.dtype)
        return even * (1 + scale) + shift
