"""The velocity field of a rectified flow."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.asked import Asked, around_asked, around_batch, channels_around
from synthcmr.generators.conditional.guidance import Guided
from synthcmr.generators.conditional.network import ConditionalNetwork, Gather, heart_weights
from synthcmr.generators.conditional.spectrum import BINS, best_linear_guess, power
from synthcmr.generators.conditional.unet import build_unet, call_unet
from synthcmr.generators.flow.settings import FlowSettings
from synthcmr.generators.sampler import SOLVERS, SamplerSettings, times
from synthcmr.training.layout import channels_last

# Where an image prediction is turned into a velocity, the way left counts at least this: close to the end it is all error.
LEFT_AT_LEAST = 0.05
IMAGE_POWER = 0.25  # of pixels between -1 and 1, at any frequency, until a cohort's own is measured
# Of logit t. Early times are drawn most: the large shapes that are asked for in words (a thick chest wall, a small body) already stand
# where a tenth of the signal shows through the noise, and a network that rarely sees such times draws them from memory.
TIME_MEAN, TIME_SD = -1.0, 1.6


class FlowNetwork(ConditionalNetwork):
    r"""v(x_t, t | mask, neighbour, text), for x_t = (1 - t) x_0 + t x_1 from noise x_0 to image x_1."""

    turns = ("flow",)
    settings: FlowSettings
    spectrum: Tensor  # power of images by frequency

    def __init__(self, settings: FlowSettings, vocabulary: Vocabulary) -> None:
        """Build the U-Net and the text encoder."""
        super().__init__(settings, vocabulary)
        image = settings.frames * settings.patch**2
        self.gather = Gather(settings.token_width)
        self.planes = nn.Linear(settings.token_width, settings.planes)
        self.unet = build_unet(
            settings, image + channels_around(settings.frames, settings.patch) + settings.planes, image
        )
        self.register_buffer("spectrum", torch.full((BINS,), IMAGE_POWER))
        channels_last(self)

    def measure(self, images: Tensor) -> None:
        """Take the spectrum of a cohort's images."""
        self.spectrum.copy_(power(images))

    def time(self, rng: np.random.Generator) -> float:
        """Early times more often than late ones."""
        return 1.0 / (1.0 + math.exp(-rng.normal(TIME_MEAN, TIME_SD)))

    def velocity(self, x_t: Tensor, t: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        """The velocity of a batch.

        Args:
            x_t: (batch, frames, rows, columns).
            t: (batch,), 0 (noise) to 1 (image).
            surroundings: mask and neighbour, as `around` folds them; the same at every step of a sampler.
            tokens: the embedded text.
        """
        whole = self.gather(tokens)
        folded = pixel_unshuffle(x_t, self.settings.patch)
        found = call_unet(self.unet, folded, t, surroundings, self.planes(whole), tokens, whole)
        out = pixel_shuffle(found, self.settings.patch)
        if self.settings.predict == "velocity":
            return out
        if self.settings.predict == "rest":
            guess, spread = best_linear_guess(x_t, t, self.spectrum)
            return guess + spread * out
        left = (1 - t.float()).clamp(min=LEFT_AT_LEAST)[:, None, None, None]
        return (out - x_t.float()) / left

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The flow-matching loss."""
        x_0, x_1, t = batch["noise"], batch["image"], batch["time"]
        at = t[:, None, None, None]
        surroundings = around_batch(batch, self.settings.patch)
        found = self.velocity((1 - at) * x_0 + at * x_1, t, surroundings, self.text(batch["text"]))
        error = (found - (x_1 - x_0).float()).square()
        return (error * heart_weights(batch["mask"], self.settings.heart_weight)).mean(), {}

    def draw(self, asked: Asked, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Follow the velocity from noise to image."""
        velocity = self.guided(asked, settings)
        return SOLVERS[settings.sampler or "euler"](
            velocity, noise, times(settings.steps, settings.shift, noise.device)
        )

    def guided(self, asked: Asked, settings: SamplerSettings) -> Guided:
        """The velocity that a sampler follows."""
        return Guided(self.velocity, around_asked(asked, self.settings.patch), asked, self.tokens, settings)

    def check_sampler(self, settings: SamplerSettings) -> None:
        """Flows are followed by solvers of differential equations."""
        check_solver(settings, "flow")


def check_solver(settings: SamplerSettings, family: str) -> None:
    """Refuse samplers of diffusions.

    Raises:
        SettingsError: it is one.
    """
    if settings.sampler is not None and settings.sampler not in SOLVERS:
        raise SettingsError(f"--sampler: family '{family}' takes {' or '.join(SOLVERS)}, got '{settings.sampler}'")
