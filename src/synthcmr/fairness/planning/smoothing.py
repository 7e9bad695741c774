"""Numbers near those of real subjects, not equal to them: a smoothed bootstrap that keeps mean and spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kernel:
    """Noise that is added to a donor's numbers, correlated as they are."""

    mean: Floats
    root: Floats  # of the covariance, times the bandwidth
    shrink: float  # towards the mean, so that the noise does not widen the spread

    @classmethod
    def of(cls, values: Floats) -> Kernel:
        """Fit to some people's numbers.

        With bandwidth h (Silverman's rule of thumb) the covariance of donors plus noise is (1 + h²) times theirs; drawn
        towards the mean by the root of that, it is theirs again.

        Args:
            values: (people, numbers); NaN where one is not known.
        """
        people, numbers = values.shape
        known = ~np.isnan(values)
        mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, values - mean, 0.0)
        covariance = filled.T @ filled / np.maximum(np.maximum.outer(known.sum(axis=0), known.sum(axis=0)), 1)
        h = (4 / (numbers + 2)) ** (1 / (numbers + 4)) * people ** (-1 / (numbers + 4))
        spread, directions = np.linalg.eigh(covariance)
        root = directions * np.sqrt(np.maximum(spread, 0)) * h
        return cls(mean, root, float(1 / np.sqrt(1 + h**2)))

    def draw(self, donor: Floats, rng: np.random.Generator) -> Floats:
        """One draw near a donor; NaN where the donor's number is not known."""
        noise = self.root @ rng.standard_normal(len(donor))
        drawn: Floats = self.mean + self.shrink * (donor - self.mean + noise)
        return drawn
