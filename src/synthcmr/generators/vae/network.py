"""The encoder, the prior and the evidence bound."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate, l1_loss, leaky_relu, pixel_unshuffle

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.asked import Asked, around_asked, around_batch, channels_around
from synthcmr.generators.conditional.network import flat_noise, heart_weights
from synthcmr.generators.conditional.spectrum import amplitude
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.generators.spade.decoder import SLOPE
from synthcmr.generators.spade.network import SpadeNetwork
from synthcmr.generators.spade.settings import PATCH, SHRINK
from synthcmr.generators.vae.settings import VaeSettings
from synthcmr.training.layout import channels_last

LOG_VARIANCE = (-12.0, 4.0)  # so that no exponential runs away
POOLED = 4  # rows and columns that an encoder sums an image up in
GRID = 8  # rows and columns that a code is spread over before the decoder

Normal = tuple[Tensor, Tensor]  # mean and log-variance of independent numbers


class VaeNetwork(SpadeNetwork):
    """q(z | image, surroundings, text), p(z | surroundings, text), p(image | z, surroundings, text).

    The code z is one vector for the whole image, as numbers on a grid that know nothing of each other make patches and no chest; and
    its prior is told mask and text (Sohn et al. 2015), as they say where the heart lies and how thick the chest wall is.
    """

    turns = ("vae",)
    settings: VaeSettings

    def __init__(self, settings: VaeSettings, vocabulary: Vocabulary) -> None:
        """Build encoder, prior, decoder and text encoder."""
        super().__init__(settings, vocabulary)
        image, told = settings.frames * PATCH**2, channels_around(settings.frames, PATCH)
        self.encoder = Encoder(image + told, settings)
        self.prior = Encoder(told, settings)
        self.spread = nn.Linear(settings.code, settings.latent_channels * GRID**2)
        channels_last(self)

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The negative evidence bound, scaled to the error of a pixel, and the error of the spectrum."""
        surroundings, tokens = around_batch(batch, PATCH), self.text(batch["text"])
        image, whole = batch["image"], self.gather(tokens)
        found = self.encoder(torch.cat([pixel_unshuffle(image, PATCH), surroundings], dim=1), whole)
        prior = self.prior(surroundings, whole)
        made = self._decoded(found, batch["noise"], surroundings, tokens)
        error = (made - image).abs() + self.settings.edges * _edges(made - image)
        pixels = (error * heart_weights(batch["mask"], self.settings.heart_weight)).mean()
        fine = l1_loss(amplitude(made), amplitude(image))
        nats = divergence(found, prior).mean()
        loss = pixels + self.settings.fine * fine + self.settings.divergence * nats / image[0].numel()
        return loss, {"pixels": pixels, "amplitude": fine, "nats": nats}

    def draw(self, asked: Asked, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """One pass from a code of the prior."""
        surroundings, tokens = around_asked(asked, PATCH), self.tokens(asked.texts)
        prior = self.prior(surroundings, self.gather(tokens))
        return self._decoded(prior, noise, surroundings, tokens)

    def _decoded(self, code_is: Normal, noise: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        mean, log_variance = code_is
        code = mean + (log_variance / 2).exp() * flat_noise(noise, self.settings.code)
        rows, columns = (side // SHRINK for side in noise.shape[2:])
        grid = self.spread(code).reshape(len(code), -1, GRID, GRID)
        return self.decode(interpolate(grid.float(), (rows, columns), mode="bilinear"), noise, surroundings, tokens)


class Encoder(nn.Module):
    """What is seen at every pixel, and the text -> mean and log-variance of the code."""

    def __init__(self, channels: int, settings: VaeSettings) -> None:
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


def _edges(error: Tensor) -> Tensor:
    """Size of the gradient of an error, pixel by pixel."""
    down = torch.diff(error, dim=2, append=error[:, :, -1:]).abs()
    right = torch.diff(error, dim=3, append=error[:, :, :, -1:]).abs()
    return down + right
