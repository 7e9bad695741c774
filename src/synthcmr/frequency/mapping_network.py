"""The networks of RHM, their attention to rings of frequencies, and what they are trained for beside the pixels: spectra."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.frequency.settings import MappingSettings
from synthcmr.training.device import channels_last, channels_last_batch


class FrequencyEnhanced(nn.Module):
    """Transposed attention beside ring attention; both are put side by side and fused."""

    def __init__(self, attention: nn.Module, channels: int) -> None:
        """Take the attention that is there and add the other branch."""
        super().__init__()
        self.attention, self.rings = attention, RingAttention(channels)
        self.fuse = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        fused: Tensor = self.fuse(torch.cat([self.attention(x), self.rings(x)], dim=1))
        return fused


class RingAttention(nn.Module):
    """FESA: the amplitudes of channel c in ring c are gated by what all channels hold there."""

    def __init__(self, channels: int) -> None:
        """Build it."""
        super().__init__()
        self.channels = channels
        self.gate = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        output = torch.fft.rfft2(x.float(), norm="ortho")
        gate = torch.sigmoid(self.gate(torch.log1p(output.abs())))
        mine = self._rings(x.shape[-2], x.shape[-1], x.device)
        kept = output * torch.where(mine, gate, torch.ones_like(gate))
        return torch.fft.irfft2(kept, s=x.shape[-2:], norm="ortho").to(x.dtype)

    def _rings(self, rows: int, columns: int, device: torch.device) -> Tensor:
        """Which frequencies belong to each channel, (1, channels, rows, half)."""
        radius = torch.hypot(torch.fft.fftfreq(rows)[:, None], torch.fft.rfftfreq(columns)[None]) / 0.5**0.5
        ring = (radius * self.channels).long().clamp(max=self.channels - 1)
        return (ring[None, None] == torch.arange(self.channels)[None, :, None, None]).to(device)


LEAST = 1e-4  # amplitude below which the log says nothing: rounding of pixels is larger
WIDTH = 2  # of a ring, in steps of frequency


def spectral_loss(output: Tensor, image: Tensor, kind: str) -> Tensor:
    """Difference of spectra.

    Args:
        output: (batch, 1, rows, columns).
        image: what it should be.
        kind: `rings`: log power by ring; `log`: log amplitude of each frequency; `complex`: coefficients, squared.
    """
    if kind == "rings":
        return functional.l1_loss(ring_power(output), ring_power(image))
    if kind == "complex":
        apart = torch.fft.fft2(output - image, norm="ortho")
        return (apart.real**2 + apart.imag**2).mean()
    log = [0.5 * _log_power(torch.fft.rfft2(x, norm="ortho")) for x in (output, image)]
    return functional.l1_loss(log[0], log[1])


def ring_power(image: Tensor) -> Tensor:
    """Log of the mean power in each ring, (batch, 1, rings), under Hann's window: pieces have borders that do not meet."""
    rows, columns = image.shape[2:]
    window, share = _plane(rows, columns)
    coefficients = torch.fft.rfft2((image - image.mean(dim=(2, 3), keepdim=True)) * window.to(image), norm="ortho")
    power = (coefficients.real**2 + coefficients.imag**2).flatten(2)
    return torch.log(power @ share.to(image) + LEAST**2)


def _log_power(coefficients: Tensor) -> Tensor:
    """Flat near zero, where the gradient would explode."""
    return torch.log(coefficients.real**2 + coefficients.imag**2 + LEAST**2)


@lru_cache(maxsize=8)
def _plane(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """The window, and the matrix that takes the half plane to means of rings; what lies beyond the sides belongs to the last."""
    window = torch.outer(*(torch.hann_window(n, periodic=False) for n in (rows, columns)))
    count = min(rows, columns) // (2 * WIDTH)
    radius = torch.hypot(torch.fft.fftfreq(rows)[:, None], torch.fft.rfftfreq(columns)[None]).flatten()
    ring = torch.clamp(radius * 2 * count, max=count - 1).long()
    weight = functional.one_hot(ring, count).float()
    return window, weight / weight.sum(dim=0)


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
        mapped: Tensor = image + self.network(channels_last_batch(framed))[..., :rows, :columns]
        return mapped

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error, and the spectral part."""
        output = self.map(batch["perturbed"]).float()
        pixel = functional.mse_loss(output, batch["image"])
        spectral = spectral_loss(output, batch["image"], self.settings.spectral)
        return pixel + self.settings.spectral_weight * spectral, {"pixel": pixel, "spectral": spectral}


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
