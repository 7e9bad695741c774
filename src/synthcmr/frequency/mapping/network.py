"""The networks of RHM, with their loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.frequency.mapping.settings import MappingSettings
from synthcmr.training.layout import channels_last, channels_last_batch

LEAST = 1e-4  # amplitude below which the log says nothing: rounding of pixels is larger
MULTIPLE = 8


class Mapper(nn.Module):
    """A network that adds what is missing: output = input + network(input)."""

    def __init__(self, settings: MappingSettings) -> None:
        """Build it; it begins as the identity."""
        super().__init__()
        self.settings = settings
        self.network = restormer(settings) if settings.network == "restormer" else SmallNetwork(settings.channels)
        channels_last(self)

    def map(self, image: Tensor) -> Tensor:
        """Images of any size, (batch, 1, rows, columns)."""
        rows, columns = image.shape[2:]
        right, below = -columns % MULTIPLE, -rows % MULTIPLE
        framed = functional.pad(image, (0, right, 0, below), mode="reflect")
        found: Tensor = image + self.network(channels_last_batch(framed))[..., :rows, :columns]
        return found

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error, and the spectral part."""
        found = self.map(batch["perturbed"]).float()
        pixel = functional.mse_loss(found, batch["image"])
        spectral = spectral_loss(found, batch["image"], self.settings.spectral)
        return pixel + self.settings.spectral_weight * spectral, {"pixel": pixel, "spectral": spectral}


def spectral_loss(found: Tensor, image: Tensor, kind: str) -> Tensor:
    """Of log amplitudes, or of complex coefficients with unit normalisation."""
    a, b = (torch.fft.rfft2(x, norm="ortho") for x in (found, image))
    if kind == "complex":
        twice = torch.fft.fft2(found - image, norm="ortho")
        return (twice.real**2 + twice.imag**2).mean()
    return functional.l1_loss(log_amplitude(a), log_amplitude(b))


def log_amplitude(coefficients: Tensor) -> Tensor:
    """Log of the amplitude, flat near zero, where its gradient would explode."""
    power = coefficients.real**2 + coefficients.imag**2
    return 0.5 * torch.log(power + LEAST**2)


class SmallNetwork(nn.Module):
    """Two levels of residual convolutions on pixels folded into channels: a tenth of Restormer's time, or less."""

    def __init__(self, channels: tuple[int, int]) -> None:
        """Build it; the last layer begins at zero."""
        super().__init__()
        near, far = channels
        self.enter = nn.Conv2d(4, near, 3, padding=1)
        self.above = nn.Sequential(Residual(near), Residual(near))
        self.down = nn.Conv2d(near, far, 2, stride=2)
        self.below = nn.Sequential(Residual(far), Residual(far))
        self.up = nn.Conv2d(far, 4 * near, 1)
        self.after = nn.Sequential(Residual(near), Residual(near))
        self.leave = nn.Conv2d(near, 4, 3, padding=1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, image: Tensor) -> Tensor:
        """What is to be added."""
        near = self.above(self.enter(functional.pixel_unshuffle(image, 2)))
        far = functional.pixel_shuffle(self.up(self.below(self.down(near))), 2)
        return functional.pixel_shuffle(self.leave(self.after(near + far)), 2)


class Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        """Build it."""
        super().__init__()
        self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return x + self.second(functional.silu(self.first(x)))


def restormer(settings: MappingSettings) -> nn.Module:
    """MONAI's Restormer, its attention blocks widened to FET-blocks; its last layer begins at zero."""
    from monai.networks.blocks.cablock import CABlock
    from monai.networks.nets.restormer import Restormer  # older versions do not show it beside the others

    from synthcmr.frequency.mapping.frequency_block import FrequencyEnhanced

    network: Any = Restormer(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        dim=settings.dim,
        num_blocks=settings.blocks,
        heads=settings.heads,
        num_refinement_blocks=settings.refinement,
    )
    if settings.local:
        for block in [m for m in network.modules() if isinstance(getattr(m, "attn", None), CABlock)]:
            block.attn = FrequencyEnhanced(block.attn, block.norm1.num_features)
    last = [m for m in network.output.modules() if isinstance(m, nn.Conv2d)][-1]
    nn.init.zeros_(last.weight)
    return network
