"""Exact intervals of proportions."""

from __future__ import annotations

from synthcmr.statistics.intervals import LEVEL, Estimate


def exact_share(hits: int, n: int, level: float = LEVEL) -> Estimate:
    """A share with the interval of Clopper and Pearson."""
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(level, method="exact")
    return Estimate(hits / n, float(interval.low), float(interval.high))
