"""Kernel distances: KID (cubic kernel, as torch-fidelity) and MMD (Gaussian kernel, pairs of one subject left out)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.statistics.sample import Sample

Numbers = npt.NDArray[np.float64]
Kernel = Callable[[Numbers, Numbers], Numbers]
FEW_ROWS = 32  # whose products with one another cost less than so many calls
ROWS = 512  # of a kernel matrix held at once
SEED = 2020  # torch-fidelity's
MOST_CLUSTERS = 1500  # of subjects, whose sums are held in memory
MEDIAN_OF = 1000  # images that the width of the Gaussian kernel is measured on


def cubic(x: Numbers, y: Numbers) -> Numbers:
    """(x·y / d + 1)³."""
    k: Numbers = (x @ y.T / x.shape[1] + 1) ** 3
    return k


def gaussian_kernel(width: float) -> Kernel:
    """exp(-|x - y|² / 2 width²)."""

    def kernel(x: Numbers, y: Numbers) -> Numbers:
        k: Numbers = np.exp(-squared_distances(x, y) / (2 * width**2))
        return k

    return kernel


def squared_distances(x: Numbers, y: Numbers) -> Numbers:
    """Between all rows."""
    d: Numbers = (x**2).sum(1)[:, None] + (y**2).sum(1)[None, :] - 2 * x @ y.T
    return np.maximum(d, 0, out=d)


def median_distance(sample: Sample, seed: int) -> float:
    """Median distance of images of different subjects: the width that takes in both near and far."""
    rows = np.random.default_rng([seed, 3]).permutation(len(sample))[:MEDIAN_OF]
    apart = sample.subject[rows][:, None] != sample.subject[rows][None, :]
    return float(np.sqrt(np.median(squared_distances(sample.values[rows], sample.values[rows])[apart])))


def kid_of_subsets(a: Numbers, b: Numbers, subsets: int, size: int) -> float:
    """KID by torch-fidelity's procedure: the mean over random subsets, drawn in its order from its seed."""
    m = min(size, len(a), len(b))
    rng = np.random.RandomState(SEED)
    results = []
    for _ in range(subsets):
        x, y = a[rng.choice(len(a), m, replace=False)], b[rng.choice(len(b), m, replace=False)]
        results.append(unbiased(x, y))
    return float(np.mean(results))


def unbiased(x: Numbers, y: Numbers) -> float:
    """Squared MMD with the cubic kernel, without the diagonals."""
    own = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (cubic(x, x), cubic(y, y))]
    return float(own[0] + own[1] - 2 * cubic(x, y).mean())


@dataclass(frozen=True)
class Blocks:
    """Kernels summed over the images of each pair of subjects: all that drawing subjects again needs."""

    aa: Numbers  # (subjects of a, subjects of a)
    bb: Numbers
    ab: Numbers
    diagonal_a: Numbers  # of each subject's images with themselves
    diagonal_b: Numbers
    count_a: Numbers
    count_b: Numbers

    @classmethod
    def of(cls, a: Sample, b: Sample, kernel: Kernel) -> Blocks:
        """Sum a kernel."""
        return cls(
            _summed(a, a, kernel),
            _summed(b, b, kernel),
            _summed(a, b, kernel),
            _diagonal(a, kernel),
            _diagonal(b, kernel),
            np.bincount(a.place).astype(float),
            np.bincount(b.place).astype(float),
        )

    def by_images(self, a: Numbers, b: Numbers) -> float:
        """Unbiased for independent images: only an image's pair with itself is left out. `a`, `b`: times of each subject."""
        n, m = a @ self.count_a, b @ self.count_b
        own_a = (a @ self.aa @ a - a @ self.diagonal_a) / (n * (n - 1))
        own_b = (b @ self.bb @ b - b @ self.diagonal_b) / (m * (m - 1))
        return float(own_a + own_b - 2 * a @ self.ab @ b / (n * m))

    def by_subjects(self, a: Numbers, b: Numbers) -> float:
        """Unbiased for independent subjects: pairs within a subject are left out."""
        return float(
            _between(self.aa, self.count_a, a)
            + _between(self.bb, self.count_b, b)
            - 2 * a @ self.ab @ b / ((a @ self.count_a) * (b @ self.count_b))
        )

    def real_halves(self, first: npt.NDArray[np.bool_], by_subjects: bool) -> float:
        """The same of two halves of `a`."""
        half = Blocks(
            self.aa[np.ix_(first, first)],
            self.aa[np.ix_(~first, ~first)],
            self.aa[np.ix_(first, ~first)],
            self.diagonal_a[first],
            self.diagonal_a[~first],
            self.count_a[first],
            self.count_a[~first],
        )
        ones = np.ones(int(first.sum())), np.ones(int((~first).sum()))
        return half.by_subjects(*ones) if by_subjects else half.by_images(*ones)


def _between(sums: Numbers, count: Numbers, times: Numbers) -> float:
    """Mean over pairs of different subjects; a subject drawn twice is still one subject."""
    w = times * count
    own = (times**2 * np.diag(sums)).sum()
    return float((times @ sums @ times - own) / (w.sum() ** 2 - (w**2).sum()))


def _summed(a: Sample, b: Sample, kernel: Kernel) -> Numbers:
    total = np.zeros((len(a.subjects), len(b.subjects)))
    for k in range(0, len(a), ROWS):
        part = np.add.reduceat(kernel(a.values[k : k + ROWS], b.values), b.starts, axis=1)
        np.add.at(total, a.place[k : k + ROWS], part)
    return total


def _diagonal(a: Sample, kernel: Kernel) -> Numbers:
    parts = np.split(a.values, range(FEW_ROWS, len(a), FEW_ROWS))
    own = np.concatenate([np.diagonal(kernel(rows, rows)) for rows in parts])
    total: Numbers = np.bincount(a.place, own).astype(np.float64)
    return total
