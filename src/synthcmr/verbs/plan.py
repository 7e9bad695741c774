"""Plan the subjects that bring a cohort to a target: one row each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from synthcmr.errors import SettingsError, SynthcmrError
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.verbs.options import Names, Options
from synthcmr.verbs.public import public
from synthcmr.verbs.result import PageResult
from synthcmr.verbs.sum_promise import read_count_promise

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.fairness.planning.plan_folder import Plan
    from synthcmr.verbs.folders import HoldsCohort

SHOWN_CELLS = 12
MANY = "a plan has one target; cross attributes instead, such as equal:sex,diagnosis, or make a plan for each"


class PlanOptions(PlanSettings, Options):
    """The target, the limits, and how rows are drawn.

    Example:
        >>> import synthcmr
        >>> synthcmr.PlanOptions(target="equal:sex,diagnosis", budget=500).budget
        500
    """

    target: str = Field(
        description="equal:A,B  parity:LABEL|A,B  match:TABLE.csv  copy[:N]  total:A,B=N  make:A,B=N",
        json_schema_extra={"flags": ["--target", "-t"], "once": MANY},
    )
    by: Names = Field(None, description=PlanSettings.model_fields["by"].description)
    dp: str | None = Field(
        None,
        description="Count groups of public values with differential privacy, and draw nobody's attributes: e.g. epsilon=1, or "
        "epsilon=1,categories=diagnosis:NOR|DCM for the values that are counted.",
    )
    overwrite: bool = Field(False, description="Replace an existing plan.")

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        """The promise is refused before anything is read."""
        _ = self.privacy
        return self

    @property
    def privacy(self) -> tuple[float, dict[str, tuple[str, ...]]] | None:
        """Epsilon of the counts, and the values that are stated; None where they are no secret.

        Raises:
            SettingsError: --dp does not say them.
        """
        return None if self.dp is None else read_count_promise(self.dp)


@dataclass(frozen=True)
class CohortPlan(PageResult):
    """Which subjects to make.

    Attributes:
        plan: cells, rows and remarks.
        folder: where it lies; None where it was not saved.
        was_there: the folder held this very plan already.
    """

    plan: Plan
    folder: Path | None = None
    was_there: bool = False

    @property
    def table(self) -> pd.DataFrame:
        """One row per subject to make: attributes, prompt, anatomy, seed."""
        return self.rows

    @property
    def rows(self) -> pd.DataFrame:
        """One row per subject to make: attributes, prompt, anatomy, seed."""
        import pandas as pd

        return pd.DataFrame([row.flat() for row in self.plan.rows])

    @property
    def cells(self) -> pd.DataFrame:
        """One row per cell: its groups, real subjects, the target, planned ones, and what the cell is short of."""
        import pandas as pd

        cells = [cell.to_json() for cell in self.plan.cells]
        return pd.DataFrame([{**cell.pop("groups"), **cell} for cell in cells])

    @public
    def save(self, folder: Path | str, overwrite: bool = False) -> CohortPlan:
        """Write the plan with its page; one that is there already, the same, is left.

        Args:
            folder: new or empty.
            overwrite: replace a plan that is already there.

        Raises:
            SettingsError: the folder holds something else.
        """
        from synthcmr.cohort.output_place import build
        from synthcmr.verbs.outputs import PLAN

        folder = Path(folder)
        there = self._is_at(folder, overwrite)
        saved = replace(self, folder=folder, was_there=there)

        def write(place: Path) -> None:
            self.plan.write(place)
            saved._write_page(place)

        if there:
            saved.to_html()
        else:
            build(folder, PLAN, overwrite, write)
        return saved

    def _is_at(self, folder: Path, overwrite: bool) -> bool:
        """Whether a folder holds this very plan; one that is replaced may be damaged."""
        try:
            return self.plan.is_at(folder)
        except SynthcmrError:
            if overwrite:
                return False
            raise

    @property
    def page_folder(self) -> Path | None:
        """The folder of the plan; None before it is saved with `save(FOLDER)`."""
        return self.folder

    def _write_page(self, folder: Path) -> Path:
        from synthcmr.report.plan_page import write_plan_page

        return write_plan_page(self.plan, folder)

    def summary(self) -> str:
        """What the plan comes to, cell by cell, and what it leaves short."""
        from synthcmr.fairness.planning.plan_folder import PAGE_FILE
        from synthcmr.report.plan_page import lead

        lines = [f"{self.folder}: this very plan is there already"] if self.was_there else []
        lines += [*self._cell_lines(), *(f"  {sentence}" for sentence in lead(self.plan)[1:])]
        if self.folder is not None:
            lines.append(f"Page: {self.folder / PAGE_FILE}")
        return "\n".join(lines)

    def _cell_lines(self) -> list[str]:
        from synthcmr.fairness.planning.remarks import unit

        plan, place = self.plan, self.folder or "plan"
        real, rows = sum(c.real for c in plan.cells), len(plan.rows)
        lines = [
            f"{place}: {rows} row(s) for --target {plan.target}; {real} real subjects in {len(plan.cells)} cells become {real + rows}",
            f"  {plan.counted_who}",
            f"  {unit(plan.settings)}",
        ]
        shown = sorted(plan.cells, key=lambda c: -c.planned)[:SHOWN_CELLS]
        width = max(len(c.words) for c in shown)
        lines += [
            f"  {c.words:<{width}}  {c.real:>5} + {c.planned} = {c.real + c.planned}{f', {c.short} short' if c.short else ''}"
            for c in shown
        ]
        if len(plan.cells) > SHOWN_CELLS:
            lines.append(f"  ... and {len(plan.cells) - SHOWN_CELLS} more cells, on the page")
        lines += [f"  note: {note}" for note in plan.notes]
        if rows and self.folder is not None:
            lines.append(f"Make them: synthcmr generate OUT --plan {self.folder}")
        return lines


@public
def plan(
    cohort: Cohort | HoldsCohort | Path | str,
    out: Path | str | None = None,
    options: PlanOptions | None = None,
    **changes: Any,
) -> CohortPlan:
    """Plan the subjects that bring a cohort's training split to a target: one row each.

    Args:
        cohort: the cohort, or its folder; its training split is counted.
        out: folder to make for the plan; None only computes it, and `save` writes it later.
        options: the target, and limits.
        changes: fields of `PlanOptions`, in place of `options` or over them; `target` is needed.

    Returns:
        The rows and cells, with a summary and a page.

    Raises:
        SettingsError: the target cannot be read or reached, or `out` holds something else.
        CohortError: there is no cohort.

    Example:
        >>> import synthcmr
        >>> fair = synthcmr.plan("ukbb", "plans/fair", target="parity:diagnosis|sex,bmi", budget=2000)
        >>> print(fair.summary())
        >>> prompts = fair.rows[["name", "prompt", "seed"]]
        >>> added = synthcmr.generate("added", plan=fair.folder)
    """
    from synthcmr.fairness.planning.plan import plan_cohort
    from synthcmr.verbs.folders import cohort_of

    chosen, opened = PlanOptions.of(options, changes), cohort_of(cohort)
    if len(opened.subjects) != opened.info["subjects"]:  # rows are named after the whole cohort
        raise SettingsError(
            f"plan: expected a whole cohort, got a selection of {len(opened.subjects)} of the {opened.info['subjects']} subjects "
            f"of {opened.path}; write it as a cohort first, with synthcmr.join(OUT, [selection])"
        )
    if chosen.privacy is not None:
        return _private(opened, None if out is None else Path(out), chosen)
    computed = CohortPlan(plan_cohort(opened, chosen.target, chosen.part(PlanSettings)))
    return computed if out is None else computed.save(out, chosen.overwrite)


def _private(cohort: Cohort, out: Path | None, chosen: PlanOptions) -> CohortPlan:
    """A plan of noisy counts, or the one that the same call made before: noise is never drawn twice."""
    from synthcmr.fairness.planning.plan_folder import PLAN_FILE, Plan
    from synthcmr.fairness.planning.private_plan import CountPromise, plan_privately

    settings, promise = chosen.part(PlanSettings), CountPromise(*(chosen.privacy or ()))
    if out is not None and (out / PLAN_FILE).exists() and not chosen.overwrite:
        there = Plan.read(out)
        asked = (cohort.hash, chosen.target, settings, promise.sentence)
        if (there.cohort.hash, there.target, there.settings, there.counted_who) != asked:
            raise SettingsError(f"{out}: holds another plan; choose another folder, or --overwrite")
        return CohortPlan(there, out, was_there=True)
    computed = CohortPlan(plan_privately(cohort, chosen.target, settings, promise))
    return computed if out is None else computed.save(out, chosen.overwrite)
