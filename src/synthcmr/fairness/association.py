"""How strongly two attributes are associated: bias-corrected Cramer's V, with an interval and a corrected p-value."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from synthcmr.statistics.association import association_test
from synthcmr.statistics.permutation import holm

if TYPE_CHECKING:
    import pandas as pd

MIN_SUBJECTS = 20
SIGNIFICANT = 0.05
ASSOCIATED_V = 0.15  # weaker associations are reported, not called a possible shortcut


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
    def is_associated(self) -> bool:
        """Whether chance does not explain it and it is strong enough to matter."""
        return self.v is not None and self.p is not None and self.p < SIGNIFICANT and self.v >= ASSOCIATED_V


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
    v, interval, p = association_test(x, y, shape, rng)
    return Association(a, b, n, v, interval.low, interval.high, p)


def _holm(pairs: list[Association]) -> list[Association]:
    from dataclasses import replace

    tested = [pair for pair in pairs if pair.p is not None]
    corrected = {(pair.a, pair.b): p for pair, p in zip(tested, holm([pair.p or 0.0 for pair in tested]), strict=True)}
    return [replace(pair, p=corrected.get((pair.a, pair.b))) for pair in pairs]
