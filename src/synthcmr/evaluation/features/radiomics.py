"""Intensity, texture and shape of each region of a slice, counted for a whole batch at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES, Mask
from synthcmr.evaluation.features.extractor import Values
from synthcmr.evaluation.features.stream import Batch

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

    def of(self, batch: Batch) -> Values:
        """Numbers of a batch; NaN for regions that a slice does not show."""
        image, mask = batch.image[:, 0].astype(np.float64), batch.mask[:, 0]
        found = {**_intensity(image, mask), **_texture(image, mask)}
        area = _sums(mask, np.ones(image.shape))
        shown = np.where(area >= FEW, 1.0, np.nan)
        table = [found[name] * shown for name in OF_REGION]
        shape = [v * shown[:, 1:] for v in _shape(mask, batch.spacing_mm())]
        parts = [np.stack(table, axis=2).reshape(len(image), -1), np.stack(shape, axis=2).reshape(len(image), -1)]
        return np.concatenate(parts, axis=1).astype(np.float32)


def _keys(mask: Mask) -> npt.NDArray[np.intp]:
    """Image and region of every pixel as one number; one more, at the end, for pixels nobody labelled."""
    each = np.arange(len(mask))[:, None, None] * len(REGIONS) + mask
    return np.where(mask < len(REGIONS), each, len(mask) * len(REGIONS)).astype(np.intp)


def _sums(mask: Mask, values: Numbers) -> Numbers:
    """Sum over each region of each image, (images, regions)."""
    size = len(mask) * len(REGIONS)
    total: Numbers = np.bincount(_keys(mask).ravel(), values.ravel(), size + 1)[:size].astype(np.float64)
    return total.reshape(len(mask), len(REGIONS))


def _mean(mask: Mask, values: Numbers) -> Numbers:
    return _sums(mask, values) / np.maximum(_sums(mask, np.ones(values.shape)), 1)


def _spread(per_region: Numbers, mask: Mask) -> Numbers:
    """A region's number at each of its pixels."""
    return np.append(per_region.ravel(), 0.0)[_keys(mask)]


def _intensity(image: Numbers, mask: Mask) -> Mapping[str, Numbers]:
    mean = _mean(mask, image)
    off = image - _spread(mean, mask)
    sd = np.sqrt(_mean(mask, off**2))
    skewness = _mean(mask, off**3) / np.maximum(sd, 1e-6) ** 3
    quantiles = dict(zip(("p10", "p50", "p90"), _quantiles(image, mask), strict=True))
    return {"mean": mean, "sd": sd, "skewness": skewness, **quantiles}


def _quantiles(image: Numbers, mask: Mask) -> list[Numbers]:
    """The pixel at each share of a region's order."""
    keys = _keys(mask).ravel()
    order = np.lexsort((image.ravel(), keys))
    count = np.bincount(keys, minlength=len(mask) * len(REGIONS) + 1)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    values = image.ravel()[order]
    found = []
    for share in SHARES:
        place = np.minimum(start + (share * np.maximum(count - 1, 0)).round().astype(int), len(values) - 1)
        found.append(values[place][:-1].reshape(len(mask), len(REGIONS)))
    return found


def _texture(image: Numbers, mask: Mask) -> Mapping[str, Numbers]:
    p = _co_occurrence(image, mask)
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
        "sharpness": _mean(mask, np.hypot(dx, dy)),
        "noise": _mean(mask, np.abs(_fine(image))),
    }


def _co_occurrence(image: Numbers, mask: Mask) -> Numbers:
    """How often grey level i lies right of or below j within a region, either way round: (images, regions, i, j)."""
    levels = np.clip(image * LEVELS, 0, LEVELS - 1).astype(np.intp)
    keys, n = _keys(mask), len(mask) * len(REGIONS)
    total = np.zeros(n * LEVELS * LEVELS)
    for a, b in NEIGHBOURS:
        same = (keys[a] == keys[b]) & (keys[a] < n)
        code = (keys[a][same] * LEVELS + levels[a][same]) * LEVELS + levels[b][same]
        total += np.bincount(code, minlength=len(total))
    counts = total.reshape(len(mask), len(REGIONS), LEVELS, LEVELS)
    both = counts + counts.swapaxes(2, 3)
    return both / np.maximum(both.sum(axis=(2, 3), keepdims=True), 1)


def _fine(image: Numbers) -> Numbers:
    """What remains of each pixel when its four neighbours' mean is taken off; zero on the rim."""
    found = np.zeros_like(image)
    around = image[:, :-2, 1:-1] + image[:, 2:, 1:-1] + image[:, 1:-1, :-2] + image[:, 1:-1, 2:]
    found[:, 1:-1, 1:-1] = image[:, 1:-1, 1:-1] - 0.25 * around
    return found


def _shape(mask: Mask, spacing_mm: Numbers) -> list[Numbers]:
    """Area, elongation (long over short axis) and roundness (1 for a disc, of area and second moments) of structures."""
    y = np.arange(mask.shape[1])[None, :, None] * spacing_mm[:, :1, None]
    x = np.arange(mask.shape[2])[None, None, :] * spacing_mm[:, 1:, None]
    y, x = np.broadcast_to(y, mask.shape), np.broadcast_to(x, mask.shape)
    area = _sums(mask, np.ones(mask.shape)) * spacing_mm.prod(axis=1)[:, None]
    y0, x0 = y - _spread(_mean(mask, y), mask), x - _spread(_mean(mask, x), mask)
    yy, xx, xy = _mean(mask, y0 * y0), _mean(mask, x0 * x0), _mean(mask, x0 * y0)
    root = np.sqrt((yy - xx) ** 2 / 4 + xy**2)
    long, short = (yy + xx) / 2 + root, np.maximum((yy + xx) / 2 - root, 1e-9)
    roundness = area / np.maximum(2 * np.pi * (yy + xx), 1e-9)
    return [v[:, 1:] for v in (area, np.sqrt(long / short), roundness)]
