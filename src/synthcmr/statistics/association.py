"""How strongly two attributes are associated: Cramér's V, with bias correction, interval and p-value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.statistics.intervals import Interval, percentile
from synthcmr.statistics.permutation import permutation_p

DRAWS = 500
Table = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]


def cramers_v(table: Table, corrected: bool = True) -> float:
    """Cramér's V of a contingency table; `corrected` removes its upward bias in small samples (Bergsma 2013)."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n, (r, c) = table.sum(), table.shape
    if min(r, c) < 2:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / n
    phi2 = float(((table - expected) ** 2 / expected).sum() / n)
    if not corrected:
        return float(np.sqrt(phi2 / (min(r, c) - 1)))
    phi2 = max(0.0, phi2 - (r - 1) * (c - 1) / (n - 1))
    smaller = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1))
    return float(min(1.0, np.sqrt(phi2 / (smaller - 1)))) if smaller > 1 else 0.0


def contingency(x: Codes, y: Codes, shape: tuple[int, int]) -> Table:
    """How often each pair of codes occurs."""
    return np.bincount(x * shape[1] + y, minlength=shape[0] * shape[1]).reshape(shape).astype(float)


def association_test(
    x: Codes, y: Codes, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[float, Interval, float]:
    """Corrected V, its 95 % interval over subjects, and the p-value of independence.

    The p-value is exact, also where cells are too small for chi-squared, which refines it far in the tail.
    """
    from scipy.stats import chi2_contingency

    n = len(x)
    draws = [cramers_v(contingency(x[i], y[i], shape)) for i in rng.integers(n, size=(DRAWS, n))]
    table = contingency(x, y, shape)
    p = permutation_p(x, y, lambda a, b: cramers_v(contingency(a, b, shape), corrected=False), DRAWS, rng)
    if p <= 1 / (1 + DRAWS):
        p = float(min(p, chi2_contingency(table + 1e-12).pvalue))
    return cramers_v(table), percentile(draws), p
