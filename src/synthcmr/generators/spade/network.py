"""What VAE and GAN share: the decoder, told by text and surroundings."""

from __future__ import annotations

from torch import Tensor

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.asked import Asked, around_asked
from synthcmr.generators.conditional.network import ConditionalNetwork, Gather
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.generators.spade.decoder import SpadeDecoder, latent_noise
from synthcmr.generators.spade.settings import PATCH, SpadeSettings


class SpadeNetwork(ConditionalNetwork):
    """One pass from latent numbers to an image; there are no steps, and nothing to guide."""

    settings: SpadeSettings

    def __init__(self, settings: SpadeSettings, vocabulary: Vocabulary) -> None:
        """Build decoder and text encoder."""
        super().__init__(settings, vocabulary)
        self.gather = Gather(settings.token_width)
        self.decoder = SpadeDecoder(settings)

    def decode(self, z: Tensor, grain: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        """Images from latent numbers and grain."""
        found: Tensor = self.decoder(z, grain, surroundings, self.gather(tokens))
        return found

    def draw(self, asked: Asked, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """One pass."""
        z = latent_noise(self.settings, noise)
        return self.decode(z, noise, around_asked(asked, PATCH), self.tokens(asked.texts))
