"""The encoder and the evidence bound."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, leaky_relu, pixel_unshuffle

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.asked import around_batch, channels_around
from synthcmr.generators.conditional.network import heart_weights
from synthcmr.generators.conditional.spectrum import amplitude
from synthcmr.generators.spade.decoder import SLOPE, latent_noise
from synthcmr.generators.spade.network import SpadeNetwork
from synthcmr.generators.spade.settings import PATCH
from synthcmr.generators.vae.settings import VaeSettings
from synthcmr.training.layout import channels_last

LOG_VARIANCE = (-12.0, 4.0)  # so that no exponential runs away


class VaeNetwork(SpadeNetwork):
    """q(z | image, surroundings), p(image | z, surroundings, text)."""

    turns = ("vae",)
    settings: VaeSettings

    def __init__(self, settings: VaeSettings, vocabulary: Vocabulary) -> None:
        """Build encoder, decoder and text encoder."""
        super().__init__(settings, vocabulary)
        image = settings.frames * PATCH**2
        self.encoder = Encoder(
            image + channels_around(settings.frames, PATCH), settings.encoder, 2 * settings.latent_channels
        )
        channels_last(self)

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The negative evidence bound, in units of the likelihood's scale, and the error of the spectrum."""
        surroundings = around_batch(batch, PATCH)
        image = batch["image"]
        mean, log_variance = self.encoder(torch.cat([pixel_unshuffle(image, PATCH), surroundings], dim=1))
        z = mean + (log_variance / 2).exp() * latent_noise(self.settings, batch["noise"])
        made = self.decode(z, surroundings, self.text(batch["text"]))
        error = (made - image).abs() + self.settings.edges * _edges(made - image)
        pixels = (error * heart_weights(batch["mask"], self.settings.heart_weight)).mean()
        divergence = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).flatten(1).sum(dim=1).mean()
        divergence = divergence / image[0].numel()
        fine = l1_loss(amplitude(made), amplitude(image))
        loss = pixels + self.settings.fine * fine + self.settings.scale * divergence
        return loss, {"pixels": pixels, "amplitude": fine, "divergence": divergence}


class Encoder(nn.Module):
    """Image and surroundings -> mean and log-variance of the latent numbers."""

    def __init__(self, channels: int, widths: tuple[int, int, int], out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in zip((widths[0], *widths[:-1]), widths, strict=True)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, w) for w in widths)
        self.out = nn.Conv2d(widths[-1], out, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, channels, rows, columns) -> twice (batch, out / 2, rows / 8, columns / 8) of the folded image."""
        x = leaky_relu(self.first(x), SLOPE)
        for convolve, norm in zip(self.down, self.norms, strict=True):
            x = leaky_relu(norm(convolve(x)), SLOPE)
        mean, log_variance = self.out(x).float().chunk(2, dim=1)
        return mean, log_variance.clamp(*LOG_VARIANCE)


def _edges(error: Tensor) -> Tensor:
    """Size of the gradient of an error, pixel by pixel."""
    down = torch.diff(error, dim=2, append=error[:, :, -1:]).abs()
    right = torch.diff(error, dim=3, append=error[:, :, :, -1:]).abs()
    return down + right
