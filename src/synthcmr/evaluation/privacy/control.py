"""How much of an attack is split bias: members and others may differ in who they are, before anything is learned from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.privacy.cross_fitting import cross_fitted
from synthcmr.evaluation.privacy.distances import scaling_of
from synthcmr.evaluation.privacy.figures import Floats
from synthcmr.evaluation.privacy.pile import Pile

DIRECTIONS = 10  # in which subjects differ most, that the control looks at


@dataclass(frozen=True)
class Lookalikes:
    """What a classifier that sees nothing but who the subjects are says of each, and members who look like others."""

    member: Floats  # higher: looks like a member
    other: Floats
    chosen: npt.NDArray[np.bool_]  # members who look most like the others: as many, or half of the members

    @property
    def enough(self) -> bool:
        """Whether members are left on both sides."""
        return bool(2 <= self.chosen.sum() <= len(self.chosen) - 2)


def lookalikes(members: Pile, others: Pile, space: str, seed: int) -> Lookalikes:
    """Tell members from others by their images alone, no generator asked, and match members to others by it."""
    ours, theirs = subject_means(members, members, space), subject_means(others, members, space)
    numbers = _directions(np.concatenate([ours, theirs]))
    member = np.arange(len(numbers)) < len(ours)
    said = cross_fitted(numbers, member, seed)
    return Lookalikes(said[member], said[~member], _matched(said[member], said[~member], seed))


def subject_means(pile: Pile, scale: Pile, space: str) -> Floats:
    """The mean vector of each subject, in the order of `pile.people`, scaled by the images of another pile."""
    mean, spread = scaling_of(scale, space)
    place = {name: k for k, name in enumerate(pile.people)}
    number = np.array([place[name] for name in pile.subject])
    total = np.zeros((len(place), *pile.spaces[space].shape))
    for where, rows in pile.spaces[space].stretches(1024):
        np.add.at(total, number[where], (rows - mean) / spread)
    return total / np.bincount(number)[:, None]


def _directions(vectors: Floats) -> Floats:
    around = vectors - vectors.mean(axis=0)
    u, s, _ = np.linalg.svd(around, full_matrices=False)
    count = min(DIRECTIONS, len(vectors) // 4)
    return u[:, :count] * s[:count]


def _matched(member: Floats, other: Floats, seed: int) -> npt.NDArray[np.bool_]:
    """For each of the others, in random order, the free member whose score is nearest."""
    free = np.ones(len(member), dtype=bool)
    order = np.random.default_rng([seed, 6]).permutation(len(other))[: len(member) // 2]
    for k in order:
        gap = np.where(free, np.abs(member - other[k]), np.inf)
        free[int(gap.argmin())] = False
    return ~free
