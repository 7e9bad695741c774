"""A synthetic copy of a cohort: whose attributes are copied, and how often."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from synthcmr.fairness.planning.crossing import UNKNOWN, Cell, Crossing
from synthcmr.fairness.planning.settings import PlanSettings

COUNTED_BY = ("sex", "diagnosis")  # where nothing is weighted, cells are for the reader alone
WEIGHTED_BY = ("sex", "age", "bmi", "diagnosis")


def copies(crossing: Crossing, number: int | None, settings: PlanSettings) -> dict[Cell, int]:
    """How many copies are made of the subjects of every cell.

    Within a cell all have one weight, so its subjects are copied equally often, to one.
    """
    from synthcmr.fairness.planning.quotas import proportional

    counts = crossing.counts()
    asked = number if number is not None else sum(counts.values())
    weights = cell_weights(crossing, settings)
    rows = proportional([counts[cell] * weights[cell] for cell in counts], asked)
    return dict(zip(counts, rows, strict=True))


def cell_weights(crossing: Crossing, settings: PlanSettings) -> dict[Cell, Fraction]:
    """The weight of every subject of a cell.

    `cell`: the mean size of cells over its own size. `value`: the product, over attributes, of the mean size of the
    attribute's groups over the size of its own. Each factor is at most the cap. A value that is not known weighs 1.
    """
    counts = crossing.counts()
    cap = Fraction(str(settings.weight_cap))
    if settings.weights == "cell":
        mean = Fraction(sum(counts.values()), len(counts))
        return {cell: min(mean / n, cap) for cell, n in counts.items()}
    weights = dict.fromkeys(counts, Fraction(1))
    if settings.weights == "none":
        return weights
    for k in range(len(crossing.attributes)):
        sizes: Counter[str] = Counter()
        for cell, n in counts.items():
            sizes[cell[k]] += n
        sizes.pop(UNKNOWN, None)
        mean = Fraction(sum(sizes.values()), max(1, len(sizes)))
        weights = {c: w * (min(mean / sizes[c[k]], cap) if c[k] in sizes else 1) for c, w in weights.items()}
    return weights
