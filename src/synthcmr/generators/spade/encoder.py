"""What an image is summed up in beside mask and text: a code, and what is known of it before the image is seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, leaky_relu

from synthcmr.generators.spade.decoder import SLOPE
from synthcmr.generators.spade.settings import SpadeSettings

LOG_VARIANCE = (-12.0, 4.0)  # so that no exponential runs away
POOLED = 4  # rows and columns that an encoder sums an image up in

Normal = tuple[Tensor, Tensor]  # mean and log-variance of independent numbers


class Encoder(nn.Module):
    """What is seen at every pixel, and the text -> mean and log-variance of the code."""

    def __init__(self, channels: int, settings: SpadeSettings) -> None:
        super().__init__()
        widths = settings.encoder
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in zip((widths[0], *widths[:-1]), widths, strict=True)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, w) for w in widths)
        self.mixed = nn.Linear(widths[-1] * POOLED**2 + settings.token_width, 2 * widths[-1])
        self.out = nn.Linear(2 * widths[-1], 2 * settings.code)

    def forward(self, x: Tensor, whole: Tensor) -> Normal:
        """(batch, channels, rows, columns) and (batch, width) -> twice (batch, code)."""
        x = leaky_relu(self.first(x), SLOPE)
        for convolve, norm in zip(self.down, self.norms, strict=True):
            x = leaky_relu(norm(convolve(x)), SLOPE)
        pooled = adaptive_avg_pool2d(x.float(), POOLED).flatten(1)
        hidden = leaky_relu(self.mixed(torch.cat([pooled, whole.float()], dim=1)), SLOPE)
        mean, log_variance = self.out(hidden).float().chunk(2, dim=1)
        return mean, log_variance.clamp(*LOG_VARIANCE)


def divergence(q: Normal, p: Normal) -> Tensor:
    """KL(q || p) in nats, (batch,)."""
    (m, v), (n, w) = q, p
    return 0.5 * (w - v + ((v - w).exp() + (m - n).square() / w.exp()) - 1).sum(dim=1)
