"""Intensity, texture and shape of each region of a slice, counted for a whole batch at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES, Mask
from synthcmr.evaluation.features.stream import FrameBatch, Values

Numbers = npt.NDArray[np.float64]
REGIONS = ("rest", *STRUCTURES)  # by label
FEW = 30  # pixels, below which a region's numbers are of single pixels
LEVELS = 16  # grey levels of the co-occurrence matrix, over 0 to 1
SHARES = (0.1, 0.5, 0.9)
ALL, HEAD, TAIL = slice(None), slice(None, -1), slice(1, None)
NEIGHBOURS = (((ALL, ALL, HEAD), (ALL, ALL, TAIL)), ((ALL, HEAD), (ALL, TAIL)))  # right of, and below
INTENSITY = ("mean", "sd", "skewness", "p10", "p50", "p90")
TEXTURE = ("contrast", "homogeneity", "energy", "correlation", "sharpness", "noise")
SHAPE = ("area_mm2", "elongation", "roundness")
OF_REGION = (*INTENSITY, *TEXTURE)


def columns() -> tuple[str, ...]:
    """Names of the numbers: region and measure."""
    of_all = [f"{region} {name}" for region in REGIONS for name in OF_REGION]
    return (*of_all, *(f"{region} {name}" for region in STRUCTURES for name in SHAPE))


class RadiomicsExtractor:
    """Numbers of the first frame shown."""

    name = "radiomics"
    columns = columns()

    def __init__(self) -> None:
        """Nothing is learned: the code is what decides."""
        self.hash = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()

    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch; NaN for regions that a slice does not show."""
        return np.concatenate([self._of_part(part) for part in batch.parts()])

    def _of_part(self, batch: FrameBatch) -> Values:
        image, regions = batch.image[:, 0].astype(np.float64), Regions.of(batch.mask[:, 0])
        results = {**_intensity(image, regions), **_texture(image, regions)}
        shown = np.where(regions.pixels >= FEW, 1.0, np.nan)
        table = [results[name] * shown for name in OF_REGION]
        shape = [v * shown[:, 1:] for v in _shape(regions, batch.spacing_mm())]
        parts = [np.stack(table, axis=2).reshape(len(image), -1), np.stack(shape, axis=2).reshape(len(image), -1)]
        return np.concatenate(parts, axis=1).astype(np.float32)


@dataclass(frozen=True)
class Regions:
    """Which region of which image every pixel is of, worked out once: most of the time goes into counting by it."""

    keys: npt.NDArray[
        np.intp
    ]  # (images, rows, columns), image and region as one number; the last for unlabelled pixels
    pixels: Numbers  # (images, regions)

    @classmethod
    def of(cls, mask: Mask) -> Self:
        """From masks (images, rows, columns)."""
        each = np.arange(len(mask))[:, None, None] * len(REGIONS) + mask
        keys = np.where(mask < len(REGIONS), each, len(mask) * len(REGIONS)).astype(np.intp)
        count = np.bincount(keys.ravel(), minlength=len(mask) * len(REGIONS) + 1)[:-1]
        return cls(keys, count.reshape(len(mask), -1).astype(np.float64))

    def mean(self, values: Numbers) -> Numbers:
        """Over each region of each image, (images, regions)."""
        total = np.bincount(self.keys.ravel(), values.ravel(), self.pixels.size + 1)[:-1]
        means: Numbers = total.reshape(self.pixels.shape) / np.maximum(self.pixels, 1)
        return means

    def spread(self, per_region: Numbers) -> Numbers:
        """A region's number at each of its pixels."""
        return np.append(per_region.ravel(), 0.0)[self.keys]

    def shares(self, values: Numbers, shares: Sequence[float]) -> list[Numbers]:
        """The value at each share of a region's order, (images, regions) each.

        All are sorted at once, as the whole part of a number tells the region and the rest the value.
        """
        low, span = float(values.min()), max(float(np.ptp(values)), 1e-9) * 1.001
        ordered = np.sort((self.keys + (values - low) / span).ravel())
        count = self.pixels.ravel().astype(np.intp)
        start = np.cumsum(count) - count
        results = []
        for share in shares:
            place = start + (share * np.maximum(count - 1, 0)).round().astype(np.intp)
            at = ordered[np.minimum(place, len(ordered) - 1)].reshape(self.pixels.shape)
            results.append((at - np.floor(at)) * span + low)
        return results


def _intensity(image: Numbers, regions: Regions) -> Mapping[str, Numbers]:
    mean = regions.mean(image)
    off = image - regions.spread(mean)
    square = off * off
    sd = np.sqrt(regions.mean(square))
    skewness = regions.mean(square * off) / np.maximum(sd, 1e-6) ** 3
    quantiles = dict(zip(("p10", "p50", "p90"), regions.shares(image, SHARES), strict=True))
    return {"mean": mean, "sd": sd, "skewness": skewness, **quantiles}


def _texture(image: Numbers, regions: Regions) -> Mapping[str, Numbers]:
    p = _co_occurrence(image, regions)
    i, j = np.mgrid[:LEVELS, :LEVELS].astype(float)
    mean = (p * i).sum(axis=(2, 3))
    variance = (p * i**2).sum(axis=(2, 3)) - mean**2
    together = (p * i * j).sum(axis=(2, 3)) - mean**2  # p is symmetric
    dy, dx = np.gradient(image, axis=(1, 2))
    return {
        "contrast": (p * (i - j) ** 2).sum(axis=(2, 3)),
        "homogeneity": (p / (1 + (i - j) ** 2)).sum(axis=(2, 3)),
        "energy": (p**2).sum(axis=(2, 3)),
        "correlation": together / np.maximum(variance, 1e-6),
        "sharpness": regions.mean(np.sqrt(dx * dx + dy * dy)),
        "noise": regions.mean(np.abs(_fine(image))),
    }


def _co_occurrence(image: Numbers, regions: Regions) -> Numbers:
    """How often grey level i lies right of or below j within a region, either way round: (images, regions, i, j)."""
    levels = np.clip(image * LEVELS, 0, LEVELS - 1).astype(np.intp)
    keys, n = regions.keys, regions.pixels.size
    total = np.zeros(n * LEVELS * LEVELS)
    for a, b in NEIGHBOURS:
        same = (keys[a] == keys[b]) & (keys[a] < n)
        code = (keys[a][same] * LEVELS + levels[a][same]) * LEVELS + levels[b][same]
        total += np.bincount(code, minlength=len(total))
    counts = total.reshape(*regions.pixels.shape, LEVELS, LEVELS)
    both = counts + counts.swapaxes(2, 3)
    return both / np.maximum(both.sum(axis=(2, 3), keepdims=True), 1)


def _fine(image: Numbers) -> Numbers:
    """What remains of each pixel when its four neighbours' mean is taken off; zero on the rim."""
    result = np.zeros_like(image)
    around = image[:, :-2, 1:-1] + image[:, 2:, 1:-1] + image[:, 1:-1, :-2] + image[:, 1:-1, 2:]
    result[:, 1:-1, 1:-1] = image[:, 1:-1, 1:-1] - 0.25 * around
    return result


def _shape(regions: Regions, spacing_mm: Numbers) -> list[Numbers]:
    """Area, elongation (long over short axis) and roundness (1 for a disc, of area and second moments) of structures."""
    size = regions.keys.shape
    y = np.broadcast_to(np.arange(size[1])[None, :, None] * spacing_mm[:, :1, None], size)
    x = np.broadcast_to(np.arange(size[2])[None, None, :] * spacing_mm[:, 1:, None], size)
    area = regions.pixels * spacing_mm.prod(axis=1)[:, None]
    y0, x0 = y - regions.spread(regions.mean(y)), x - regions.spread(regions.mean(x))
    yy, xx, xy = regions.mean(y0 * y0), regions.mean(x0 * x0), regions.mean(x0 * y0)
    root = np.sqrt((yy - xx) ** 2 / 4 + xy**2)
    long, short = (yy + xx) / 2 + root, np.maximum((yy + xx) / 2 - root, 1e-9)
    roundness = area / np.maximum(2 * np.pi * (yy + xx), 1e-9)
    return [v[:, 1:] for v in (area, np.sqrt(long / short), roundness)]
