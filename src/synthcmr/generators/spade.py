"""What an image is summed up in beside mask and text: a code, and what is known of it before the image is seen."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate, leaky_relu, pixel_shuffle, pixel_unshuffle

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import ConditionBatch, around_conditions, channels_around
from synthcmr.generators.conditional.network import ConditionalNetwork, Gather, flat_noise
from synthcmr.generators.family_settings import SPADE_PATCH, SPADE_SHRINK, SpadeSettings
from synthcmr.generators.sampler import SamplerSettings

LOG_VARIANCE = (-12.0, 4.0)  # so that no exponential runs away
POOLED = 4  # rows and columns that an encoder sums an image up in

Normal = tuple[Tensor, Tensor]  # mean and log-variance of independent numbers


class Encoder(nn.Module):
    """What is seen at every pixel, and the text -> mean and log-variance of the code."""

    def __init__(self, channels: int, settings: SpadeSettings) -> None:
        super().__init__()
        widths = settings.encoder
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in zip((widths[0], *widths[:-1]), widths, strict=True)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, w) for w in widths)
        self.mixed = nn.Linear(widths[-1] * POOLED**2 + settings.token_width, 2 * widths[-1])
        self.out = nn.Linear(2 * widths[-1], 2 * settings.code)

    def forward(self, x: Tensor, whole: Tensor) -> Normal:
        """(batch, channels, rows, columns) and (batch, width) -> twice (batch, code)."""
        x = leaky_relu(self.first(x), SLOPE)
        for convolve, norm in zip(self.down, self.norms, strict=True):
            x = leaky_relu(norm(convolve(x)), SLOPE)
        pooled = adaptive_avg_pool2d(x.float(), POOLED).flatten(1)
        hidden = leaky_relu(self.mixed(torch.cat([pooled, whole.float()], dim=1)), SLOPE)
        mean, log_variance = self.out(hidden).float().chunk(2, dim=1)
        return mean, log_variance.clamp(*LOG_VARIANCE)


def divergence(q: Normal, p: Normal) -> Tensor:
    """KL(q || p) in nats, (batch,)."""
    (m, v), (n, w) = q, p
    return 0.5 * (w - v + ((v - w).exp() + (m - n).square() / w.exp()) - 1).sum(dim=1)


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
        label, style, folded = settings.label_channels, settings.token_width, settings.frames * SPADE_PATCH**2
        self.label = nn.Conv2d(channels_around(settings.frames, SPADE_PATCH), label, 3, padding=1)
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
            surroundings: folded by `SPADE_PATCH`.
            style: the text as one vector.
        """
        label = leaky_relu(self.label(surroundings), SLOPE)
        x = self.start(z)
        for k, block in enumerate(self.blocks):
            x = block(interpolate(x, scale_factor=2, mode="nearest") if k else x, label, style)
        x = leaky_relu(x, SLOPE)
        smooth = self.out(x).float()
        added = self.colour(self.grain(pixel_unshuffle(grain, SPADE_PATCH).to(x.dtype)) * self.strength(x)).float()
        return pixel_shuffle(torch.tanh(smooth), SPADE_PATCH), pixel_shuffle(torch.tanh(smooth + added), SPADE_PATCH)


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
        modulation = self.of_mask(leaky_relu(self.shared(seen), SLOPE)) + self.of_text(style)[:, :, None, None]
        scale, shift = modulation.chunk(2, dim=1)
        even = x * torch.rsqrt(x.float().square().mean(dim=1, keepdim=True) + EPSILON).to(x.dtype)
        return even * (1 + scale) + shift


GRID = 8  # rows and columns that a code is spread over before the decoder


class SpadeNetwork(ConditionalNetwork):
    """q(z | image, surroundings, text), p(z | surroundings, text), image(z, grain, surroundings, text).

    The code z is one vector for the whole image, as numbers on a grid that know nothing of each other make patches and no chest; and
    its prior is told mask and text (Sohn et al. 2015), as they say where the heart lies and how thick the chest wall is. There are no
    steps, and nothing to guide.
    """

    settings: SpadeSettings

    def __init__(self, settings: SpadeSettings, vocabulary: Vocabulary) -> None:
        """Build encoder, prior, decoder and text encoder."""
        super().__init__(settings, vocabulary)
        self.gather = Gather(settings.token_width)
        self.decoder = SpadeDecoder(settings)
        image, surroundings = settings.frames * SPADE_PATCH**2, channels_around(settings.frames, SPADE_PATCH)
        self.encoder = Encoder(image + surroundings, settings)
        self.prior = Encoder(surroundings, settings)
        self.spread = nn.Linear(settings.code, settings.latent_channels * GRID**2)

    def codes(self, image: Tensor, surroundings: Tensor, tokens: Tensor) -> tuple[Normal, Normal]:
        """What the code of an image is, and what it was expected to be."""
        whole = self.gather(tokens)
        posterior = self.encoder(torch.cat([pixel_unshuffle(image, SPADE_PATCH), surroundings], dim=1), whole)
        return posterior, self.prior(surroundings, whole)

    def decode(self, code_is: Normal, noise: Tensor, surroundings: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Images of a code without grain and with it; the image's own noise decides which code, and is the grain."""
        mean, log_variance = code_is
        code = mean + (log_variance / 2).exp() * flat_noise(noise, self.settings.code)
        rows, columns = (side // SPADE_SHRINK for side in noise.shape[2:])
        grid = self.spread(code).reshape(len(code), -1, GRID, GRID)
        z = interpolate(grid.float(), (rows, columns), mode="bilinear")
        decoded: tuple[Tensor, Tensor] = self.decoder(z, noise, surroundings, self.gather(tokens))
        return decoded

    def error(self, conditions: ConditionBatch, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """Of the image as it is given back without grain, at whatever time."""
        surroundings, tokens = around_conditions(conditions, SPADE_PATCH), self.tokens(conditions.texts)
        code, _ = self.codes(x_1, surroundings, tokens)
        smooth, _ = self.decode(code, x_0, surroundings, tokens)
        return smooth - x_1

    def draw(self, conditions: ConditionBatch, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """One pass from a code of the prior."""
        surroundings, tokens = around_conditions(conditions, SPADE_PATCH), self.tokens(conditions.texts)
        _, images = self.decode(self.prior(surroundings, self.gather(tokens)), noise, surroundings, tokens)
        return images
