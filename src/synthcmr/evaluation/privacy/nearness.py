"""How near real images are to a set of others: what every attack that sees images alone stands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.privacy.distances import KEYS, QUERIES, squared
from synthcmr.evaluation.privacy.figures import Floats
from synthcmr.evaluation.privacy.pile import Pile

Scaling = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Nearness:
    """Of each real image to a set."""

    nearest: Floats  # distance
    density: Floats  # logarithm of a Gaussian kernel's, but for a constant
    within: Floats  # share of the set that lies within the kernel's width
    count: int  # images of the set

    def joined(self, other: Nearness) -> Nearness:
        """To both sets as one."""
        whole = self.count + other.count
        ours, theirs = np.log(self.count / whole), np.log(other.count / whole)
        return Nearness(
            np.minimum(self.nearest, other.nearest),
            np.logaddexp(self.density + ours, other.density + theirs),
            (self.within * self.count + other.within * other.count) / whole,
            whole,
        )


def nearness(queries: Pile, keys: Pile, space: str, scaling: Scaling, width: float) -> Nearness:
    """Distances to all of a set, taken together.

    Args:
        queries: real images.
        keys: the set.
        space: pixels or features.
        scaling: see `scaling_of`.
        width: of the kernel.
    """
    mean, spread = scaling
    parts = []
    for _, rows in queries.spaces[space].stretches(QUERIES):
        asked = (rows - mean) / spread
        least = np.full(len(asked), np.inf)
        log_sum, inside = np.full(len(asked), -np.inf), np.zeros(len(asked))
        for _, vectors in keys.spaces[space].stretches(KEYS):
            found = squared(asked, (vectors - mean) / spread).astype(np.float64)
            least = np.minimum(least, found.min(axis=1))
            log_sum = np.logaddexp(log_sum, np.logaddexp.reduce(-found / (2 * width**2), axis=1))
            inside += (found <= width**2).sum(axis=1)
        parts.append((np.sqrt(least), log_sum - np.log(len(keys)), inside / len(keys)))
    nearest, density, within = (np.concatenate(values) for values in zip(*parts, strict=True))
    return Nearness(nearest, density, within, len(keys))
