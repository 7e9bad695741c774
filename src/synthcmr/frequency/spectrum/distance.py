"""Distances between the spectra of two sets, with intervals over subjects and the floor that real data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.frequency.plane import Floats
from synthcmr.statistics.intervals import Estimate as Interval

LEVEL = (2.5, 97.5)


@dataclass(frozen=True)
class Subjects:
    """Rows of a table summed by subject, so that subjects can be drawn."""

    total: Floats  # (subjects, columns)
    count: Floats  # (subjects,)

    @classmethod
    def of(cls, rows: Floats, subject: npt.NDArray[np.object_]) -> Subjects:
        """Sum rows by subject."""
        _, which = np.unique(subject.astype(str), return_inverse=True)
        total = np.zeros((which.max() + 1, rows.shape[1]))
        np.add.at(total, which, rows)
        return cls(total, np.bincount(which).astype(float))

    def __len__(self) -> int:
        """Number of subjects."""
        return len(self.count)

    def means(self, draws: Floats) -> Floats:
        """Mean row under each draw of subjects, (draws, columns)."""
        means: Floats = draws @ self.total / (draws @ self.count)[:, None]
        return means

    def drawn(self, draws: int, rng: np.random.Generator) -> Floats:
        """How often each subject is taken: once in the first row, with replacement in the others."""
        n = len(self)
        return np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), draws)])


def gap(a: Floats, b: Floats) -> Floats:
    """Mean over rings of the absolute difference in mean log power: the log-spectral distance of two sets."""
    distance: Floats = np.abs(a - b).mean(axis=-1)
    return distance


def compared(a: Subjects, b: Subjects, draws: int, rng: np.random.Generator) -> Interval:
    """The distance of two sets; absolute values are larger in resamples, so draws are moved to lie around the value."""
    gaps = gap(a.means(a.drawn(draws, rng)), b.means(b.drawn(draws, rng)))
    value, rest = gaps[0], gaps[1:]
    low, high = np.percentile(rest - rest.mean() + value, LEVEL).clip(0, None)
    return Interval(float(value), float(low), float(high))


def halves(n: int, count: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.bool_]]:
    """Random halves of n subjects."""
    for _ in range(count):
        yield rng.permutation(n) < n // 2


def floor_of(real: Subjects, count: int, rng: np.random.Generator) -> Interval:
    """The distance between random halves of the real subjects: mean, and the range of most."""
    gaps = []
    for half in halves(len(real), count, rng):
        both = np.vstack([half, ~half]).astype(float)
        a, b = real.means(both)
        gaps.append(float(gap(a, b)))
    return around(gaps)


def around(values: list[float]) -> Interval:
    """Mean of some values and the range of most."""
    low, high = np.percentile(values, LEVEL)
    return Interval(float(np.mean(values)), float(low), float(high))


def floor_with(
    real_subjects: list[str], count: int, rng: np.random.Generator, score: Callable[[set[str]], float]
) -> Interval:
    """A score between random halves of the real subjects, named by the first half."""
    names = np.array(real_subjects, dtype=object)
    return around([score(set(names[half])) for half in halves(len(names), count, rng)])
