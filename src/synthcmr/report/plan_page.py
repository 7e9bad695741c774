"""A plan as one offline HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthcmr.fairness.planning.plan_folder import PAGE_FILE, Plan
from synthcmr.fairness.planning.plan_table import PlannedCell, PlanRow
from synthcmr.fairness.planning.remarks import unit
from synthcmr.report.single_file_page import write_page

SHOWN_CELLS, SHOWN_ROWS = 200, 20
NOTICED_V = 0.05  # smaller changes of an association are those of rounding to whole subjects


def write_plan_page(plan: Plan, folder: Path) -> Path:
    """Write FOLDER/plan.html; it needs no network and nothing beside it."""
    shown = sorted(plan.cells, key=lambda c: (-c.planned, -c.short, c.words))[:SHOWN_CELLS]
    return write_page(
        folder / PAGE_FILE,
        "plan",
        plan=plan,
        unit=unit(plan.settings),
        lead=lead(plan),
        cells=[c for c in plan.cells if c in shown],
        largest=max((max(c.target, c.real + c.planned) for c in plan.cells), default=1) or 1,
        refused=[c for c in plan.cells if c.refused],
        limits=_limits(plan),
        margins=margins(plan.cells),
        rows=_sample(plan.rows),
    )


def lead(plan: Plan) -> list[str]:
    """What the plan comes to, in sentences."""
    real, planned = sum(c.real for c in plan.cells), len(plan.rows)
    short = sum(c.short for c in plan.cells)
    sentences = [f"{planned} synthetic subjects are planned beside {real} real ones, in {len(plan.cells)} cells."]
    if short:
        sentences.append(
            f"The target is not fully reached: {short} subject{'s' if short > 1 else ''} missing. The notes give the reasons."
        )
    else:
        sentences.append("The target is reached." if planned else "The cohort is at its target already.")
    return [*sentences, *_still_associated(plan), *_newly_associated(plan)]


def _still_associated(plan: Plan) -> list[str]:
    """Attributes that still predict the label, and what may be done about it."""
    others = {
        t.b if t.a == plan.label else t.a: t
        for t in plan.residual_associations
        if t.remains and plan.label in (t.a, t.b)
    }
    if not others:
        return []
    text = ", ".join(f"{name} (V {t.before:.2f} before, {t.after:.2f} after)" for name, t in others.items())
    new = [name for name in others if name not in plan.attributes]
    advice = f"Add {', '.join(new)} to --target, or evaluate" if new else "Evaluate"
    return [
        f"Still associated with {plan.label} after the plan (possible shortcut): {text}. {advice} models on each group separately."
    ]


def _newly_associated(plan: Plan) -> list[str]:
    """Pairs of other attributes whose association the planned subjects increase."""
    worse = [
        t
        for t in plan.residual_associations
        if plan.label not in (t.a, t.b) and t.remains and t.after > t.before + NOTICED_V
    ]
    text = ", ".join(f"{t.a} and {t.b} (V {t.before:.2f} before, {t.after:.2f} after)" for t in worse)
    return (
        [
            f"The plan increases an association that the target does not name: {text}; equal:{','.join(plan.attributes)} would not."
        ]
        if text
        else []
    )


def margins(cells: tuple[PlannedCell, ...]) -> dict[str, list[dict[str, Any]]]:
    """Before and after of every group of every planned attribute."""
    by_attribute: dict[str, dict[str, dict[str, Any]]] = {}
    for cell in cells:
        for name, group in cell.groups.items():
            row = by_attribute.setdefault(name, {}).setdefault(group, {"group": group, "real": 0, "planned": 0})
            row["real"] += cell.real
            row["planned"] += cell.planned
    return {name: list(groups.values()) for name, groups in by_attribute.items()}


def _limits(plan: Plan) -> list[tuple[str, str]]:
    settings = plan.settings
    limits = [
        ("budget", f"{settings.budget} rows" if settings.budget else "none"),
        ("cap", f"{settings.cap:g} synthetic per real subject of a cell" if settings.cap else "none"),
        (
            "floor",
            f"{settings.floor} real subjects; cells below it are {'left out' if settings.below_floor == 'refuse' else 'listed'}",
        ),
        (
            "anatomies",
            {"generated": "new", "deformed": "deformed masks of training subjects"}.get(
                settings.masks, "masks of training subjects"
            ),
        ),
        ("seed", str(settings.seed)),
    ]
    if settings.weights != "none":
        limits.append(("weights", f"by {settings.weights}, at most {settings.weight_cap:g}"))
    return limits


def _sample(rows: tuple[PlanRow, ...]) -> list[PlanRow]:
    """Rows from all over the plan."""
    step = max(1, len(rows) // SHOWN_ROWS)
    return list(rows[::step][:SHOWN_ROWS])
