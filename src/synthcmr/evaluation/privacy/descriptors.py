"""Descriptors of an image: a band-passed thumbnail of edges and shapes, and a signature, which does not know where things lie."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

SIDE = 64  # rows and columns of a thumbnail
FINE, COARSE = 1.0, 4.0  # pixels of a thumbnail: what is smaller is noise, what is larger every chest has in common
HIGHEST = 12  # cycles per image that a signature holds
PIXELS = 32  # rows and columns of what plain pixels are compared on
EMPTY = 1e-3  # contrast below which there is nothing to compare


def thumbnails(images: npt.NDArray[np.floating]) -> Tensor:
    """Band-passed small pictures.

    Args:
        images: (images, frames, rows, columns).

    Returns:
        (images, frames, SIDE, SIDE), of unit spread.
    """
    small = functional.interpolate(_tensor(images), (SIDE, SIDE), mode="area")
    band = _blurred(small, FINE) - _blurred(small, COARSE)
    return band / (band.std(dim=(1, 2, 3), keepdim=True) + EMPTY)


def signature(thumbnail: Tensor) -> Tensor:
    """Square roots of low-frequency amplitudes, (images, numbers): hardly changed by shifts, and not at all by half a turn."""
    amplitude = torch.fft.rfft2(thumbnail * _window()).abs()[:, :, _kept()]
    return (amplitude / (amplitude.square().mean(dim=2, keepdim=True).sqrt() + EMPTY)).sqrt().flatten(1)


def mirrored_signature(signatures: Tensor, frames: int) -> Tensor:
    """The signature of images mirrored left to right, from that of the images."""
    return signatures.reshape(len(signatures), frames, -1)[:, :, _mirrored()].flatten(1)


def pixel_vectors(images: npt.NDArray[np.floating]) -> Tensor:
    """Small pictures of unit length around their mean, (images, numbers)."""
    small = functional.interpolate(_tensor(images), (PIXELS, PIXELS), mode="area").flatten(1)
    return functional.normalize(small - small.mean(dim=1, keepdim=True), dim=1, eps=EMPTY)


def _tensor(images: npt.NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.nan_to_num(images).astype(np.float32))


def _blurred(x: Tensor, spread: float) -> Tensor:
    """Through a Gaussian."""
    blur = _gaussian(spread)
    return blur @ x @ blur.T


@lru_cache(maxsize=2)
def _gaussian(spread: float) -> Tensor:
    """As a matrix, (SIDE, SIDE); at the borders the rest of the bell counts as much as the whole."""
    place = torch.arange(SIDE).float()
    bell = torch.exp(-(place[:, None] - place).square() / (2 * spread**2))
    return bell / bell.sum(dim=1, keepdim=True)


@lru_cache(maxsize=1)
def _window() -> Tensor:
    """The root of Hann's window: what enters and leaves at the borders counts little."""
    side = torch.hann_window(SIDE, periodic=False).sqrt()
    return side[:, None] * side


@lru_cache(maxsize=1)
def _mirrored() -> Tensor:
    """Where in a signature the frequency lies that mirroring brings to each place."""
    place = torch.full((SIDE, SIDE // 2 + 1), -1)
    place[_kept()] = torch.arange(int(_kept().sum()))
    upside = place.roll(-1, 0).flip(0)  # row -k at the place of row k
    return torch.where(upside < 0, place, upside)[_kept()]  # where right is 0 both rows are one


@lru_cache(maxsize=1)
def _kept() -> Tensor:
    """Frequencies of a signature, each once."""
    down, right = torch.fft.fftfreq(SIDE) * SIDE, torch.arange(SIDE // 2 + 1)
    radius = torch.hypot(down[:, None], right[None].float())
    twice = (right == 0)[None] & (down < 0)[:, None]
    return (radius >= 1) & (radius <= HIGHEST) & ~twice
