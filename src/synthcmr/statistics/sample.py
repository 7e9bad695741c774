"""Numbers of images with the subject each belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Subjects = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Sample:
    """Rows of numbers, sorted by subject."""

    values: Numbers  # (images, width)
    subject: Subjects  # (images,), places in cohort.subjects, ascending

    @classmethod
    def of(cls, values: npt.NDArray[np.floating], subject: Subjects) -> Self:
        """Sort by subject and leave out rows that lack a number."""
        order = np.argsort(subject, kind="stable")
        whole = order[np.isfinite(values[order]).all(axis=1)]
        return cls(np.asarray(values[whole], dtype=np.float64), subject[whole])

    def __len__(self) -> int:
        """Number of images."""
        return len(self.subject)

    @cached_property
    def subjects(self) -> Subjects:
        """Who has images here."""
        return np.unique(self.subject)

    @cached_property
    def place(self) -> Subjects:
        """For each image, which of `subjects` it is of."""
        return np.searchsorted(self.subjects, self.subject)

    @cached_property
    def starts(self) -> Subjects:
        """Where each subject's images begin."""
        return np.searchsorted(self.subject, self.subjects)

    def among(self, subjects: npt.ArrayLike) -> Self:
        """The images of some subjects."""
        keep = np.isin(self.subject, subjects)
        return replace(self, values=self.values[keep], subject=self.subject[keep])

    @classmethod
    def thinned(cls, values: npt.NDArray[np.floating], subject: Subjects, most: int, seed: int) -> Self:
        """At most so many images, of whole subjects drawn at random: rows of others are never read."""
        names, which, count = np.unique(subject, return_inverse=True, return_counts=True)
        order = np.random.default_rng([seed, most]).permutation(len(names))
        chosen = order[np.cumsum(count[order]) <= most]
        rows = np.flatnonzero(np.isin(which, chosen))
        return cls.of(values[rows], subject[rows])

    def thinned_to(self, most: int, seed: int) -> Self:
        """At most so many of these images."""
        return self.thinned(self.values, self.subject, most, seed) if len(self) > most else self

    def clustered(self, most: int) -> Self:
        """The same images with subjects put together until there are at most so many.

        Sums over pairs of subjects then take little memory; drawing clusters again is as valid as drawing subjects.
        """
        if len(self.subjects) <= most:
            return self
        cluster = self.place % most
        order = np.argsort(cluster, kind="stable")
        return replace(self, values=self.values[order], subject=cluster[order])
