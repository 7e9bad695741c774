"""Augmentation of phantom slices on their way to a segmenter that must work on real ones. All in torch, a batch at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

Tensor = torch.Tensor
TURN, STRETCH, SHIFT = 0.12, 0.05, 0.06  # of `varied`: radians, log scale, share of half the image
SHADE, GAMMA, NOISE = 0.15, 0.2, 0.06

MIRRORED = 0.3  # shares of images that each thing below befalls
ANY_SIZE = 0.35  # as where the pixel spacing is unknown
ORGANS, TOUCHING, RIM, OCCLUDED, GHOSTED, FOLDED = 0.45, 0.5, 0.75, 0.08, 0.15, 0.15
SMALLEST, LARGEST = 0.65, 1.5  # of a heart whose pixel spacing is unknown, against its true size
CURVE_KNOTS = 7
SLOWER = 0.6
LAYERS = 5  # of pixels, from the wall inwards, that trabeculae reach
CLEAR = 0.55  # of the radius of a cavity, that trabeculae reach at most
SOFTENED = math.sqrt(4 / 3)  # pixels, standard deviation of two means over 3 x 3
COARSEST = 0.45  # of the frequencies, that the worst resolution keeps: 1.5 mm pixels as if they were 3.3 mm


@dataclass(frozen=True)
class Convention:
    """Where annotators draw the wall's borders, in pixels from where the image changes most."""

    epicardium_in: float = 0.0
    endocardium_out: float = 0.0


AS_SEEN = Convention()


def augment(
    image: Tensor, mask: Tensor, size: int, generator: torch.Generator, drawn: Convention = AS_SEEN
) -> tuple[Tensor, Tensor]:
    """Random pose, contrast, surroundings, resolution, artefacts and noise.

    Args:
        image: (batch, 1, rows, columns), 0 to 1.
        mask: (batch, rows, columns), labels 0 to 3.
        size: rows and columns of the output.
        generator: source of all randomness.
        drawn: how the masks that come out differ from those that go in.

    Returns:
        Image (batch, 1, size, size), standardised per image, and mask (batch, size, size).
    """
    image, mask = _pose(image, mask, size, generator)
    image = _trabeculae(image, mask, generator)
    image = _regions(image, mask, generator)
    image = _rim(image, mask, generator)
    image = _organs(image, mask, generator)
    image = _curve(image, generator)
    image = _shade(image, generator)
    image = _acquisition(image, generator)
    image = _occlusion(image, generator)
    return standardise(image), _redrawn(mask, drawn)


def standardise(image: Tensor) -> Tensor:
    """Zero mean and unit variance per image: what the network sees, in training and on real data alike."""
    mean, std = image.mean(dim=(1, 2, 3), keepdim=True), image.std(dim=(1, 2, 3), keepdim=True)
    return (image - mean) / (std + 1e-4)


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator) * (high - low) + low


def _chosen(n: int, share: float, generator: torch.Generator) -> Tensor:
    """One for the share of images that something befalls, else zero; (n, 1, 1, 1)."""
    return (torch.rand(n, 1, 1, 1, generator=generator) < share).float()


def _field(n: int, channels: int, knots: int, size: int, generator: torch.Generator) -> Tensor:
    """Smooth random fields of unit variance at their knots."""
    coarse = torch.randn(n, channels, knots, knots, generator=generator)
    return functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=True)


def _pose(image: Tensor, mask: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Turn by any angle, mirror, scale, shear, shift and warp smoothly; cut to `size` pixels at the stored pixel size."""
    n = image.shape[0]
    angle = _uniform((n,), -math.pi, math.pi, generator)
    mild = torch.randn(n, 1, generator=generator) * 0.12
    wide = _uniform((n, 1), -math.log(LARGEST), -math.log(SMALLEST), generator)
    common = torch.where(torch.rand(n, 1, generator=generator) < ANY_SIZE, wide, mild)
    scale = torch.exp(common + torch.randn(n, 2, generator=generator) * 0.08)
    shear = torch.randn(n, generator=generator) * 0.08
    shift = _uniform((n, 2), -0.26, 0.26, generator)
    zoom = size / image.shape[-1]
    cos, sin = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([torch.stack([cos, -sin + shear], -1), torch.stack([sin, cos], -1)], 1)
    flip = torch.where(torch.rand(n, 1, generator=generator) < MIRRORED, -1.0, 1.0)
    axes = zoom * scale * torch.cat([flip, torch.ones_like(flip)], 1)
    theta = torch.cat([turn * axes[:, None, :], shift[..., None] * zoom], dim=2)
    grid = functional.affine_grid(theta, [n, 1, size, size], align_corners=False)
    bend = _field(n, 2, 5, size, generator) * _uniform((n, 1, 1, 1), 0.0, 0.035, generator)
    ripple = _field(n, 2, 11, size, generator) * _uniform((n, 1, 1, 1), 0.0, 0.010, generator)
    grid = grid + ((bend + ripple) * zoom).permute(0, 2, 3, 1)
    moved = functional.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    labels = functional.grid_sample(
        mask[:, None].float(), grid, mode="nearest", padding_mode="zeros", align_corners=False
    )
    return moved, labels[:, 0].long()


def _redrawn(mask: Tensor, drawn: Convention) -> Tensor:
    """Move the wall's two borders by parts of a pixel, where no right ventricle touches it."""
    if drawn.epicardium_in > 0:
        mask = torch.where((mask == 2) & (_softened(mask > 0) < _share(drawn.epicardium_in)), 0, mask)
    if drawn.endocardium_out > 0:
        mask = torch.where((mask == 2) & (_softened(mask == 1) > 1 - _share(drawn.endocardium_out)), 1, mask)
    return mask


def _softened(structure: Tensor) -> Tensor:
    soft = structure.float()[:, None]
    for _ in range(2):
        soft = functional.avg_pool2d(functional.pad(soft, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return soft[:, 0]


def _share(pixels: float) -> float:
    """What is left of a softened structure so far inside its border."""
    return 0.5 * (1 + math.erf(pixels / SOFTENED / math.sqrt(2)))


def _trabeculae(image: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
    """Let the muscle grow into the blood: annotators draw the cavity up to the compact wall, whatever lies before it."""
    n, _, size, _ = image.shape
    wall = (mask == 2).float()[:, None]
    pixels = wall.sum(dim=(2, 3), keepdim=True)
    level = torch.where(pixels > 0, (image * wall).sum(dim=(2, 3), keepdim=True) / pixels.clamp(min=1), image)
    texture = _field(n, 1, size // 4, size, generator)
    for cavity, most in ((1, 0.85), (3, 0.95)):
        blood = (mask == cavity).float()[:, None]
        depth, core = torch.zeros_like(blood), blood
        for _ in range(LAYERS):
            depth, core = depth + core, 1 - functional.max_pool2d(1 - core, 3, stride=1, padding=1)
        reach = _uniform((n, 1, 1, 1), 0.5, LAYERS + 3.0, generator)
        reach = reach * torch.exp(0.3 * _field(n, 1, 5, size, generator))
        radius = (blood.sum(dim=(2, 3), keepdim=True) / math.pi).sqrt()
        reach = torch.minimum(reach, CLEAR * radius)  # the middle stays bright: a wall without blood is not a cavity
        near = functional.avg_pool2d((1.2 - (depth - 0.5) / reach).clamp(0, 1) * blood, 3, stride=1, padding=1) * blood
        smooth = _uniform((n, 1, 1, 1), 0.2, 1.0, generator)
        patches = smooth + (1 - smooth) * torch.sigmoid(texture * 4)
        strength = _uniform((n, 1, 1, 1), 0.0, most, generator)
        weight = near * patches * strength
        image = image + weight * (level - image)
    return image


def _regions(image: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
    """Vary the brightness of blood, wall and surroundings on their own, also within each, with soft edges."""
    n, _, size, _ = image.shape
    onehot = functional.one_hot(mask, 4).permute(0, 3, 1, 2).float()
    soft = functional.avg_pool2d(onehot, 3, stride=1, padding=1)
    tissue = torch.randn(n, 4, 1, 1, generator=generator) * 0.12
    blood = torch.tensor([0.0, 1.0, 0.0, 1.0]).view(1, 4, 1, 1)  # both cavities hold the same blood
    tissue = tissue + blood * torch.randn(n, 1, 1, 1, generator=generator) * 0.15
    slower = torch.tensor([0.0, 0.0, 0.0, 1.0]).view(1, 4, 1, 1)  # blood of the right ventricle is often darker
    tissue = tissue - slower * _uniform((n, 1, 1, 1), -0.2, 0.8, generator) * _chosen(n, SLOWER, generator)
    within = _field(n, 4, 6, size, generator) * _uniform((n, 4, 1, 1), 0.0, 0.18, generator)
    gain = (soft * torch.exp(tissue + within)).sum(1, keepdim=True)
    offset = (soft * torch.randn(n, 4, 1, 1, generator=generator) * 0.05).sum(1, keepdim=True)
    return (image * gain + offset).clamp(min=0)


def _rim(image: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
    """Lay fat, fluid, liver or lung of any brightness around parts of the heart, one to six pixels thick."""
    n, _, size, _ = image.shape
    heart = (mask > 0).float()[:, None]
    ring, around = heart, torch.zeros_like(heart)
    thick = torch.randint(0, 3, (n, 1, 1, 1), generator=generator)
    for k, width in enumerate((1, 2, 3)):
        ring = functional.max_pool2d(ring, 2 * width + 1, stride=1, padding=width)
        around = torch.where(thick == k, ring - heart, around)
    field = _field(n, 2, 7, size, generator)
    covered = torch.sigmoid((field[:, :1] + _uniform((n, 1, 1, 1), -0.5, 1.5, generator)) * 8.0)
    weight = functional.avg_pool2d(around * covered, 3, stride=1, padding=1)
    weight = weight * _chosen(n, RIM, generator) * _uniform((n, 1, 1, 1), 0.3, 1.0, generator) * (1 - heart)
    wall = (mask == 2).float()[:, None]
    pixels = wall.sum(dim=(2, 3), keepdim=True)
    alike = (image * wall).sum(dim=(2, 3), keepdim=True) / pixels.clamp(min=1)
    alike = alike * torch.exp(0.5 * torch.randn(n, 1, 1, 1, generator=generator))
    any_level = _uniform((n, 1, 1, 1), 0.0, 1.0, generator)
    level = torch.where((torch.rand(n, 1, 1, 1, generator=generator) < 0.5) & (pixels > 0), alike, any_level)
    return image * (1 - weight) + (level + 0.12 * field[:, 1:]).clamp(0, 1.2) * weight


def _organs(image: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
    """Add smooth things of any brightness outside the heart, some of them up to its border: unmodelled organs."""
    n, _, size, _ = image.shape
    heart = (mask > 0).float()[:, None]
    clear = torch.where(
        torch.rand(n, 1, 1, 1, generator=generator) < TOUCHING,
        functional.avg_pool2d(heart, 3, stride=1, padding=1),
        functional.max_pool2d(heart, 7, stride=1, padding=3),
    )
    for knots in (7, 13):
        field = _field(n, 3, knots, size, generator)
        where = torch.sigmoid((field[:, :1] - _uniform((n, 1, 1, 1), 0.3, 1.1, generator)) * 12.0)
        level = _uniform((n, 1, 1, 1), 0.0, 1.0, generator) + 0.15 * field[:, 1:2]
        weight = where * (1 - clear) * _chosen(n, ORGANS, generator)
        image = image * (1 - weight) + level.clamp(0, 1.2) * weight
    return image


def _curve(image: Tensor, generator: torch.Generator) -> Tensor:
    """Send grey values through a random curve that rises everywhere, and then some through a power."""
    n = image.shape[0]
    steps = torch.exp(torch.randn(n, CURVE_KNOTS, generator=generator) * _uniform((n, 1), 0.0, 0.6, generator))
    curve = functional.pad(steps.cumsum(1) / steps.sum(1, keepdim=True), (1, 0))
    top = image.amax(dim=(1, 2, 3), keepdim=True) + 1e-6
    place = (image / top).clamp(0, 1) * CURVE_KNOTS
    low = place.floor().clamp(max=CURVE_KNOTS - 1)
    start = curve.gather(1, low.long().flatten(1)).view_as(image)
    end = curve.gather(1, low.long().flatten(1) + 1).view_as(image)
    exponent = torch.exp(torch.randn(n, 1, 1, 1, generator=generator) * 0.25)
    return top * (start + (place - low) * (end - start)).clamp(0, 1) ** exponent


def _shade(image: Tensor, generator: torch.Generator) -> Tensor:
    """Uneven coils: smooth, and stronger towards one side."""
    n, _, size, _ = image.shape
    field = _field(n, 1, 3, size, generator) * _uniform((n, 1, 1, 1), 0.0, 0.4, generator)
    return image * torch.exp(field)


def _acquisition(image: Tensor, generator: torch.Generator) -> Tensor:
    """Resolution, ringing, ghosts, fold-over and coloured noise, all where a scanner makes them: among the frequencies."""
    n, _, rows, columns = image.shape
    spectrum = torch.fft.rfft2(image)
    down = torch.fft.fftfreq(rows).abs().view(1, 1, -1, 1) * 2
    across = torch.fft.rfftfreq(columns).view(1, 1, 1, -1) * 2
    kept = _uniform((2, n, 1, 1, 1), COARSEST, 1.3, generator)  # beyond 1: everything is kept
    edge = _uniform((n, 1, 1, 1), 0.03, 0.5, generator)  # a hard edge rings
    window = torch.sigmoid((kept[0] - down) / edge * 6) * torch.sigmoid((kept[1] - across) / edge * 6)
    sharper = 1 + _uniform((n, 1, 1, 1), -0.3, 0.8, generator) * torch.hypot(down, across).clamp(max=1)
    line = torch.arange(rows).view(1, 1, -1, 1)
    period = torch.randint(2, 5, (n, 1, 1, 1), generator=generator)
    ghost = _uniform((n, 1, 1, 1), 0.0, 0.35, generator) * _chosen(n, GHOSTED, generator)
    modulation = 1 + ghost * torch.cos(2 * math.pi * line / period)
    noise = torch.fft.rfft2(torch.randn(image.shape, generator=generator))
    level = _uniform((n, 1, 1, 1), 0.0, 0.09, generator) ** 1.3
    seen = torch.fft.irfft2(spectrum * window * sharper * modulation, s=(rows, columns))
    noise = torch.fft.irfft2(noise * window, s=(rows, columns)) * (1 + 0.5 * _field(n, 1, 3, rows, generator)).abs()
    folded = torch.roll(seen, rows // 2, dims=2) * _uniform((n, 1, 1, 1), 0.0, 0.3, generator)
    return (seen + folded * _chosen(n, FOLDED, generator) + level * noise).abs()


def _occlusion(image: Tensor, generator: torch.Generator) -> Tensor:
    """A smooth patch without signal, as metal leaves it, anywhere."""
    n, _, size, _ = image.shape
    place = torch.linspace(-1, 1, size)
    centre = _uniform((n, 2, 1, 1), -0.8, 0.8, generator)
    radius = _uniform((n, 1, 1), 0.06, 0.25, generator)
    distance = torch.hypot(place.view(1, -1, 1) - centre[:, 0], place.view(1, 1, -1) - centre[:, 1])
    dark = torch.sigmoid((radius - distance) * 30)[:, None] * _chosen(n, OCCLUDED, generator)
    return image * (1 - 0.9 * dark)


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
