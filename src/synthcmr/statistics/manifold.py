"""Precision and recall (Kynkäänniemi 2019), density and coverage (Naeem 2020), with balls that one subject alone cannot shrink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.statistics.kernels import ROWS, squared_distances
from synthcmr.statistics.sample import Sample

Numbers = npt.NDArray[np.float64]
NAMES = ("precision", "recall", "density", "coverage")
HARDLY_ANY = 0.01  # share of real images that have another subject's nearer


@dataclass(frozen=True)
class Manifold:
    """What holds of each image; the scores are its means."""

    precision: Numbers  # of synthetic images: in the ball of some real one
    density: Numbers  # of synthetic images: in how many, over k
    recall: Numbers  # of real images: in the ball of some synthetic one
    coverage: Numbers  # of real images: whose ball holds a synthetic one

    def of(self, name: str) -> tuple[Numbers, bool]:
        """Values by name, and whether they are of real images."""
        return getattr(self, name), name in ("recall", "coverage")


def manifold(real: Sample, synthetic: Sample, neighbours: int) -> Manifold:
    """Balls reach to the k-th nearest image of another subject."""
    ball_real, ball_synthetic = radii(real, neighbours), radii(synthetic, neighbours)
    held = np.zeros(len(synthetic))
    recall, nearest = np.zeros(len(real)), np.full(len(real), np.inf)
    for k in range(0, len(real), ROWS):
        rows = slice(k, k + ROWS)
        d = squared_distances(real.values[rows], synthetic.values)
        held += (d <= ball_real[rows, None]).sum(axis=0)
        recall[rows] = (d <= ball_synthetic[None, :]).any(axis=1)
        nearest[rows] = d.min(axis=1)
    return Manifold((held > 0).astype(float), held / neighbours, recall, (nearest <= ball_real).astype(float))


def repeats(real: Sample, synthetic: Sample) -> Numbers:
    """Of each synthetic image, whether another synthetic subject has one as near as hardly any two real subjects have.

    A set that repeats itself may cover what is real, as a thousand copies of four patients do; this is where it shows.
    """
    limit = np.quantile(radii(real, 1), HARDLY_ANY)
    return (radii(synthetic, 1) < limit).astype(float)


def radii(sample: Sample, neighbours: int) -> Numbers:
    """Squared distance from each image to its k-th nearest of other subjects."""
    import torch  # whose topk takes a tenth of the time of NumPy's partition

    result = np.empty(len(sample))
    k = min(neighbours, len(sample) - 1) - 1
    for start in range(0, len(sample), ROWS):
        rows = slice(start, start + ROWS)
        d = squared_distances(sample.values[rows], sample.values)
        d[sample.subject[rows, None] == sample.subject[None, :]] = np.inf
        result[rows] = torch.from_numpy(d).topk(k + 1, dim=1, largest=False).values[:, k].numpy()
    return result


def mean_over(values: Numbers, sample: Sample, times: Numbers) -> float:
    """Mean over images when each subject counts so many times."""
    total, count = np.bincount(sample.place, values), np.bincount(sample.place)
    return float(times @ total / (times @ count))
