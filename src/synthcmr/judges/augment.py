"""Augmentation of phantom slices on their way to a segmenter that must work on real ones. All in torch, a batch at a time."""

import math

import torch
from torch.nn import functional

Tensor = torch.Tensor
TURN, STRETCH, SHIFT = 0.12, 0.05, 0.06  # of `varied`: radians, log scale, share of half the image
SHADE, GAMMA, NOISE = 0.15, 0.2, 0.06


def augment(image: Tensor, mask: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random pose, contrast, shading, blur, noise and unknown bright or dark things.

    Args:
        image: (batch, 1, rows, columns), 0 to 1.
        mask: (batch, rows, columns), labels 0 to 3.
        size: rows and columns of the output.
        generator: source of all randomness.

    Returns:
        Image (batch, 1, size, size), standardised per image, and mask (batch, size, size).
    """
    image, mask = _pose(image, mask, size, generator)
    image = _regions(image, mask, generator)
    image = _blobs(image, mask, generator)
    image = _gamma(image, generator)
    image = _shade(image, generator)
    image = _sharpness(image, generator)
    image = _noise(image, generator)
    return standardise(image), mask


def standardise(image: Tensor) -> Tensor:
    """Zero mean and unit variance per image: what the network sees, in training and on real data alike."""
    mean, std = image.mean(dim=(1, 2, 3), keepdim=True), image.std(dim=(1, 2, 3), keepdim=True)
    return (image - mean) / (std + 1e-4)


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator) * (high - low) + low


def _pose(image: Tensor, mask: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rotate fully, scale, shear, shift and warp smoothly; cut to `size` pixels at the stored pixel size."""
    n = image.shape[0]
    angle = _uniform((n,), -math.pi, math.pi, generator) * (torch.rand(n, generator=generator) < 0.15)
    angle = angle + torch.randn(n, generator=generator) * 0.35
    scale = torch.exp(torch.randn(n, 2, generator=generator) * 0.10 + torch.randn(n, 1, generator=generator) * 0.10)
    shear = torch.randn(n, generator=generator) * 0.08
    shift = _uniform((n, 2), -0.28, 0.28, generator)
    zoom = size / image.shape[-1]
    cos, sin = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([torch.stack([cos, -sin + shear], -1), torch.stack([sin, cos], -1)], 1)
    flip = torch.where(torch.rand(n, 1, generator=generator) < 0.0, -1.0, 1.0)
    theta = torch.cat(
        [turn * (zoom * scale * torch.cat([flip, torch.ones_like(flip)], 1))[:, None, :], shift[..., None] * zoom],
        dim=2,
    )
    grid = functional.affine_grid(theta, [n, 1, size, size], align_corners=False)
    warp = functional.interpolate(
        torch.randn(n, 2, 6, 6, generator=generator), (size, size), mode="bicubic", align_corners=True
    )
    strength = _uniform((n, 1, 1, 1), 0.0, 0.03, generator) * zoom
    grid = grid + (warp * strength).permute(0, 2, 3, 1)
    moved = functional.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    labels = functional.grid_sample(
        mask[:, None].float(), grid, mode="nearest", padding_mode="zeros", align_corners=False
    )
    return moved, labels[:, 0].long()


def _regions(image: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
    """Vary the brightness of each structure and of the rest on its own, with soft edges."""
    n = image.shape[0]
    onehot = functional.one_hot(mask, 4).permute(0, 3, 1, 2).float()
    soft = functional.avg_pool2d(onehot, 3, stride=1, padding=1)
    gain = torch.exp(torch.randn(n, 4, 1, 1, generator=generator) * 0.15)
    offset = torch.randn(n, 4, 1, 1, generator=generator) * 0.04
    return (image * (soft * gain).sum(1, keepdim=True) + (soft * offset).sum(1, keepdim=True)).clamp(min=0)


def _blobs(image: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
    """Add smooth things of any brightness outside the heart: organs nobody modelled."""
    n, _, size, _ = image.shape
    field = functional.interpolate(
        torch.randn(n, 2, 9, 9, generator=generator), (size, size), mode="bicubic", align_corners=True
    )
    where = torch.sigmoid((field[:, :1] - 0.9) * 12.0)
    level = (_uniform((n, 1, 1, 1), 0.0, 0.9, generator) + 0.15 * field[:, 1:]).clamp(0, 1.2)
    outside = (functional.max_pool2d((mask > 0).float()[:, None], 5, stride=1, padding=2) == 0).float()
    chosen = (torch.rand(n, 1, 1, 1, generator=generator) < 0.4).float()
    weight = where * outside * chosen
    return image * (1 - weight) + level * weight


def _gamma(image: Tensor, generator: torch.Generator) -> Tensor:
    n = image.shape[0]
    exponent = torch.exp(torch.randn(n, 1, 1, 1, generator=generator) * 0.3)
    top = image.amax(dim=(1, 2, 3), keepdim=True) + 1e-6
    return top * (image / top) ** exponent


def _shade(image: Tensor, generator: torch.Generator) -> Tensor:
    n, _, size, _ = image.shape
    field = functional.interpolate(
        torch.randn(n, 1, 3, 3, generator=generator), (size, size), mode="bicubic", align_corners=True
    )
    return image * torch.exp(field * _uniform((n, 1, 1, 1), 0.0, 0.35, generator))


def _sharpness(image: Tensor, generator: torch.Generator) -> Tensor:
    """Blur or sharpen a little."""
    n = image.shape[0]
    smooth = functional.avg_pool2d(functional.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    amount = _uniform((n, 1, 1, 1), -0.5, 0.8, generator)
    return (image + amount * (smooth - image)).clamp(min=0)


def _noise(image: Tensor, generator: torch.Generator) -> Tensor:
    n = image.shape[0]
    sigma = _uniform((n, 1, 1, 1), 0.0, 0.05, generator)
    noise = torch.randn(image.shape, generator=generator)
    return (image + sigma * noise).abs()


def varied(image: Tensor, generator: torch.Generator) -> Tensor:
    """Another pose, contrast, shading and noise of each image, so that looks are learned rather than patients."""
    return _varied(image, None, generator)[0]


def varied_with_mask(image: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The same of images (batch, 1, rows, columns) whose masks (batch, rows, columns) move along."""
    moved, labels = _varied(image, mask, generator)
    return moved, mask if labels is None else labels


def _varied(image: Tensor, mask: Tensor | None, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
    n = len(image)

    def normal(*shape: int) -> Tensor:
        return torch.randn(n, *shape, generator=generator)

    grid = _places(image, generator)
    moved = _moved(image, grid)
    shade = functional.interpolate(normal(1, 3, 3), image.shape[2:], mode="bicubic", align_corners=True) * SHADE
    toned = moved ** torch.exp(normal(1, 1, 1) * GAMMA) * torch.exp(shade)
    noise = torch.randn(image.shape, generator=generator) * torch.rand(n, 1, 1, 1, generator=generator) * NOISE
    return toned + noise, None if mask is None else _labels(mask, grid)


def posed(image: Tensor, generator: torch.Generator) -> Tensor:
    """Each image turned, sized and shifted a little, all its frames alike."""
    return _moved(image, _places(image, generator))


def _places(image: Tensor, generator: torch.Generator) -> Tensor:
    """Where each pixel comes from."""
    n = len(image)

    def normal(*shape: int) -> Tensor:
        return torch.randn(n, *shape, generator=generator)

    angle, size = normal() * TURN, torch.exp(normal() * STRETCH)
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    shift = normal(2, 1) * SHIFT
    theta = torch.cat([torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], 1), shift], dim=2)
    return functional.affine_grid(theta, list(image.shape), align_corners=False)


def _moved(image: Tensor, grid: Tensor) -> Tensor:
    return functional.grid_sample(image, grid, padding_mode="reflection", align_corners=False).clamp(min=0)


def _labels(mask: Tensor, grid: Tensor) -> Tensor:
    labels = functional.grid_sample(
        mask[:, None].float(), grid, mode="nearest", padding_mode="reflection", align_corners=False
    )
    return labels[:, 0].round().to(mask.dtype)
