"""MONAI's diffusion U-Net on folded pixels, told the surroundings at every pixel and the text in every block."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from synthcmr.generators.conditional.settings import UnetSettings
from synthcmr.training.device import channels_last_batch

TIME_SCALE = 1000.0  # MONAI's time embedding expects steps of a thousand-step diffusion
GROUPS = 32


def build_unet(settings: UnetSettings, in_channels: int, out_channels: int) -> nn.Module:
    """The U-Net; the whole text reaches every block on the way that MONAI has for classes: added to the embedding of the time."""
    from monai.networks.nets import DiffusionModelUNet

    unet = DiffusionModelUNet(in_channels=in_channels, out_channels=out_channels, **unet_options(settings))
    unet.class_embedding = perceptron(settings.token_width, 4 * settings.channels[0])
    made: nn.Module = unet
    return made


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
    found: Tensor = unet(inputs, t * TIME_SCALE, context=tokens, class_labels=whole, **rest)
    return pixel_shuffle(found.float(), patch)


def unet_inputs(x: Tensor, patch: int, surroundings: Tensor | None, planes: Tensor) -> Tensor:
    """Everything that is shown at every pixel, folded, in one tensor."""
    folded = pixel_unshuffle(x, patch)
    wide = planes[:, :, None, None].expand(-1, -1, *folded.shape[2:]).to(folded.dtype)
    around = [] if surroundings is None else [surroundings.to(folded.dtype)]
    return torch.cat([folded, *around, wide], dim=1)
