"""What every network of a family is: told a mask, a neighbour and a text, trained by one call, drawn from by another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from synthcmr.conditioning.condition import CHANNELS
from synthcmr.conditioning.text_encoders import TokenEncoder
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.condition_batch import Attributes, ConditionBatch
from synthcmr.generators.conditional.settings import ConditionalSettings
from synthcmr.generators.sampler import SamplerSettings

if TYPE_CHECKING:
    from synthcmr.conditioning.text_encoders import ClipEncoder

    TextEncoder = TokenEncoder | ClipEncoder

AROUND_HEART = 3  # pixels, so that its outline counts on both sides


class ConditionalNetwork(nn.Module, ABC):
    """Base of the networks of all families; it holds the text encoder."""

    optimizer_phases: tuple[str, ...] = ("all",)  # losses that are minimised in turn; one for most
    any_frames: bool = False  # whether images may have any number of frames

    def __init__(self, settings: ConditionalSettings, vocabulary: Vocabulary) -> None:
        """Build the text encoder."""
        super().__init__()
        self.settings = settings
        self.text: TextEncoder = text_encoder(settings, vocabulary)

    def measure(self, images: Tensor) -> None:
        """Take from the training images what is not learned by steps; -1 to 1, (images, frames, rows, columns)."""

    def time(self, rng: np.random.Generator) -> float:
        """How far a training image is from noise (0) to image (1); families without noise take no notice."""
        return float(rng.random())

    def parameters_of(self, turn: str) -> list[nn.Parameter]:
        """What is changed in a turn."""
        return [p for p in self.parameters() if p.requires_grad]

    @abstractmethod
    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch whose random numbers are drawn already, and numbers to log."""

    @abstractmethod
    def draw(self, conditions: ConditionBatch, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Images, -1 to 1, from conditions and the noise of each image, both (batch, frames, rows, columns)."""

    def error(self, conditions: ConditionBatch, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """What the network says of images x_1, -1 to 1, at times t from noise x_0, less what it should say, number by number.

        Raises:
            SettingsError: the family does not tell.
        """
        raise SettingsError(
            f"{type(self).__name__}: expected a family that tells its errors (flow, diffusion, latent, few-step, vae, gan); "
            "attack this one by its images, or by asking it"
        )

    def noise_estimate(self, conditions: ConditionBatch, x_0: Tensor | None, x_1: Tensor, t: Tensor) -> Tensor | None:
        """The noise that the network believes to be in images x_1, -1 to 1, at times t with noise x_0; None: it knows no time.

        Where x_0 is None there is no noise. Noise in and out has the shape of what the path leads to: an image, or a latent.
        """
        return None

    def check_sampler(self, settings: SamplerSettings) -> None:
        """Refuse samplers that the family does not know.

        Raises:
            SettingsError: it does not.
        """

    def tokens(self, texts: Sequence[Attributes]) -> Tensor:
        """Embedded texts, (batch, tokens, width)."""
        prepared = self.text.prepare(texts)
        embedded: Tensor = self.text(prepared.to(next(self.parameters()).device))
        return embedded


class Gather(nn.Module):
    """Tokens -> one vector that says it all; each token at the same strength, so that no attribute drowns the others."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, width) -> (batch, width)."""
        each: Tensor = self.norm(tokens)
        return each.sum(dim=1) / each.shape[1] ** 0.5


def heart_weights(mask: Tensor, most: float) -> Tensor:
    """Weight of every pixel's error: `most` on the heart and a few pixels around it, 1 elsewhere, (batch, frames, rows, columns).

    The best answer is the same whatever the weights, as they follow from what the network is told; they decide what a small network
    gets right first. A heart fills a fifteenth of the image, and is what the image is made for.

    Args:
        mask: one-hot, (batch, frames x 4, rows, columns).
        most: on the heart.
    """
    by_frame = mask.reshape(len(mask), -1, CHANNELS, *mask.shape[2:])
    structures = by_frame[:, :, :-1].amax(dim=2)
    heart = max_pool2d(structures.float(), 2 * AROUND_HEART + 1, stride=1, padding=AROUND_HEART)
    return 1 + (most - 1) * heart


def text_encoder(settings: ConditionalSettings, vocabulary: Vocabulary) -> TextEncoder:
    """The text encoder that the settings name."""
    if settings.text_encoder == "clip":
        from synthcmr.conditioning.text_encoders import ClipEncoder

        return ClipEncoder(vocabulary, settings.token_width, settings.clip_model)
    return TokenEncoder(vocabulary, settings.token_width)


def flat_noise(noise: Tensor, width: int) -> Tensor:
    """The first numbers of each image's noise, (batch, width), for networks whose latent is a vector."""
    return torch.flatten(noise, 1)[:, :width].float()
