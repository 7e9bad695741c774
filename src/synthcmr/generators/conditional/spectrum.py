"""The power of images by frequency, and the best linear guess of a velocity from a noisy image that follows from it."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

BINS = 48
HIGHEST = 0.5**0.5  # cycles per pixel, in the corners of the plane of frequencies
LEAST = 1e-5  # no frequency is taken to be empty


def power(images: Tensor) -> Tensor:
    """Mean power of images in rings of equal width, (BINS,); white noise of variance 1 has 1 everywhere.

    Args:
        images: (images, frames, rows, columns).
    """
    found = torch.fft.fft2(images.float(), norm="ortho").abs().square().mean(dim=(0, 1)).double()
    which = _rings(images.shape[2], images.shape[3]).round().long()
    total = torch.zeros(BINS, dtype=torch.float64).index_add(0, which.flatten(), found.flatten())
    count = torch.bincount(which.flatten(), minlength=BINS).double()
    known = count > 0
    filled = torch.zeros(BINS)
    filled[known] = (total[known] / count[known]).float()
    for ring in range(1, BINS):  # small images leave rings empty
        if not known[ring]:
            filled[ring] = filled[ring - 1]
    return filled.clamp(min=LEAST)


def best_linear_guess(x_t: Tensor, t: Tensor, spectrum: Tensor) -> tuple[Tensor, Tensor]:
    r"""E[x_1 - x_0 | x_t] as a linear filter of x_t, and the spread of what is left, which is the network's to find.

    Where images have the power S at a frequency, the filter has there (t S - (1 - t)) / (t^2 S + (1 - t)^2), and what is left has the
    power S / (t^2 S + (1 - t)^2). For a white S this is Karras et al.'s preconditioning (2022); with the S of images it takes the noise
    out of fine detail, where images have next to nothing, and keeps it where they have much.

    Args:
        x_t: (batch, frames, rows, columns).
        t: (batch,).
        spectrum: S by ring.

    Returns:
        The guess, and the spread of the rest, (batch, 1, 1, 1).
    """
    rows, columns = x_t.shape[2:]
    at = t.float()[:, None, None, None]
    held = _on_plane(spectrum, rows, columns)
    own = at.square() * held + (1 - at).square()
    filtered = torch.fft.rfft2(x_t.float()) * ((at * held - (1 - at)) / own)
    guess = torch.fft.irfft2(filtered, s=(rows, columns))
    rings = _counts(rows, columns).to(spectrum)
    by_ring = t.float()[:, None]
    left = spectrum / (by_ring.square() * spectrum + (1 - by_ring).square())
    spread = ((left * rings).sum(dim=1) / rings.sum()).sqrt()
    return guess, spread[:, None, None, None]


def _on_plane(spectrum: Tensor, rows: int, columns: int) -> Tensor:
    """S at every frequency of a real transform, between rings on a straight line of its logarithm."""
    place = _rings(rows, columns)[:, : columns // 2 + 1].to(spectrum.device)
    low = place.floor().long().clamp(max=BINS - 2)
    share = (place - low).to(spectrum)
    log = spectrum.log()
    return (log[low] * (1 - share) + log[low + 1] * share).exp()


@lru_cache(maxsize=8)
def _rings(rows: int, columns: int) -> Tensor:
    """Ring of every frequency, as a fraction."""
    radius = torch.hypot(torch.fft.fftfreq(rows)[:, None], torch.fft.fftfreq(columns)[None, :])
    return radius / HIGHEST * (BINS - 1)


@lru_cache(maxsize=8)
def _counts(rows: int, columns: int) -> Tensor:
    """How many frequencies each ring holds."""
    return torch.bincount(_rings(rows, columns).round().long().flatten(), minlength=BINS).double()
