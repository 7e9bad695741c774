"""What a reader of a plan must know: who was counted, what limits bound, what was refused."""

from __future__ import annotations

from collections.abc import Sequence

from synthcmr.fairness.planning.plan_table import PlannedCell
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.fairness.planning.target import Target

NAMED = 6
LEVELS = {"mid": "mid-ventricular", "basal": "basal", "apical": "apical"}


def unit(settings: PlanSettings) -> str:
    """What one row is; counts of subjects and of images must not be confused."""
    generated = (
        "a whole ED+ES stack" if settings.level == "whole" else f"one {LEVELS[settings.level]} slice at ED and ES"
    )
    return f"Each row of the plan makes one synthetic subject ({generated}). All numbers count subjects, not images."


def remarks(
    target: Target,
    settings: PlanSettings,
    cells: Sequence[PlannedCell],
    needed: int,
    unknown: int,
    attributes: tuple[str, ...],
    rounded: Sequence[str] = (),
) -> list[str]:
    """Sentences on what the plan leaves out or short, and on what is doubtful."""
    results = []
    if unknown:
        results.append(f"Not counted: {_subjects(unknown)} without a value of {' or '.join(attributes)}.")
    results += _budget(target, settings, cells, needed)
    capped = [c for c in cells if settings.cap and not c.refused and c.target > c.real + int(settings.cap * c.real)]
    if capped:
        results.append(f"--cap {settings.cap:g} keeps {_cells(capped)} below the target: {_named(capped)}.")
    refused = [c for c in cells if c.refused]
    if refused:
        results.append(f"Left out: {'; '.join(f'{c.words} ({c.refused})' for c in refused[:NAMED])}{_more(refused)}.")
    few = [c for c in cells if c.note]
    if few:
        results.append(
            f"Planned from fewer than {settings.floor} real subjects, so that a generator extrapolates: "
            f"{'; '.join(f'{c.words} ({c.real})' for c in few[:NAMED])}{_more(few)}. --below-floor refuse leaves such cells out."
        )
    if rounded:
        results.append(
            "No subject planned, because the share of so small a group is less than half a subject of the label: "
            f"{'; '.join(rounded[:NAMED])}{_more(rounded)}."
        )
    if not sum(c.planned for c in cells) and not any(c.short for c in cells):
        results.append("The cohort is at its target already: nothing has to be generated.")
    return results


def _budget(target: Target, settings: PlanSettings, cells: Sequence[PlannedCell], needed: int) -> list[str]:
    generated = sum(c.planned for c in cells)
    if settings.budget is None:
        return []
    if target.kind == "copy":
        number = target.number or sum(c.real for c in cells)
        return (
            [f"--budget {settings.budget}: {settings.budget} of {number} copies."] if number > settings.budget else []
        )
    if generated == needed:
        return []
    raised = [c for c in cells if c.planned]
    share = sum(c.real + c.planned for c in raised) / max(1, sum(c.target for c in raised))
    return [
        f"--budget {settings.budget} makes {generated} of the {needed} subjects that the target needs. The emptiest cells are filled "
        f"to about {100 * share:.0f} % of their targets."
    ]


def _cells(cells: Sequence[PlannedCell]) -> str:
    return f"{len(cells)} cell{'s' if len(cells) > 1 else ''}"


def _named(cells: Sequence[PlannedCell]) -> str:
    return "; ".join(f"{c.words} ({c.short} missing)" for c in cells[:NAMED]) + _more(cells)


def _more(cells: Sequence[object]) -> str:
    return f"; and {len(cells) - NAMED} more" if len(cells) > NAMED else ""


def _subjects(count: int) -> str:
    return f"{count} subject{'s' if count > 1 else ''}"
