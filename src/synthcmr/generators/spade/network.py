"""What VAE and GAN share: encoder, prior and decoder, told by text and surroundings."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_unshuffle

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import Asked, around_asked, channels_around
from synthcmr.generators.conditional.network import ConditionalNetwork, Gather, flat_noise
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.generators.spade.decoder import SpadeDecoder
from synthcmr.generators.spade.encoder import Encoder, Normal
from synthcmr.generators.spade.settings import PATCH, SHRINK, SpadeSettings

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
        image, told = settings.frames * PATCH**2, channels_around(settings.frames, PATCH)
        self.encoder = Encoder(image + told, settings)
        self.prior = Encoder(told, settings)
        self.spread = nn.Linear(settings.code, settings.latent_channels * GRID**2)

    def codes(self, image: Tensor, surroundings: Tensor, tokens: Tensor) -> tuple[Normal, Normal]:
        """What the code of an image is, and what it was expected to be."""
        whole = self.gather(tokens)
        found = self.encoder(torch.cat([pixel_unshuffle(image, PATCH), surroundings], dim=1), whole)
        return found, self.prior(surroundings, whole)

    def decode(self, code_is: Normal, noise: Tensor, surroundings: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Images of a code without grain and with it; the image's own noise decides which code, and is the grain."""
        mean, log_variance = code_is
        code = mean + (log_variance / 2).exp() * flat_noise(noise, self.settings.code)
        rows, columns = (side // SHRINK for side in noise.shape[2:])
        grid = self.spread(code).reshape(len(code), -1, GRID, GRID)
        z = interpolate(grid.float(), (rows, columns), mode="bilinear")
        found: tuple[Tensor, Tensor] = self.decoder(z, noise, surroundings, self.gather(tokens))
        return found

    def error(self, asked: Asked, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """Of the image as it is given back without grain, at whatever time."""
        surroundings, tokens = around_asked(asked, PATCH), self.tokens(asked.texts)
        found, _ = self.codes(x_1, surroundings, tokens)
        smooth, _ = self.decode(found, x_0, surroundings, tokens)
        return smooth - x_1

    def draw(self, asked: Asked, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """One pass from a code of the prior."""
        surroundings, tokens = around_asked(asked, PATCH), self.tokens(asked.texts)
        _, made = self.decode(self.prior(surroundings, self.gather(tokens)), noise, surroundings, tokens)
        return made
