"""Fréchet distance of features taken as Gaussian (FID), and where it tends as subjects grow without end (FID∞)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from synthcmr.statistics.bootstrap import seeded_counts
from synthcmr.statistics.intervals import Interval, normal
from synthcmr.statistics.sample import Sample

Numbers = npt.NDArray[np.float64]
SIZES, REPEATS, LEAST_SHARE = 8, 3, 0.3  # of the line through 1/n that FID∞ is read off
WIDE, FEW_DRAWS = 256, 20  # wider features take seconds a draw
MOST_SUMS = 10_000_000  # numbers: products of all subjects that are held in memory


@dataclass(frozen=True)
class Gaussian:
    """Mean and covariance of features."""

    mean: Numbers
    covariance: Numbers


def gaussian(values: npt.NDArray[np.floating], times: Numbers | None = None) -> Gaussian:
    """Moments of rows, each counted so many times."""
    x = np.asarray(values, dtype=np.float64)
    w = np.ones(len(x)) if times is None else times
    mean = w @ x / w.sum()
    off = x - mean
    return Gaussian(mean, (off * w[:, None]).T @ off / (w.sum() - 1))


def frechet(a: Gaussian, b: Gaussian) -> float:
    """|mu_a - mu_b|² + tr(S_a + S_b - 2 (S_a S_b)^1/2)."""
    root = _root(a.covariance)
    within = np.linalg.eigvalsh(root @ b.covariance @ root)
    overlap = np.sqrt(np.maximum(within, 0)).sum()
    apart = ((a.mean - b.mean) ** 2).sum()
    return float(apart + np.trace(a.covariance) + np.trace(b.covariance) - 2 * overlap)


def fid(a: Sample, b: Sample) -> float:
    """Of all images of both."""
    return frechet(gaussian(a.values), gaussian(b.values))


def fid_infinity(a: Sample, b: Sample, seed: int) -> float:
    """FID at an endless number of subjects: a line through FIDs of fewer and fewer subjects over 1/n (Chong & Forsyth 2020)."""
    if a.values.shape[1] > WIDE:
        sizes, repeats = 4, 1
    else:
        sizes, repeats = SIZES, REPEATS
    rng = np.random.default_rng([seed, 11])
    inverse = np.linspace(1.0, 1 / LEAST_SHARE, sizes)
    points = [(inverse[0], fid(a, b))]
    points += [(k, fid(_some(a, 1 / k, rng), _some(b, 1 / k, rng))) for k in inverse[1:] for _ in range(repeats)]
    x, y = np.array(points).T
    # the whole set is one point but the steadiest: it counts as much as the draws of any other size together
    _, end = np.polyfit(x, y, 1, w=np.where(x == 1.0, np.sqrt(repeats), 1.0))
    return float(end)


def fid_draws(a: Sample, b: Sample, draws: int, seed: int) -> Numbers:
    """FIDs of subjects drawn again, on both sides."""
    count = min(draws, FEW_DRAWS) if a.values.shape[1] > WIDE else draws
    both = zip(
        seeded_counts(len(a.subjects), count, seed), seeded_counts(len(b.subjects), count, seed + 1), strict=True
    )
    first, second = (SubjectMoments.of(side) if _few(side) else None for side in (a, b))
    return np.array([frechet(_weighted(a, v, first), _weighted(b, w, second)) for v, w in both])


def fid_interval(value: float, drawn: Numbers, level: float) -> Interval:
    """Drawing again adds the same to every draw, so that only the spread is taken from them."""
    return normal(value, drawn, level)


@dataclass(frozen=True)
class SubjectMoments:
    """Sums over the images of each subject, around a common centre: all that drawing subjects again needs."""

    centre: Numbers
    count: Numbers  # (subjects,)
    sums: Numbers  # (subjects, width)
    squares: Numbers  # (subjects, width²)

    @classmethod
    def of(cls, sample: Sample) -> Self:
        """Sum."""
        centre = sample.values.mean(axis=0)
        parts = np.split(sample.values - centre, sample.starts[1:])
        return cls(
            centre,
            np.array([len(x) for x in parts], dtype=np.float64),
            np.array([x.sum(axis=0) for x in parts]),
            np.array([(x.T @ x).ravel() for x in parts]),
        )

    def gaussian(self, times: npt.NDArray[np.int64]) -> Gaussian:
        """Moments when each subject counts so many times."""
        n, w = float(times @ self.count), times.astype(np.float64)
        mean = w @ self.sums / n
        squares = (w @ self.squares).reshape(len(mean), -1)
        return Gaussian(mean + self.centre, (squares - n * np.outer(mean, mean)) / (n - 1))


def _few(sample: Sample) -> bool:
    """Whether the sums of all subjects take little memory."""
    return len(sample.subjects) * sample.values.shape[1] ** 2 <= MOST_SUMS


def _weighted(sample: Sample, times: npt.NDArray[np.int64], moments: SubjectMoments | None) -> Gaussian:
    if moments is not None:
        return moments.gaussian(times)
    return gaussian(sample.values, times[sample.place].astype(np.float64))


def _some(sample: Sample, share: float, rng: np.random.Generator) -> Sample:
    count = max(2, round(share * len(sample.subjects)))
    return sample.among(rng.permutation(sample.subjects)[:count])


def _root(covariance: Numbers) -> Numbers:
    values, vectors = np.linalg.eigh(covariance)
    root: Numbers = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
