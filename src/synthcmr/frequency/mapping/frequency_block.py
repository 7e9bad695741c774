"""The FET-block's second branch: attention to rings of frequencies, one ring to a channel (as far as it is public)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
        found = torch.fft.rfft2(x.float(), norm="ortho")
        gate = torch.sigmoid(self.gate(torch.log1p(found.abs())))
        mine = self._rings(x.shape[-2], x.shape[-1], x.device)
        kept = found * torch.where(mine, gate, torch.ones_like(gate))
        return torch.fft.irfft2(kept, s=x.shape[-2:], norm="ortho").to(x.dtype)

    def _rings(self, rows: int, columns: int, device: torch.device) -> Tensor:
        """Which frequencies belong to each channel, (1, channels, rows, half)."""
        radius = torch.hypot(torch.fft.fftfreq(rows)[:, None], torch.fft.rfftfreq(columns)[None]) / 0.5**0.5
        ring = (radius * self.channels).long().clamp(max=self.channels - 1)
        return (ring[None, None] == torch.arange(self.channels)[None, :, None, None]).to(device)
