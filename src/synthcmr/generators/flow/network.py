"""The velocity field: MONAI's diffusion U-Net, told the mask, the neighbouring slice and the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, pixel_shuffle, pixel_unshuffle

from synthcmr.conditioning.masks import CHANNELS
from synthcmr.conditioning.tokens import TokenEncoder
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.flow.settings import FlowSettings
from synthcmr.generators.flow.spectrum import BINS, best_linear_guess, power
from synthcmr.training.layout import channels_last, channels_last_batch

if TYPE_CHECKING:
    from synthcmr.conditioning.clip import ClipEncoder

    TextEncoder = TokenEncoder | ClipEncoder

TIME_SCALE = 1000.0  # MONAI's time embedding expects steps of a thousand-step diffusion
GROUPS = 32
# Where an image prediction is turned into a velocity, the way left counts at least this: close to the end it is all error.
LEFT_AT_LEAST = 0.05
IMAGE_POWER = 0.25  # of pixels between -1 and 1, at any frequency, until a cohort's own is measured
SPECTRUM_IMAGES = 512


class FlowNetwork(nn.Module):
    r"""v(x_t, t | mask, neighbour, text), for x_t = (1 - t) x_0 + t x_1 from noise x_0 to image x_1."""

    spectrum: Tensor  # power of images by frequency

    def __init__(self, settings: FlowSettings, vocabulary: Vocabulary) -> None:
        """Build the U-Net and the text encoder."""
        from monai.networks.nets import DiffusionModelUNet

        super().__init__()
        self.settings = settings
        folded = settings.patch**2
        image, mask = settings.frames * folded, settings.frames * CHANNELS * folded
        self.text: TextEncoder = text_encoder(settings, vocabulary)
        self.gather = Gather(settings.token_width)
        self.planes = nn.Linear(settings.token_width, settings.planes)
        self.unet = DiffusionModelUNet(
            spatial_dims=2,
            in_channels=2 * (image + mask) + 1 + settings.planes,
            out_channels=image,
            num_res_blocks=settings.blocks,
            channels=settings.channels,
            attention_levels=settings.attention,
            num_head_channels=settings.head_channels,
            norm_num_groups=GROUPS,
            with_conditioning=True,
            cross_attention_dim=settings.token_width,
            num_class_embeds=1,
            use_flash_attention=True,
        )
        # The whole text reaches every block on the way that MONAI has for classes: added to the embedding of the time.
        self.unet.class_embedding = _perceptron(settings.token_width, 4 * settings.channels[0])
        self.register_buffer("spectrum", torch.full((BINS,), IMAGE_POWER))
        channels_last(self)

    def measure(self, images: Tensor) -> None:
        """Take the spectrum of a cohort's images, -1 to 1, (images, frames, rows, columns)."""
        self.spectrum.copy_(power(images))

    def velocity(self, x_t: Tensor, t: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        """The velocity of a batch.

        Args:
            x_t: (batch, frames, rows, columns).
            t: (batch,), 0 (noise) to 1 (image).
            surroundings: mask and neighbour, as `surroundings` makes them.
            tokens: the embedded text.
        """
        whole = self.gather(tokens)
        planes = self.planes(whole)[:, :, None, None]
        folded = pixel_unshuffle(x_t, self.settings.patch)
        planes = planes.expand(-1, -1, *folded.shape[2:]).to(folded.dtype)
        inputs = torch.cat([folded, surroundings.to(folded.dtype), planes], dim=1)
        found = self.unet(channels_last_batch(inputs), t * TIME_SCALE, context=tokens, class_labels=whole)
        out = pixel_shuffle(found.float(), self.settings.patch)
        if self.settings.predict == "velocity":
            return out
        if self.settings.predict == "rest":
            guess, spread = best_linear_guess(x_t, t, self.spectrum)
            return guess + spread * out
        left = (1 - t.float()).clamp(min=LEFT_AT_LEAST)[:, None, None, None]
        return (out - x_t.float()) / left

    def surroundings(self, mask: Tensor, neighbour: Tensor, neighbour_mask: Tensor, shown: Tensor) -> Tensor:
        """Fold everything but the image itself into channels; it is the same at every step of a sampler.

        Args:
            mask: one-hot, (batch, frames x 4, rows, columns).
            neighbour: image of the adjacent slice, -1 to 1, (batch, frames, rows, columns).
            neighbour_mask: its mask, one-hot.
            shown: (batch,), 1 where there is a neighbour and 0 where it is left out.
        """
        seen = shown[:, None, None, None]
        around = torch.cat([mask, neighbour * seen, neighbour_mask * seen], dim=1)
        folded = pixel_unshuffle(around, self.settings.patch)
        return torch.cat([folded, seen.expand(-1, 1, *folded.shape[2:])], dim=1)

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The flow-matching loss of a batch whose noise and times are drawn already."""
        x_0, x_1, t = batch["noise"], batch["image"], batch["time"]
        at = t[:, None, None, None]
        tokens = self.text(batch["text"])
        around = self.surroundings(batch["mask"], batch["neighbour"], batch["neighbour_mask"], batch["shown"])
        found = self.velocity((1 - at) * x_0 + at * x_1, t, around, tokens)
        return mse_loss(found, x_1 - x_0), {}


class Gather(nn.Module):
    """Tokens -> one vector that says it all; each token at the same strength, so that no attribute drowns the others."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, width) -> (batch, width)."""
        each: Tensor = self.norm(tokens)
        return each.sum(dim=1) / each.shape[1] ** 0.5


def _perceptron(width: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, out), nn.SiLU(), nn.Linear(out, out))


def text_encoder(settings: FlowSettings, vocabulary: Vocabulary) -> TextEncoder:
    """The text encoder that the settings name."""
    if settings.text_encoder == "clip":
        from synthcmr.conditioning.clip import ClipEncoder

        return ClipEncoder(vocabulary, settings.token_width, settings.clip_model)
    return TokenEncoder(vocabulary, settings.token_width)
