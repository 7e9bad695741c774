"""Ways in which generators spoil images, in amounts that are known: what an encoder learns to see. All in torch, a batch at a time."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

KINDS = ("blur", "noise", "texture", "grid", "contrast")
SHARE = 0.5  # of images that each kind befalls
BLUR, NOISE, GRID, CONTRAST = 1.6, 0.12, 0.08, 0.5  # the most: pixels, and shares of the largest value
LOW = 0.12  # cycles per pixel, below which texture is left as it is
REACH = 5  # pixels, of the widest blur's kernel


def damaged(image: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Damage images, all frames of one alike.

    Args:
        image: (images, frames, rows, columns), 0 to 1.
        generator: source of all randomness.

    Returns:
        The images, and how much of each of KINDS befell each, 0 to 1 (contrast: -1 to 1), (images, kinds).
    """
    n = len(image)
    amount = torch.rand(n, len(KINDS), generator=generator) * (torch.rand(n, len(KINDS), generator=generator) < SHARE)
    sign = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    amount[:, -1] *= sign
    blur, noise, texture, grid, contrast = (amount[:, k].view(n, 1, 1, 1) for k in range(len(KINDS)))
    spoiled = _texture(image, texture, generator)
    spoiled = _blur(spoiled, blur * BLUR)
    spoiled = spoiled.clamp(min=1e-4) ** torch.exp(contrast * CONTRAST)
    spoiled = spoiled + _grid(spoiled, generator) * grid * GRID
    spoiled = (spoiled + torch.randn(image.shape, generator=generator) * noise * NOISE).abs()
    return spoiled, amount


def _blur(image: Tensor, sigma: Tensor) -> Tensor:
    """A Gaussian of another width for each image."""
    n, frames = image.shape[:2]
    place = torch.arange(-REACH, REACH + 1, dtype=image.dtype)
    bell = torch.exp(-0.5 * (place / sigma.view(n, 1).clamp(min=0.05)) ** 2)
    bell = (bell / bell.sum(dim=1, keepdim=True)).repeat_interleave(frames, dim=0)
    flat = functional.pad(image.flatten(0, 1)[None], (REACH,) * 4, mode="reflect")
    down = functional.conv2d(flat, bell[:, None, :, None], groups=len(bell))
    return functional.conv2d(down, bell[:, None, None, :], groups=len(bell))[0].view_as(image)


def _texture(image: Tensor, amount: Tensor, generator: torch.Generator) -> Tensor:
    """Detail with other phases: as much power as before, in the wrong places."""
    spectrum = torch.fft.rfft2(image)
    down, across = torch.fft.fftfreq(image.shape[2]), torch.fft.rfftfreq(image.shape[3])
    high = (torch.hypot(down[:, None], across[None]) > LOW).float()
    noise = torch.fft.rfft2(torch.randn(image[:, :1].shape, generator=generator))
    turned = spectrum.abs() * torch.exp(1j * noise.angle())
    wrong = torch.fft.irfft2(spectrum * (1 - high) + turned * high, s=image.shape[2:])
    return image + amount * (wrong - image)


def _grid(image: Tensor, generator: torch.Generator) -> Tensor:
    """Stripes of a period of 2 to 4 pixels, as upsampling leaves them."""
    n, _, rows, columns = image.shape
    period = 2 + 2 * torch.rand(n, 1, 1, 1, generator=generator)
    down = torch.cos(2 * math.pi * torch.arange(rows).view(1, 1, -1, 1) / period)
    across = torch.cos(2 * math.pi * torch.arange(columns).view(1, 1, 1, -1) / period)
    return down * across
