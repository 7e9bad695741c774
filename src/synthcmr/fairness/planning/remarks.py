"""What a reader of a plan must know: who was counted, what limits bound, what was refused, and which associations remain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synthcmr.fairness.association import ASSOCIATED_V
from synthcmr.fairness.planning.crossing import Groups
from synthcmr.fairness.planning.plan_table import PlannedCell, PlanRow
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.fairness.planning.target import Target
from synthcmr.statistics.association import cramers_v

NAMED = 6
LEVELS = {"mid": "mid-ventricular", "basal": "basal", "apical": "apical"}
WATCHED = ("sex", "age", "bmi", "vendor")  # against the label, whether planned for or not


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
