"""Sums over subjects with Gaussian noise, made once: what a release of a few numbers promises, and the noise that it takes.

One subject more or less changes the sum by a norm that was chosen without looking (analytic mechanism, Balle & Wang 2018). The sum is
divided by the number of subjects as the user states it, or as it is counted with noise of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.privacy.ledger import LedgerEntry
from synthcmr.privacy.mechanisms import GaussianMechanism, LaplaceMechanism
from synthcmr.training.secret_noise import Secret

Floats = npt.NDArray[np.float64]
COUNT_SHARE = 0.1  # of epsilon, for counting the subjects


@dataclass(frozen=True)
class SumPromise:
    """What a noisy sum may cost, and how many subjects there are where that is public."""

    epsilon: float  # most that is spent
    delta: float  # chance that more is
    subjects_in_cohort: int | None = None  # None: counted with noise

    @property
    def count_epsilon(self) -> float:
        """What counting the subjects costs."""
        return 0.0 if self.subjects_in_cohort is not None else COUNT_SHARE * self.epsilon

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise on each sum, over the most that one subject changes the sums by."""
        return gaussian_noise(1.0, self.epsilon - self.count_epsilon, self.delta)

    def entries(self, artefact: str, counted: str, token: str) -> tuple[LedgerEntry, ...]:
        """As a ledger has them: the noisy sums, and the count.

        Args:
            artefact: what the sums are for.
            counted: whose number is counted, such as "number of real subjects".
            token: of the noise.
        """
        sums = LedgerEntry(artefact, GaussianMechanism(self.sigma), token, self.delta)
        if not self.count_epsilon:
            return (sums,)
        return LedgerEntry(counted, LaplaceMechanism(1 / self.count_epsilon), f"{token}-count"), sums


@dataclass(frozen=True)
class NoisyMean:
    """A mean over subjects that may be released."""

    values: Floats
    noise: float  # standard deviation on each value
    people: int  # as stated, or as counted with noise


def noisy_mean(rows: Floats, sensitivity: float, promise: SumPromise, secret: Secret) -> NoisyMean:
    """The mean of the subjects' numbers, with noise.

    Args:
        rows: (subjects, numbers), each row of a norm of at most `sensitivity`.
        sensitivity: the most that one subject changes the sum by.
        promise: what it may cost.
        secret: of the noise; forgotten afterwards.
    """
    import torch

    stated, cost = promise.subjects_in_cohort, promise.count_epsilon
    count = secret.noisy_count(len(rows), 1 / cost) if stated is None else stated
    spread = promise.sigma * sensitivity
    total = torch.from_numpy(rows.sum(axis=0))
    secret.add_noise([total], spread, 0, 0)
    return NoisyMean(total.numpy() / count, spread / count, count)


def gaussian_noise(sensitivity: float, epsilon: float, delta: float) -> float:
    """The least noise for which the Gaussian mechanism is (epsilon, delta)-private, exactly."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    def spent(log_sigma: float) -> float:
        s = np.exp(log_sigma) / sensitivity
        tail = norm.logcdf(-0.5 / s - epsilon * s) + epsilon
        return float(norm.cdf(0.5 / s - epsilon * s) - np.exp(tail)) - delta

    centre = np.log(sensitivity)
    return float(np.exp(brentq(spent, centre - 12, centre + 12)))
