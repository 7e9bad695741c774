"""How strongly two attributes are tangled: bias-corrected Cramer's V, with an interval and a corrected p-value."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

MIN_SUBJECTS = 20
DRAWS = 500
SIGNIFICANT = 0.05
TANGLED_V = 0.15  # weaker associations are reported, not called tangled

Table = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Association:
    """Two attributes: V between 0 (independent) and 1 (one tells the other)."""

    a: str
    b: str
    n: int
    v: float | None
    low: float | None
    high: float | None
    p: float | None  # after Holm's correction over all pairs
    refused: str = ""  # why nothing was computed

    @property
    def tangled(self) -> bool:
        """Whether chance does not explain it and it is strong enough to matter."""
        return self.v is not None and self.p is not None and self.p < SIGNIFICANT and self.v >= TANGLED_V


def cramers_v(table: Table, corrected: bool = True) -> float:
    """Cramer's V of a contingency table; `corrected` removes its upward bias in small samples (Bergsma 2013)."""
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


def associations(groups: pd.DataFrame, seed: int = 0) -> list[Association]:
    """V of every pair of attributes, strongest first."""
    pairs = [_pair(groups, a, b, seed) for a, b in combinations(groups.columns, 2)]
    return sorted(_holm(pairs), key=lambda x: -(x.v if x.v is not None else -1.0))


def _pair(groups: pd.DataFrame, a: str, b: str, seed: int) -> Association:
    both = groups[[a, b]].dropna()
    n = len(both)
    if n < MIN_SUBJECTS:
        return Association(
            a, b, n, None, None, None, None, f"{n} subjects have both; at least {MIN_SUBJECTS} are needed"
        )
    x, y = (np.unique(both[k].astype(str), return_inverse=True)[1] for k in (a, b))
    if x.max() == 0 or y.max() == 0:
        return Association(a, b, n, None, None, None, None, "one of the two has a single group")
    shape = (int(x.max()) + 1, int(y.max()) + 1)
    rng = np.random.default_rng(np.random.SeedSequence([seed, *f"{a}|{b}".encode()]))
    draws = [cramers_v(_crossed(x[i], y[i], shape)) for i in rng.integers(n, size=(DRAWS, n))]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Association(
        a, b, n, cramers_v(_crossed(x, y, shape)), float(low), float(high), _permutation_p(x, y, shape, rng)
    )


def _crossed(x: npt.NDArray[np.intp], y: npt.NDArray[np.intp], shape: tuple[int, int]) -> Table:
    return np.bincount(x * shape[1] + y, minlength=shape[0] * shape[1]).reshape(shape).astype(float)


def _permutation_p(
    x: npt.NDArray[np.intp], y: npt.NDArray[np.intp], shape: tuple[int, int], rng: np.random.Generator
) -> float:
    """Exact under independence, also where cells are too small for chi-squared; refined by chi-squared far in the tail."""
    from scipy.stats import chi2_contingency

    seen = cramers_v(_crossed(x, y, shape), corrected=False)
    beaten = sum(
        cramers_v(_crossed(x, rng.permutation(y), shape), corrected=False) >= seen - 1e-12 for _ in range(DRAWS)
    )
    if beaten:
        return (1 + beaten) / (1 + DRAWS)
    return float(min(1 / (1 + DRAWS), chi2_contingency(_crossed(x, y, shape) + 1e-12).pvalue))


def _holm(pairs: list[Association]) -> list[Association]:
    from dataclasses import replace

    tested = sorted((p for p in pairs if p.p is not None), key=lambda p: p.p or 0.0)
    corrected, worst = {}, 0.0
    for k, pair in enumerate(tested):
        worst = max(worst, min(1.0, (pair.p or 0.0) * (len(tested) - k)))
        corrected[pair.a, pair.b] = worst
    return [replace(p, p=corrected.get((p.a, p.b))) for p in pairs]
