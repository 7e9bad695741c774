"""From the totals that a target wants, or the copies that are asked for, to the whole rows that limits, cohort and medicine allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from synthcmr.errors import SettingsError
from synthcmr.fairness.planning.crossing import UNKNOWN, Cell, Crossing, Groups
from synthcmr.fairness.planning.impossible_combinations import cell_contradicts
from synthcmr.fairness.planning.plan_table import PlannedCell
from synthcmr.fairness.planning.rows import Donor
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.fairness.planning.target import Target, cell_totals


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
        raise SettingsError("--target copy: no subject is left to copy")
    return whole([total * w / whole_weight for w in weights], total)


def _needed(share: Fraction, cells: Sequence[tuple[int, int, int]]) -> Fraction:
    return sum((_rows(share, *cell) for cell in cells), Fraction(0))


def _rows(share: Fraction, real: int, total: int, most: int) -> Fraction:
    return min(Fraction(most), max(Fraction(0), share * total - real))


COUNTED_BY = ("sex", "diagnosis")  # where nothing is weighted, cells are for the reader alone
WEIGHTED_BY = ("sex", "age", "bmi", "diagnosis")


def copies(crossing: Crossing, number: int | None, settings: PlanSettings) -> dict[Cell, int]:
    """How many copies there are of the subjects of every cell.

    Within a cell all have one weight, so its subjects are copied equally often, to one.
    """
    counts = crossing.counts()
    total = number if number is not None else sum(counts.values())
    weights = cell_weights(crossing, settings)
    rows = proportional([counts[cell] * weights[cell] for cell in counts], total)
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


NO_DONOR = "no subject to draw after"
NO_MASKED_DONOR = "no subject with masks of all structures at ED and ES, which --masks needs"


@dataclass(frozen=True)
class Allocation:
    """Cells with their rows, and after whom these are drawn."""

    cells: tuple[PlannedCell, ...]
    pools: Mapping[Cell, Sequence[Donor]]
    needed: int  # rows, had there been no budget


def allocate_cells(
    target: Target,
    crossing: Crossing,
    groups: Groups,
    settings: PlanSettings,
    pool: Callable[[Cell, Sequence[int]], Sequence[Donor]],
) -> Allocation:
    """Decide how many rows every cell gets.

    Args:
        target: what is wanted.
        crossing: its cells.
        groups: how attributes form them.
        settings: limits.
        pool: donors of a cell, given the positions of its subjects.
    """
    real, members = crossing.counts(), crossing.members()
    refused = {cell: _contradicts(crossing, groups, cell) for cell in crossing.cells}
    totals = _totals(target, crossing, settings)
    pools: dict[Cell, Sequence[Donor]] = {}
    for cell, total in totals.items():
        if total <= real[cell] or refused[cell]:
            continue
        if real[cell] < settings.floor and settings.below_floor == "refuse":
            refused[cell] = f"{_people(real[cell])}, fewer than --floor {settings.floor}"
            continue
        pools[cell] = pool(cell, members[cell])
        if not pools[cell]:
            refused[cell] = NO_DONOR if settings.masks == "generated" else NO_MASKED_DONOR
    chosen = list(totals)
    most = [most_rows(real[c], totals[c], settings.cap) if not refused[c] else 0 for c in chosen]
    budget = None if target.kind == "copy" else settings.budget
    planned = quotas([real[c] for c in chosen], [totals[c] for c in chosen], most, budget)
    cells = [
        PlannedCell(
            dict(zip(crossing.attributes, cell, strict=True)),
            real[cell],
            totals[cell],
            rows,
            refused[cell] if totals[cell] > real[cell] else "",
            _note(real[cell], rows, settings.floor),
        )
        for cell, rows in zip(chosen, planned, strict=True)
    ]
    return Allocation(tuple(cells), pools, sum(most))


def _totals(target: Target, crossing: Crossing, settings: PlanSettings) -> dict[Cell, int]:
    if target.kind != "copy":
        totals = cell_totals(target, crossing)
        return {c: t for c, t in totals.items() if t}
    number = len(crossing.of) if target.number is None else target.number
    generated = copies(crossing, min(number, settings.budget or number), settings)
    return {cell: n + generated[cell] for cell, n in crossing.counts().items()}


def _contradicts(crossing: Crossing, groups: Groups, cell: Cell) -> str:
    return cell_contradicts(dict(zip(crossing.attributes, cell, strict=True)), groups.bins.get("age"))


def _note(real: int, rows: int, floor: int) -> str:
    return f"{_people(real)}: a generator extrapolates" if rows and real < floor else ""


def _people(count: int) -> str:
    return f"{count or 'no'} real subject{'' if count == 1 else 's'}"
