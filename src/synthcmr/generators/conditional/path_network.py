"""A U-Net that leads from noise to image, conditioned on the surroundings at every pixel and the text in every block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, pixel_shuffle, pixel_unshuffle

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import (
    ConditionBatch,
    around_batch,
    around_conditions,
    channels_around,
)
from synthcmr.generators.conditional.network import ConditionalNetwork, Gather, heart_weights
from synthcmr.generators.conditional.noise_paths import ProbabilityPath, path_of, wiener_prediction
from synthcmr.generators.conditional.settings import UnetSettings
from synthcmr.generators.conditional.spectrum import BINS, power
from synthcmr.generators.sampler import Guided, SamplerSettings
from synthcmr.training.device import channels_last, channels_last_batch

TIME_SCALE = 1000.0  # MONAI's time embedding expects steps of a thousand-step diffusion
GROUPS = 32
IMAGE_POWER = 0.25  # of pixels between -1 and 1, at any frequency, until a cohort's own is measured
# Of logit t. Early times are drawn most: the large shapes that are asked for in words (a thick chest wall, a small body) already stand
# where a tenth of the signal shows through the noise, and a network that rarely sees such times draws them from memory.
TIME_MEAN, TIME_SD = -1.0, 1.6
# Where an image prediction is turned into a velocity, the way left counts at least this: close to the end it is all error.
LEFT_AT_LEAST = 0.05


def build_unet(settings: UnetSettings, in_channels: int, out_channels: int) -> nn.Module:
    """The U-Net; the whole text reaches every block on the way that MONAI has for classes: added to the embedding of the time."""
    from monai.networks.nets import DiffusionModelUNet

    unet = DiffusionModelUNet(in_channels=in_channels, out_channels=out_channels, **unet_options(settings))
    unet.class_embedding = perceptron(settings.token_width, 4 * settings.channels[0])
    network: nn.Module = unet
    return network


def unet_options(settings: UnetSettings) -> dict[str, Any]:
    """What U-Net and ControlNet have in common."""
    return {
        "spatial_dims": 2,
        "num_res_blocks": settings.blocks,
        "channels": settings.channels,
        "attention_levels": settings.attention,
        "num_head_channels": settings.head_channels,
        "norm_num_groups": min(GROUPS, *settings.channels),
        "with_conditioning": True,
        "cross_attention_dim": settings.token_width,
        "num_class_embeds": 1,
        "use_flash_attention": True,
    }


def perceptron(width: int, out: int) -> nn.Module:
    """Two layers."""
    return nn.Sequential(nn.Linear(width, out), nn.SiLU(), nn.Linear(out, out))


def call_unet(
    unet: nn.Module,
    x: Tensor,
    patch: int,
    t: Tensor,
    surroundings: Tensor | None,
    planes: Tensor,
    tokens: Tensor,
    whole: Tensor,
    **rest: Any,
) -> Tensor:
    """One evaluation.

    Args:
        unet: as `build_unet` makes it.
        x: what is led from noise to image.
        patch: by which it is folded before and unfolded after.
        t: (batch,), 0 to 1.
        surroundings: folded already; None where the U-Net does not see them.
        planes: one number per image and channel, shown at every pixel.
        tokens: the embedded text.
        whole: the text as one vector.
        rest: further arguments, such as what a ControlNet adds.
    """
    inputs = channels_last_batch(unet_inputs(x, patch, surroundings, planes))
    output: Tensor = unet(inputs, t * TIME_SCALE, context=tokens, class_labels=whole, **rest)
    return pixel_shuffle(output.float(), patch)


def unet_inputs(x: Tensor, patch: int, surroundings: Tensor | None, planes: Tensor) -> Tensor:
    """Everything that is shown at every pixel, folded, in one tensor."""
    folded = pixel_unshuffle(x, patch)
    wide = planes[:, :, None, None].expand(-1, -1, *folded.shape[2:]).to(folded.dtype)
    around = [] if surroundings is None else [surroundings.to(folded.dtype)]
    return torch.cat([folded, *around, wide], dim=1)


class PathNetwork(ConditionalNetwork):
    """What a network says of x_t, on one of the paths."""

    settings: UnetSettings
    path: ProbabilityPath
    family: str
    spectrum: Tensor  # power of images by frequency

    def __init__(
        self, settings: UnetSettings, vocabulary: Vocabulary, channels: int, patch: int, sees_mask: bool = True
    ) -> None:
        """Build the U-Net and the text encoder.

        Args:
            settings: of the network.
            vocabulary: of the text encoder.
            channels: of what is led from noise to image.
            patch: by which it is folded.
            sees_mask: whether the U-Net sees mask and neighbour.
        """
        super().__init__(settings, vocabulary)
        self.patch = patch
        folded = channels * patch**2
        around = channels_around(settings.frames, settings.patch) if sees_mask else 0
        self.gather = Gather(settings.token_width)
        self.planes = nn.Linear(settings.token_width, settings.planes)
        self.unet = build_unet(settings, folded + around + settings.planes, folded)
        self.register_buffer("spectrum", torch.full((BINS,), IMAGE_POWER))
        channels_last(self)

    def measure(self, images: Tensor) -> None:
        """Take the spectrum of a cohort's images."""
        self.spectrum.copy_(power(images))

    def time(self, rng: np.random.Generator) -> float:
        """Early times more often than late ones."""
        return 1.0 / (1.0 + math.exp(-rng.normal(TIME_MEAN, TIME_SD)))

    def output(self, x_t: Tensor, t: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        """What the U-Net puts out."""
        whole = self.gather(tokens)
        return call_unet(self.unet, x_t, self.patch, t, surroundings, self.planes(whole), tokens, whole)

    def field(self, x_t: Tensor, t: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        """What the path asks of a batch.

        Args:
            x_t: (batch, frames, rows, columns).
            t: (batch,), 0 (noise) to 1 (image).
            surroundings: mask and neighbour, as `around` folds them; the same at every step of a sampler.
            tokens: the embedded text.
        """
        return self.path.field(lambda x: self.velocity(x, t, surroundings, tokens), x_t, t)

    def velocity(self, x_t: Tensor, t: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        """Of the straight line: the best linear guess and what the U-Net adds to it, or what follows from the image it puts out."""
        out = self.output(x_t, t, surroundings, tokens)
        if self.settings.predict == "velocity":
            return out
        if self.settings.predict == "image":
            left = (1 - t.float()).clamp(min=LEFT_AT_LEAST)[:, None, None, None]
            return (out - x_t.float()) / left
        guess, spread = wiener_prediction(x_t, t, self.spectrum)
        return guess + spread * out

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The squared error of what the network says."""
        return self.loss(batch, batch["noise"], batch["image"]), {}

    def loss(self, batch: dict[str, Tensor], x_0: Tensor, x_1: Tensor) -> Tensor:
        """The squared error between noise and image, weighted by the heart."""
        x_t, target = self.path.mix(x_0, x_1, batch["time"])
        prediction = self.field(x_t, batch["time"], around_batch(batch, self.settings.patch), self.text(batch["text"]))
        weights = heart_weights(batch["mask"], self.settings.heart_weight)
        if weights.shape[2:] != x_1.shape[2:]:  # in a latent space
            weights = max_pool2d(weights.amax(dim=1, keepdim=True), weights.shape[2] // x_1.shape[2])
        return ((prediction - target.float()).square() * weights).mean()

    def error(self, conditions: ConditionBatch, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """What the network says between noise and image, less what it should say."""
        x_t, target = self.path.mix(x_0, x_1, t)
        prediction = self.field(
            x_t, t, around_conditions(conditions, self.settings.patch), self.tokens(conditions.texts)
        )
        return prediction.float() - target.float()

    def noise_estimate(self, conditions: ConditionBatch, x_0: Tensor | None, x_1: Tensor, t: Tensor) -> Tensor | None:
        """The noise that the network believes to be in a point of its path."""
        x_0 = torch.zeros_like(x_1) if x_0 is None else x_0
        x_t, _ = self.path.mix(x_0, x_1, t)
        prediction = self.field(
            x_t, t, around_conditions(conditions, self.settings.patch), self.tokens(conditions.texts)
        )
        return self.path.noise(prediction.float(), x_t.float(), t)

    def draw(self, conditions: ConditionBatch, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Follow the path of the sampler."""
        path = self.path if settings.sampler is None else path_of(settings.sampler)

        def field(x_t: Tensor, t: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
            return path.field(lambda x: self.velocity(x, t, surroundings, tokens), x_t, t)

        conditional, unconditional = (
            self.tokens(conditions.texts),
            self.tokens(conditions.texts_without(settings.branch)),
        )
        guided = Guided(field, around_conditions(conditions, self.settings.patch), conditional, unconditional, settings)
        return path.follow(guided, noise, settings)
