r"""The mechanisms that a statement names, audited by canaries in one run, by their whole trade-off curve (Mahloujifar et al. 2025).

Epsilon at one delta is one point of what a mechanism allows, and for Gaussian noise a poor one: half of the noise that was promised stays
hidden behind it. The curve says all: an event of chance x without a subject has at most chance $\bar f(x)$ with it. Each of m canaries
was included with chance one half, and an auditor makes r guesses. If exactly i of them are right with chance $p_i$, then, for every a,

$$\sum_{i \ge a} \tfrac{i}{m} p_i \le \bar f\Big(\sum_{i \ge a} \tfrac{r - i + 1}{m} p_{i-1}\Big),$$

as whoever flips the coin of a canary turns a right guess about it into a wrong one. How likely v or more right guesses can be follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synthcmr.privacy.mechanisms import GaussianMechanism, Mechanism

Floats = npt.NDArray[np.float64]
EPSILONS = np.concatenate([np.linspace(0, 1, 41), np.geomspace(1.05, 30, 60)])  # at which a curve is known
BISECTIONS = 30
CONFIDENCE = 0.95
LEAST_NOISE = 1 / 64  # of what was stated: less of it is as good as none


@dataclass(frozen=True)
class PrivacyCurve:
    """What a composition of mechanisms allows, from delta at several epsilons."""

    epsilons: Floats
    deltas: Floats

    @classmethod
    def of(cls, mechanisms: Sequence[Mechanism]) -> PrivacyCurve:
        """Adding or removing a subject: of Gaussian noise on sums of everybody in closed form, else by dp-accounting."""
        of_everybody = [one for one in mechanisms if isinstance(one, GaussianMechanism) and one.q == 1]
        if len(of_everybody) == len(mechanisms):
            return cls(EPSILONS, _gaussian_deltas(sum(one.releases / one.sigma**2 for one in of_everybody) ** 0.5))
        from synthcmr.privacy.accountant import deltas_by_loss_distribution

        return cls(EPSILONS, np.array(deltas_by_loss_distribution(mechanisms, EPSILONS.tolist())))

    def most_with(self, chance: Floats) -> Floats:
        """The most chance, with a subject, of events that have some chance without, or the other way round."""
        x = np.asarray(chance, dtype=np.float64)[..., None]
        grown = np.exp(self.epsilons) * x + self.deltas
        of_complement = 1 - np.exp(-self.epsilons) * (1 - self.deltas - x)
        return np.minimum(np.minimum(grown, of_complement).min(axis=-1), 1.0)

    def most_apart(self) -> float:
        """The most that the chance of any event can differ by: total variation, delta at epsilon 0."""
        return float(self.deltas[self.epsilons == 0][0])

    def least_without(self, chance: float) -> float:
        """The least chance without a subject of an event that has some chance with it: `most_with`, inverted."""
        if chance <= 0:
            return 0.0
        grown = (chance - self.deltas) * np.exp(-self.epsilons)
        of_complement = 1 - self.deltas - (1 - chance) * np.exp(self.epsilons)
        return float(max(grown.max(), of_complement.max(), 0.0))


def _gaussian_deltas(mu: float) -> Floats:
    """Of a Gaussian with this distance between neighbours, in standard deviations (Balle & Wang 2018)."""
    from scipy.stats import norm

    below = norm.cdf(mu / 2 - EPSILONS / mu)
    return np.asarray(below - np.exp(EPSILONS + norm.logcdf(-mu / 2 - EPSILONS / mu)), dtype=np.float64)


def chance_at_most(curve: PrivacyCurve, canaries: int, guesses: int, right: int) -> float:
    """The most chance of so many right guesses or more under a curve.

    Args:
        curve: what the mechanisms allow.
        canaries: each included with chance one half.
        guesses: about some of them.
        right: of the guesses.
    """
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _possible(curve, canaries, guesses, right, middle) else (low, middle)
    return high


def _possible(curve: PrivacyCurve, canaries: int, guesses: int, right: int, chance: float) -> bool:
    """Whether `right` guesses or more may be right with some chance: what that needs of fewer right guesses must not exceed 1."""
    correct = chance * right / canaries  # a random canary is guessed, rightly, and at least i guesses are right
    wrong = chance * (guesses - right) / canaries
    for i in range(right - 1, -1, -1):
        needed = max(curve.least_without(correct), wrong)
        correct += i / (guesses - i) * (needed - wrong)
        wrong = needed
        if correct + wrong > guesses / canaries:
            return False
    return True


@dataclass(frozen=True)
class CurveAudit:
    """What canaries say of stated mechanisms."""

    canaries: int
    guesses: int
    right: int
    chance: float  # at most, of so many right guesses, if the statement is true
    noise_at_most: float  # of the stated noise, at a confidence of 95 %; 1 where nothing speaks against the statement

    @property
    def exposed(self) -> bool:
        """Whether the statement is false, at a confidence of 95 %."""
        return self.noise_at_most < 1


def audit_mechanisms(
    mechanisms: Sequence[GaussianMechanism],
    scores: npt.NDArray[np.floating],
    included: npt.NDArray[np.bool_],
    share: float = 1.0,
) -> CurveAudit:
    """Guess canaries by their scores, and ask how much noise there can have been.

    Args:
        mechanisms: as the statement has them.
        scores: higher where a canary looks included; 0 where nothing says so.
        included: what was decided by fair coins.
        share: of the canaries that are guessed: those whose scores are farthest from the middle.
    """
    guessed = np.argsort(-np.abs(scores), kind="stable")[: max(1, round(share * len(scores)))]
    right = int(((scores[guessed] > 0) == included[guessed]).sum())
    m, r = len(scores), len(guessed)
    chance = chance_at_most(PrivacyCurve.of(mechanisms), m, r, right)
    return CurveAudit(m, r, right, chance, noise_at_most(mechanisms, m, r, right) if chance < 1 - CONFIDENCE else 1.0)


def noise_at_most(mechanisms: Sequence[GaussianMechanism], canaries: int, guesses: int, right: int) -> float:
    """The largest share of the stated noise that so many right guesses rule out; with more of it they are too unlikely."""
    low, high = np.log(LEAST_NOISE), 0.0
    for _ in range(8):
        middle = (low + high) / 2
        less = [replace(one, sigma=one.sigma * float(np.exp(middle))) for one in mechanisms]
        unlikely = not _possible(PrivacyCurve.of(less), canaries, guesses, right, 1 - CONFIDENCE)
        low, high = (low, middle) if unlikely else (middle, high)
    return float(np.exp(high))
