"""The vae family: its network, the evidence bound that it learns by, and its generator."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import around_batch
from synthcmr.generators.conditional.generator import ConditionalGenerator
from synthcmr.generators.conditional.network import heart_weights
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.conditional.spectrum import local_amplitude
from synthcmr.generators.family_settings import SPADE_PATCH, VAE_PRESETS, VaeSettings
from synthcmr.generators.spade import SpadeNetwork, divergence
from synthcmr.training.device import channels_last

# So small that an edge is in few windows: of whole images grain would make up for the power of edges that the code does not hold.
WINDOW = 16


class VaeNetwork(SpadeNetwork):
    """Encoder, prior and decoder, trained by the evidence bound."""

    optimizer_phases = ("vae",)
    settings: VaeSettings

    def __init__(self, settings: VaeSettings, vocabulary: Vocabulary) -> None:
        """Build the network."""
        super().__init__(settings, vocabulary)
        channels_last(self)

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The negative evidence bound, scaled to the error of a pixel, and the error of local spectra.

        The former is that of the smooth image: grain, which cannot be predicted, would only add to it, and be unlearned.
        """
        surroundings, tokens, image = around_batch(batch, SPADE_PATCH), self.text(batch["text"]), batch["image"]
        posterior, prior = self.codes(image, surroundings, tokens)
        smooth, images = self.decode(posterior, batch["noise"], surroundings, tokens)
        error = (smooth - image).abs() + self.settings.edges * _edges(smooth - image)
        pixels = (error * heart_weights(batch["mask"], self.settings.heart_weight)).mean()
        fine = l1_loss(local_amplitude(images, WINDOW), local_amplitude(image, WINDOW))
        nats = divergence(posterior, prior).mean()
        loss = pixels + self.settings.fine * fine + self.settings.divergence * nats / image[0].numel()
        return loss, {"pixels": pixels, "amplitude": fine, "nats": nats}


def _edges(error: Tensor) -> Tensor:
    """Size of the gradient of an error, pixel by pixel."""
    down = torch.diff(error, dim=2, append=error[:, :, -1:]).abs()
    right = torch.diff(error, dim=3, append=error[:, :, :, -1:]).abs()
    return down + right


class VaeGenerator(ConditionalGenerator[VaeNetwork]):
    """A conditional variational autoencoder."""

    family = "vae"
    settings_kind = VaeSettings
    network_kind = VaeNetwork
    presets: ClassVar[Presets] = VAE_PRESETS
