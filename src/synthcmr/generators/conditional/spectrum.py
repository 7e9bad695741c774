"""The power of images by frequency, and filters that follow from it.

The best linear guess of what a network shall say of a noisy image is such a filter (Wiener's); the network is left with the rest. For a
white spectrum this is Karras et al.'s preconditioning (2022); with that of images it takes the noise out of fine detail, where images
have next to nothing, and keeps it where they have much. The formulas stand in paths.py.
"""

from __future__ import annotations

from collections.abc import Callable
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
    powers = torch.fft.fft2(images.float(), norm="ortho").abs().square().mean(dim=(0, 1)).double()
    which = _rings(images.shape[2], images.shape[3]).round().long()
    total = torch.zeros(BINS, dtype=torch.float64).index_add(0, which.flatten(), powers.flatten())
    count = torch.bincount(which.flatten(), minlength=BINS).double()
    known = count > 0
    filled = torch.zeros(BINS)
    filled[known] = (total[known] / count[known]).float()
    for ring in range(1, BINS):  # small images leave rings empty
        if not known[ring]:
            filled[ring] = filled[ring - 1]
    return filled.clamp(min=LEAST)


def power_of_each(images: Tensor) -> Tensor:
    """The same of every image, (images, BINS), on any device and with gradients."""
    powers = torch.fft.fft2(images.float(), norm="ortho").abs().square().mean(dim=1).double().flatten(1)
    which = _rings(images.shape[2], images.shape[3]).round().long().flatten().to(powers.device)
    total = torch.zeros(len(powers), BINS, dtype=torch.float64, device=powers.device).index_add(1, which, powers)
    count = torch.bincount(which, minlength=BINS)
    last = torch.cummax(torch.where(count > 0, torch.arange(BINS, device=count.device), 0), dim=0).values
    return (total / count.clamp(min=1)).float()[:, last]  # small images leave rings empty


def amplitude(image: Tensor) -> Tensor:
    """Amplitude by frequency, in units of the pixels' own noise: an error here is detail that is missing or made up."""
    amplitudes: Tensor = torch.fft.rfft2(image.float(), norm="ortho").abs()
    return amplitudes


def local_amplitude(image: Tensor, window: int) -> Tensor:
    """`amplitude` in windows of so many pixels, side by side: in most there is no edge, and grain alone is left."""
    batch, frames, rows, columns = image.shape
    tall, wide = rows // window, columns // window
    cut = image[:, :, : tall * window, : wide * window].reshape(batch, frames, tall, window, wide, window)
    return amplitude(cut.permute(0, 1, 2, 4, 3, 5))


def filtered(image: Tensor, spectrum: Tensor, response: Callable[[Tensor], Tensor]) -> Tensor:
    """Images through a filter that depends on the power S at each frequency.

    Args:
        image: (batch, frames, rows, columns).
        spectrum: S by ring.
        response: of the filter, from S on the plane of frequencies.
    """
    rows, columns = image.shape[2:]
    held = _on_plane(spectrum, rows, columns)
    return torch.fft.irfft2(torch.fft.rfft2(image.float()) * response(held), s=(rows, columns))


def spread_of(power: Tensor, rows: int, columns: int) -> Tensor:
    """Standard deviation of pixels whose power by ring is given, (batch, BINS) -> (batch,)."""
    rings = _counts(rows, columns).to(power)
    return ((power * rings).sum(dim=1) / rings.sum()).sqrt()


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
