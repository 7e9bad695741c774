"""From the totals that a target wants to the rows that the limits, the cohort and medicine allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from synthcmr.fairness.planning.copies import copies
from synthcmr.fairness.planning.crossing import Cell, Crossing, Groups
from synthcmr.fairness.planning.donor_selection import Donor
from synthcmr.fairness.planning.medicine import cell_contradicts
from synthcmr.fairness.planning.plan_table import PlannedCell
from synthcmr.fairness.planning.quotas import most_rows, quotas
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.fairness.planning.target import Target
from synthcmr.fairness.planning.totals import cell_totals

NOBODY = "nobody to draw after"
NOBODY_MASKED = "no subject with masks of all structures at ED and ES, which --masks needs"


@dataclass(frozen=True)
class Settled:
    """Cells with their rows, and after whom these are drawn."""

    cells: tuple[PlannedCell, ...]
    pools: Mapping[Cell, Sequence[Donor]]
    needed: int  # rows, had there been no budget


def settle(
    target: Target,
    crossing: Crossing,
    groups: Groups,
    settings: PlanSettings,
    pool: Callable[[Cell, Sequence[int]], Sequence[Donor]],
) -> Settled:
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
            refused[cell] = NOBODY if settings.masks == "generated" else NOBODY_MASKED
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
    return Settled(tuple(cells), pools, sum(most))


def _totals(target: Target, crossing: Crossing, settings: PlanSettings) -> dict[Cell, int]:
    if target.kind != "copy":
        totals = cell_totals(target, crossing)
        return {c: t for c, t in totals.items() if t}
    number = len(crossing.of) if target.number is None else target.number
    made = copies(crossing, min(number, settings.budget or number), settings)
    return {cell: n + made[cell] for cell, n in crossing.counts().items()}


def _contradicts(crossing: Crossing, groups: Groups, cell: Cell) -> str:
    return cell_contradicts(dict(zip(crossing.attributes, cell, strict=True)), groups.bins.get("age"))


def _note(real: int, rows: int, floor: int) -> str:
    return f"{_people(real)}: a generator that saw no more invents" if rows and real < floor else ""


def _people(count: int) -> str:
    return f"{count or 'no'} real subject{'' if count == 1 else 's'}"
