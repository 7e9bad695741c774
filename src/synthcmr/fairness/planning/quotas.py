"""How many rows every cell gets when not all that a target needs may be made: exact arithmetic, in whole rows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from synthcmr.errors import SettingsError


def quotas(real: Sequence[int], totals: Sequence[int], most: Sequence[int], budget: int | None) -> list[int]:
    """Rows per cell.

    With a budget the emptiest cells come first: all are raised to one level, the same share of their totals, and those
    that have more already get nothing.

    Args:
        real: subjects that are there.
        totals: subjects that there shall be.
        most: rows that a cell may get at most, none more than it lacks.
        budget: rows in all; None for as many as are needed.
    """
    if budget is None or sum(most) <= budget:
        return list(most)
    share = level(real, totals, most, budget)
    return whole([_rows(share, *cell) for cell in zip(real, totals, most, strict=True)], budget)


def level(real: Sequence[int], totals: Sequence[int], most: Sequence[int], budget: int) -> Fraction:
    """The share of its total to which every cell is raised, so that exactly `budget` rows are needed.

    What is needed grows in straight pieces between the shares at which a cell begins to get rows and has all it may get.
    """
    cells = [cell for cell in zip(real, totals, most, strict=True) if cell[2]]
    bends = sorted({Fraction(x, t) for n, t, m in cells for x in (n, n + m)})
    low, high = 0, len(bends) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _needed(bends[middle], cells) <= budget else (low, middle)
    a, b = bends[low], bends[high]
    at_a, at_b = _needed(a, cells), _needed(b, cells)
    return a + (b - a) * (budget - at_a) / (at_b - at_a)


def whole(shares: Sequence[Fraction], total: int) -> list[int]:
    """Whole numbers that add up to `total`, each within one of its share: the largest remainders are rounded up."""
    floors = [int(share) for share in shares]
    order = sorted(range(len(shares)), key=lambda k: floors[k] - shares[k])
    for k in order[: total - sum(floors)]:
        floors[k] += 1
    return floors


def most_rows(real: int, total: int, cap: float | None) -> int:
    """What a cell lacks, or what a cap leaves of it."""
    lacks = max(0, total - real)
    return lacks if cap is None else min(lacks, int(Fraction(str(cap)) * real))


def proportional(weights: Sequence[Fraction], total: int) -> list[int]:
    """Rows in proportion to weights."""
    whole_weight = sum(weights)
    if not whole_weight:
        raise SettingsError("--target copy: nobody is left to copy")
    return whole([total * w / whole_weight for w in weights], total)


def _needed(share: Fraction, cells: Sequence[tuple[int, int, int]]) -> Fraction:
    return sum((_rows(share, *cell) for cell in cells), Fraction(0))


def _rows(share: Fraction, real: int, total: int, most: int) -> Fraction:
    return min(Fraction(most), max(Fraction(0), share * total - real))
