"""Residual associations between attributes, once the planned subjects are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synthcmr.fairness.association import ASSOCIATED_V
from synthcmr.fairness.planning.crossing import Groups
from synthcmr.fairness.planning.plan_table import PlanRow
from synthcmr.statistics.association import cramers_v

WATCHED = ("sex", "age", "bmi", "vendor")  # against the label, whether planned for or not


@dataclass(frozen=True)
class ResidualAssociation:
    """Two attributes, before and after."""

    a: str
    b: str
    before: float  # Cramer's V among the real subjects, corrected for small samples
    after: float  # among real and planned ones

    @property
    def remains(self) -> bool:
        """Whether one still says something of the other."""
        return self.after >= ASSOCIATED_V


def residual_associations(
    groups: Groups, rows: Sequence[PlanRow], attributes: tuple[str, ...], label: str | None
) -> list[ResidualAssociation]:
    """Every pair of planned attributes, and the label with the usual suspects."""
    pairs = list(combinations(attributes, 2))
    if label is not None and label in groups.table:
        pairs += [(w, label) for w in WATCHED if w in groups.table and w != label]
    results = []
    for a, b in dict.fromkeys(tuple(sorted(pair)) for pair in pairs):
        real: Counter[tuple[str, str]] = Counter(
            (str(x), str(y)) for x, y in groups.table[[a, b]].dropna().itertuples(index=False)
        )
        planned = Counter(
            (groups.group(a, row.attributes[a]), groups.group(b, row.attributes[b]))
            for row in rows
            if a in row.attributes and b in row.attributes
        )
        if len({x for x, _ in real}) > 1 and len({y for _, y in real}) > 1:
            results.append(ResidualAssociation(a, b, _v(real), _v(real + planned)))
    return results


def _v(counts: Counter[tuple[str, str]]) -> float:
    rows, columns = (sorted({cell[k] for cell in counts}) for k in (0, 1))
    return cramers_v(np.array([[counts[r, c] for c in columns] for r in rows], dtype=float))
