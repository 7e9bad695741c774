"""What RHM's network is asked for beside the pixels: spectra, read in three ways."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

LEAST = 1e-4  # amplitude below which the log says nothing: rounding of pixels is larger
WIDTH = 2  # of a ring, in steps of frequency


def spectral_loss(found: Tensor, image: Tensor, kind: str) -> Tensor:
    """Difference of spectra.

    Args:
        found: (batch, 1, rows, columns).
        image: what it should be.
        kind: `rings`: log power by ring; `log`: log amplitude of each frequency; `complex`: coefficients, squared.
    """
    if kind == "rings":
        return functional.l1_loss(ring_power(found), ring_power(image))
    if kind == "complex":
        apart = torch.fft.fft2(found - image, norm="ortho")
        return (apart.real**2 + apart.imag**2).mean()
    log = [0.5 * _log_power(torch.fft.rfft2(x, norm="ortho")) for x in (found, image)]
    return functional.l1_loss(log[0], log[1])


def ring_power(image: Tensor) -> Tensor:
    """Log of the mean power in each ring, (batch, 1, rings), under Hann's window: pieces have borders that do not meet."""
    rows, columns = image.shape[2:]
    window, share = _plane(rows, columns)
    found = torch.fft.rfft2((image - image.mean(dim=(2, 3), keepdim=True)) * window.to(image), norm="ortho")
    power = (found.real**2 + found.imag**2).flatten(2)
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
