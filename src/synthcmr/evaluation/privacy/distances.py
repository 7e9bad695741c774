"""Distances from each image to each subject: to the nearest image that the subject has."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.privacy.pile import Pile

QUERIES, KEYS = 512, 512  # at once: more take memory that small cohorts do not need
Floats = npt.NDArray[np.float32]
LEAST = 1e-6


def to_subjects(
    queries: Pile, keys: Pile, space: str, scaling: tuple[Floats, Floats]
) -> Iterator[tuple[slice, Floats]]:
    """Distances in one space, (images, subjects in the order of `keys.people`), some images at a time.

    Args:
        queries: images.
        keys: others, those of a subject one after the other.
        space: pixels or features.
        scaling: mean and spread of each number, see `scaling_of`.
    """
    _, first, number = np.unique(keys.subject, return_index=True, return_inverse=True)
    number = np.argsort(np.argsort(first))[number]  # in the order of the first image
    mean, spread = scaling
    for place, rows in queries.spaces[space].stretches(QUERIES):
        asked = (rows - mean) / spread
        found = np.full((len(asked), len(first)), np.inf, dtype=np.float32)
        for there, vectors in keys.spaces[space].stretches(KEYS):
            squares = squared(asked, (vectors - mean) / spread)
            whose = number[there]
            starts = np.flatnonzero(np.diff(whose, prepend=-1))
            least = np.minimum.reduceat(squares, starts, axis=1)
            found[:, whose[starts]] = np.minimum(found[:, whose[starts]], least)
        yield place, np.sqrt(found)


def scaling_of(keys: Pile, space: str) -> tuple[Floats, Floats]:
    """What makes numbers comparable: features are standardised by those of the keys, pixels are of one length already."""
    shelf = keys.spaces[space]
    if space == "pixels":
        return np.zeros(shelf.shape, dtype=np.float32), np.ones(shelf.shape, dtype=np.float32)
    total, squares = np.zeros(shelf.shape), np.zeros(shelf.shape)
    for _, rows in shelf.stretches(KEYS):
        total += rows.sum(axis=0)
        squares += np.square(rows, dtype=np.float64).sum(axis=0)
    mean = total / len(shelf)
    spread = np.sqrt(np.maximum(squares / len(shelf) - mean**2, 0)) + LEAST
    return mean.astype(np.float32), spread.astype(np.float32)


def squared(a: Floats, b: Floats) -> Floats:
    """Squared distances between the rows of two sets."""
    found: Floats = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * (a @ b.T)
    return np.maximum(found, 0)
