"""From a target to a number for every cell: exact, in whole subjects."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from synthcmr.errors import SettingsError
from synthcmr.fairness.cells import in_words
from synthcmr.fairness.planning.crossing import Cell, Crossing
from synthcmr.fairness.planning.target import MAX_ROWS, Reference, Target

NAMED = 3


def cell_totals(target: Target, crossing: Crossing) -> dict[Cell, int]:
    """How many subjects, real and synthetic together, every cell shall have; never fewer than it has.

    Args:
        target: any but copies.
        crossing: of the counted subjects.

    Raises:
        SettingsError: the target cannot be reached by adding subjects.
    """
    real = crossing.counts()
    if target.kind == "parity":
        totals = _parity(target, crossing, real)
    elif target.kind == "match" and target.reference is not None:
        totals = _match(target.reference, crossing, real)
    elif target.kind == "make":
        totals = {cell: n + int(target.number or 0) for cell, n in real.items()}
    elif target.kind == "total":
        totals = _fixed(crossing, real, int(target.number or 0))
    else:
        totals = _equal(crossing, real)
    rows = sum(totals.values()) - sum(real[cell] for cell in totals)
    if rows > MAX_ROWS:
        raise SettingsError(
            f"--target: {target.text} needs {rows} synthetic subjects; at most {MAX_ROWS} can be planned: cross fewer attributes"
        )
    return totals


def _equal(crossing: Crossing, real: dict[Cell, int]) -> dict[Cell, int]:
    if len(real) < 2:
        raise SettingsError(
            f"--target equal: expected at least two cells to make equal, but all {sum(real.values())} subjects are of one: "
            f"{in_words(crossing.attributes, next(iter(real)))}"
        )
    return dict.fromkeys(real, max(real.values()))


def _fixed(crossing: Crossing, real: dict[Cell, int], number: int) -> dict[Cell, int]:
    over = {cell: n for cell, n in real.items() if n > number}
    if over:
        raise SettingsError(
            f"--target total: expected a total of at least {max(over.values())}, got {number}; {_some(crossing, over)}, "
            "and a plan removes no subject"
        )
    return dict.fromkeys(real, number)


def _parity(target: Target, crossing: Crossing, real: dict[Cell, int]) -> dict[Cell, int]:
    """Every group as large as its most over-represented label demands: N_g = max over d of n_gd / p_d."""
    labels = sorted({cell[-1] for cell in real})
    groups = [g for g in dict.fromkeys(cell[:-1] for cell in real) if any(real[(*g, d)] for d in labels)]
    if len(labels) < 2 or len(groups) < 2:
        what, few = (
            ("labels", labels)
            if len(labels) < 2
            else ("groups", [in_words(crossing.attributes[:-1], g) for g in groups])
        )
        raise SettingsError(
            f"--target parity: expected at least two {what} among the counted subjects, got one: {few[0]}"
        )
    n = sum(real.values())
    share = {d: Fraction(sum(real[(*g, d)] for g in groups), n) for d in labels}
    size = {g: max(real[(*g, d)] / share[d] for d in labels) for g in groups}
    return {(*g, d): max(real[(*g, d)], round(share[d] * size[g])) for g in groups for d in labels}


def _match(reference: Reference, crossing: Crossing, real: dict[Cell, int]) -> dict[Cell, int]:
    wanted = _placed(reference, crossing, real)
    absent = {cell: n for cell, n in real.items() if n and not wanted.get(cell)}
    if absent:
        raise SettingsError(
            f"--target match: {_some(crossing, absent)}, of which the reference has none; a plan removes no subject: "
            "give these cells a share, or leave the subjects out of the cohort"
        )
    if reference.amount == "share":
        size = max(n / wanted[cell] for cell, n in real.items() if n)
        return {cell: max(real[cell], round(share * size)) for cell, share in wanted.items()}
    over = {cell: real[cell] for cell, count in wanted.items() if real[cell] > count}
    if over:
        raise SettingsError(
            f"--target match: {_some(crossing, over)}, more than the reference's count; a plan removes no subject"
        )
    return {cell: int(count) for cell, count in wanted.items()}


def _placed(reference: Reference, crossing: Crossing, real: dict[Cell, int]) -> dict[Cell, Fraction]:
    """The reference's cells that are wanted or occupied; its groups must be the cohort's."""
    observed = [{cell[k] for cell in real} for k in range(len(crossing.attributes))]
    wanted = {}
    for cell, amount in reference.cells.items():
        strange = [k for k, group in enumerate(cell) if group not in observed[k]]
        if strange and amount:
            name, group = crossing.attributes[strange[0]], cell[strange[0]]
            raise SettingsError(
                f"--target match: no subject that is counted is '{group}' ({name}), so no subject can be drawn after; "
                f"there are: {', '.join(sorted(observed[strange[0]]))}"
            )
        if not strange:
            wanted[cell] = amount
    return wanted


def _some(crossing: Crossing, counts: Mapping[Cell, int]) -> str:
    """Cells with what they have already, in words."""
    listed = sorted(counts, key=lambda cell: -counts[cell])
    text = "; ".join(f"{in_words(crossing.attributes, cell)}: {counts[cell]}" for cell in listed[:NAMED])
    return f"the cohort has subjects ({text}{'; ...' if len(listed) > NAMED else ''})"
