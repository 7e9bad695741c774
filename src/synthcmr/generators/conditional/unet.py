"""MONAI's diffusion U-Net on folded pixels, told the surroundings at every pixel and the text in every block."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from synthcmr.generators.conditional.settings import UnetSettings
from synthcmr.training.layout import channels_last_batch

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
    unet: nn.Module, x: Tensor, t: Tensor, surroundings: Tensor, planes: Tensor, tokens: Tensor, whole: Tensor
) -> Tensor:
    """One evaluation; everything folded already but the planes, which are one number per image and channel."""
    wide = planes[:, :, None, None].expand(-1, -1, *x.shape[2:]).to(x.dtype)
    inputs = torch.cat([x, surroundings.to(x.dtype), wide], dim=1)
    found: Tensor = unet(channels_last_batch(inputs), t * TIME_SCALE, context=tokens, class_labels=whole)
    return found.float()
