r"""From guesses about canaries in one run to a lower bound on epsilon (Steinke, Nasr, Jagielski: one-run auditing, 2023).

Each of m canaries was included with chance one half. An auditor guesses r of them, and v guesses are right. Under (epsilon, delta)-DP,
v exceeds a binomial with chance q = e^epsilon / (1 + e^epsilon) hardly more often than delta allows (their theorem 5.2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.config import Settings

CONFIDENCE = 0.95
MOST = 50.0  # no bound above is told
STEPS = 40  # of the bisection


class Audit(Settings):
    """A claimed epsilon beside what canaries prove."""

    claimed: float
    delta: float
    bound: float  # epsilon is at least this, with a confidence of 95 %
    canaries: int
    guesses: int
    right: int
    could_show: float  # the bound, had every guess been right: no larger epsilon can be told by so many canaries

    @property
    def exposed(self) -> bool:
        """Whether the claim is false."""
        return self.bound > self.claimed

    @property
    def told(self) -> str:
        """In a sentence."""
        if self.exposed:
            return (
                f"epsilon is at least {self.bound:.2f}, the run claims {self.claimed:g}: it does not keep its promise"
            )
        if self.could_show <= self.claimed:
            return f"{self.canaries} canaries can show at most {self.could_show:.2f}, too few to test a claim of {self.claimed:g}"
        return f"canaries prove no more than epsilon = {self.bound:.2f}, within the claim of {self.claimed:g}"


def audit(
    scores: npt.NDArray[np.floating], included: npt.NDArray[np.bool_], claimed: float, delta: float, share: float = 0.5
) -> Audit:
    """Guess that the highest scores were included and the lowest were not.

    Args:
        scores: of every canary, higher where the run looks as if it had been included.
        included: what was decided by fair coins.
        claimed: epsilon.
        delta: of the claim.
        share: of the canaries that are guessed, fixed before anything is seen.
    """
    each = max(1, int(len(scores) * share / 2))
    order = np.argsort(scores, kind="stable")
    right = int(included[order[-each:]].sum() + (~included[order[:each]]).sum())
    m, r = len(scores), 2 * each
    return Audit(
        claimed=claimed,
        delta=delta,
        bound=lower_bound(m, r, right, delta),
        canaries=m,
        guesses=r,
        right=right,
        could_show=lower_bound(m, r, r, delta),
    )


def lower_bound(m: int, r: int, v: int, delta: float) -> float:
    """The largest epsilon that v right guesses of r, about m canaries, rule out."""
    if p_value(m, r, v, 0.0, delta) > 1 - CONFIDENCE:
        return 0.0
    low, high = 0.0, MOST
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(m, r, v, middle, delta) <= 1 - CONFIDENCE else (low, middle)
    return low


def p_value(m: int, r: int, v: int, epsilon: float, delta: float) -> float:
    """Most chance of v or more right guesses, if the run is (epsilon, delta)-DP."""
    from scipy.stats import binom

    q = 1 / (1 + np.exp(-epsilon))
    i = np.arange(1, v + 1)
    alpha = float((np.cumsum(binom.pmf(v - i, r, q)) / i).max(initial=0.0))
    return min(1.0, float(binom.sf(v - 1, r, q)) + 2 * m * delta * alpha)
