"""Distances between images in a space of vectors: to subjects, to a whole set (kernel density), and to members rather than others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.privacy.image_index import ImageIndex
from synthcmr.evaluation.privacy.image_selection import Vectors
from synthcmr.evaluation.privacy.interval_estimates import Floats, IntervalEstimate
from synthcmr.statistics.intervals import Estimate, percentile

QUERIES, KEYS = 512, 512  # at once: more take memory that small cohorts do not need
LEAST = 1e-6
HALVES = 200  # half-samples of the real subjects


@dataclass(frozen=True)
class VectorScaling:
    """What makes the numbers of a space comparable."""

    mean: Vectors
    spread: Vectors

    @classmethod
    def of(cls, keys: ImageIndex, space: str) -> VectorScaling:
        """Features are standardised by those of the keys, pixels are of one length already."""
        store = keys.spaces[space]
        if space == "pixels":
            return cls(np.zeros(store.shape, dtype=np.float32), np.ones(store.shape, dtype=np.float32))
        total, squares = np.zeros(store.shape), np.zeros(store.shape)
        for _, rows in store.chunks(KEYS):
            total += rows.sum(axis=0)
            squares += np.square(rows, dtype=np.float64).sum(axis=0)
        mean = total / len(store)
        spread = np.sqrt(np.maximum(squares / len(store) - mean**2, 0)) + LEAST
        return cls(mean.astype(np.float32), spread.astype(np.float32))

    def __call__(self, vectors: Vectors) -> Vectors:
        """Scaled vectors."""
        return (vectors - self.mean) / self.spread


@dataclass(frozen=True)
class KernelDensity:
    """Of each image, how near a set of others is."""

    nearest: Floats  # distance
    density: Floats  # logarithm of a Gaussian kernel's, but for a constant
    within: Floats  # share of the set that lies within the kernel's width
    count: int  # images of the set

    def joined(self, other: KernelDensity) -> KernelDensity:
        """To both sets as one."""
        total = self.count + other.count
        own_share, other_share = np.log(self.count / total), np.log(other.count / total)
        return KernelDensity(
            np.minimum(self.nearest, other.nearest),
            np.logaddexp(self.density + own_share, other.density + other_share),
            (self.within * self.count + other.within * other.count) / total,
            total,
        )


def kernel_density(
    queries: ImageIndex, keys: ImageIndex, space: str, scaling: VectorScaling, width: float
) -> KernelDensity:
    """How near all images of a set, taken together, are to each query.

    Args:
        queries: real images.
        keys: the set.
        space: pixels or features.
        scaling: of the space.
        width: of the kernel.
    """
    parts = []
    for _, rows in queries.spaces[space].chunks(QUERIES):
        scaled = scaling(rows)
        least = np.full(len(scaled), np.inf)
        log_sum, inside = np.full(len(scaled), -np.inf), np.zeros(len(scaled))
        for _, vectors in keys.spaces[space].chunks(KEYS):
            squares = _squared(scaled, scaling(vectors)).astype(np.float64)
            least = np.minimum(least, squares.min(axis=1))
            log_sum = np.logaddexp(log_sum, np.logaddexp.reduce(-squares / (2 * width**2), axis=1))
            inside += (squares <= width**2).sum(axis=1)
        parts.append((np.sqrt(least), log_sum - np.log(len(keys)), inside / len(keys)))
    nearest, density, within = (np.concatenate(values) for values in zip(*parts, strict=True))
    return KernelDensity(nearest, density, within, len(keys))


def to_subjects(
    queries: ImageIndex, keys: ImageIndex, space: str, scaling: VectorScaling
) -> Iterator[tuple[slice, Vectors]]:
    """Distances to the nearest image of each subject, (images, subjects in the order of `keys.subjects`), some images at a time.

    Args:
        queries: images.
        keys: others, those of a subject one after the other.
        space: pixels or features.
        scaling: of the space.
    """
    number, subjects = keys.subject_number, len(keys.subjects)
    for place, rows in queries.spaces[space].chunks(QUERIES):
        scaled = scaling(rows)
        nearest = np.full((len(scaled), subjects), np.inf, dtype=np.float32)
        for there, vectors in keys.spaces[space].chunks(KEYS):
            owner = number[there]
            starts = np.flatnonzero(np.diff(owner, prepend=-1))
            least = np.minimum.reduceat(_squared(scaled, scaling(vectors)), starts, axis=1)
            nearest[:, owner[starts]] = np.minimum(nearest[:, owner[starts]], least)
        yield place, np.sqrt(nearest)


def training_proximity(
    synthetic: ImageIndex, members: ImageIndex, held_out: ImageIndex, space: str, seed: int
) -> IntervalEstimate:
    """Share of synthetic images whose nearest member is nearer than the nearest of as many held-out subjects; 0.5 where nothing leaks.

    Each time half as many subjects are drawn from either side as the smaller has. What such halves differ by is what the whole would
    differ by, were others sampled (the delete-half jackknife); synthetic subjects are resampled with them.
    """
    rng = np.random.default_rng([seed, 2])
    sizes = len(members.subjects), len(held_out.subjects)
    half = max(1, min(sizes) // 2)
    member_halves, other_halves = (np.stack([rng.permutation(n)[:half] for _ in range(HALVES)]) for n in sizes)
    names, number = np.unique(synthetic.subject, return_inverse=True)
    weight = np.random.default_rng([seed, 3]).poisson(1.0, size=(len(names), HALVES)).astype(np.float32)
    plain, weighted, total = np.zeros(HALVES), np.zeros(HALVES), np.zeros(HALVES)
    scaling = VectorScaling.of(members, space)
    to_members, to_others = (to_subjects(synthetic, keys, space, scaling) for keys in (members, held_out))
    for (place, near), (_, far) in zip(to_members, to_others, strict=True):
        for k in range(HALVES):
            difference = far[:, other_halves[k]].min(axis=1) - near[:, member_halves[k]].min(axis=1)
            closer = (difference > 0) + 0.5 * (difference == 0)
            w = weight[number[place], k]
            plain[k], weighted[k], total[k] = plain[k] + closer.sum(), weighted[k] + w @ closer, total[k] + w.sum()
    resamples = weighted / np.maximum(total, 1)
    value = float(plain.mean() / len(synthetic))
    estimate = Estimate.of(value, percentile(resamples).including(value))
    return IntervalEstimate.of(estimate, 2 * min(sizes), "real subjects")


def _squared(a: Vectors, b: Vectors) -> Vectors:
    """Squared distances between the rows of two sets."""
    squares: npt.NDArray[np.float32] = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * (a @ b.T)
    return np.maximum(squares, 0)
