"""`synthcmr plan`: one row for every image that would bring a cohort to a target."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synthcmr.fairness.planning.plan_folder import Plan
    from synthcmr.fairness.planning.settings import PlanSettings

SHOWN_CELLS = 12
MANY = "a plan has one target; cross attributes instead, such as equal:sex,diagnosis, or make a plan for each"


class BelowFloor(StrEnum):
    """What becomes of cells with too few real subjects."""

    warn = "warn"
    refuse = "refuse"


class Weights(StrEnum):
    """Who is copied more often."""

    none = "none"
    cell = "cell"
    value = "value"


class Level(StrEnum):
    """What is made of every subject."""

    mid = "mid"
    basal = "basal"
    apical = "apical"
    whole = "whole"


class PlanMasks(StrEnum):
    """Whose anatomy it is."""

    generated = "generated"
    deformed = "deformed"
    real = "real"


def plan(
    cohort: Annotated[Path, typer.Argument(help="Cohort folder; its training split is counted.")],
    out: Annotated[Path, typer.Argument(metavar="PLAN", help="Folder to make for the plan.")],
    target: Annotated[
        list[str],
        typer.Option(
            "--target", "-t", help="equal:A,B  parity:LABEL|A,B  match:TABLE.csv  copy[:N]  total:A,B=N  make:A,B=N"
        ),
    ],
    budget: Annotated[
        int | None, typer.Option("--budget", min=1, help="At most so many rows; the emptiest cells come first.")
    ] = None,
    cap: Annotated[
        float | None,
        typer.Option("--cap", min=0.001, help="At most so many synthetic subjects per real one in a cell."),
    ] = None,
    floor: Annotated[int, typer.Option("--floor", min=0, help="Cells with fewer real subjects are named.")] = 5,
    below_floor: Annotated[
        BelowFloor, typer.Option("--below-floor", help="Whether such cells are planned all the same, or left out.")
    ] = BelowFloor.warn,
    weights: Annotated[
        Weights, typer.Option("--weights", help="For copy: rare cells, or rare values, are copied more often.")
    ] = Weights.none,
    weight_cap: Annotated[float, typer.Option("--weight-cap", min=1, help="No weight of --weights is larger.")] = 5.0,
    by: Annotated[
        str | None,
        typer.Option("--by", help="For copy: attributes that are weighted. [default: sex,age,bmi,diagnosis]"),
    ] = None,
    level: Annotated[Level, typer.Option("--level", help="A slice of every subject, or its whole stack.")] = Level.mid,
    masks: Annotated[
        PlanMasks, typer.Option("--masks", help="New anatomies, or masks of training subjects of the same cell.")
    ] = PlanMasks.generated,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of every draw.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a plan that is already there.")] = False,
) -> None:
    """Plan the subjects that bring a cohort's training split to a target: one row each.

    \b
    Targets:
      equal:sex,diagnosis           every cell as large as the largest
      parity:diagnosis|sex,bmi      the label's shares alike in every group, so that a group does not predict it
      match:table.csv               a reference population: a column per attribute, and 'share' or 'count'
      copy, copy:500                the cohort's own people (--weights makes rare ones count more)
      total:sex,diagnosis=200       so many in every cell, real ones included
      make:sex,diagnosis=50         so many synthetic ones in every cell

    Writes plan.parquet (a row per subject: attributes, prompt, anatomy, seed), plan.json and plan.html. What cannot be
    reached, and what limits leave short, is said here and on the page.

    \b
    Examples:
      synthcmr plan acdc plans/equal --target equal:diagnosis
      synthcmr plan ukbb plans/fair --target "parity:diagnosis|sex,bmi" --budget 2000 --cap 10
      synthcmr generate balanced --plan plans/fair --run runs/flow
    """
    from synthcmr.cli.single_option import only
    from synthcmr.cohort import Cohort
    from synthcmr.fairness.planning.plan import plan_cohort
    from synthcmr.report.plan_page import lead, write_plan_page

    asked: dict[str, object] = {
        "budget": budget,
        "cap": cap,
        "floor": floor,
        "below_floor": below_floor.value,
        "weights": weights.value,
        "weight_cap": weight_cap,
        "by": [part.strip() for part in by.split(",")] if by else None,
        "level": level.value,
        "masks": masks.value,
        "seed": seed,
    }
    made = plan_cohort(Cohort.open(cohort), only(target, "--target", MANY), _settings(asked))
    _clear(out, overwrite)
    if made.is_at(out):
        typer.echo(f"{out}: this very plan is there already")
    else:
        made.write(out)
    page = write_plan_page(made, out)
    typer.echo(describe(made, out))
    typer.echo("\n".join(f"  {sentence}" for sentence in lead(made)[1:]))
    typer.echo(f"Page: {page}")


def describe(plan: "Plan", folder: Path) -> str:
    """A plan in a few lines, for people."""
    from synthcmr.fairness.planning.remarks import unit

    real, rows = sum(c.real for c in plan.cells), len(plan.rows)
    lines = [
        f"{folder}: {rows} row(s) for --target {plan.target}; {real} real subjects in {len(plan.cells)} cells become {real + rows}",
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
    if rows:
        lines.append(f"Make them: synthcmr generate OUT --plan {folder}")
    return "\n".join(lines)


def _settings(asked: "dict[str, object]") -> "PlanSettings":
    from synthcmr.config import settings_from_dict
    from synthcmr.fairness.planning.settings import PlanSettings

    return settings_from_dict(asked, PlanSettings, "plan")


def _clear(out: Path, overwrite: bool) -> None:
    """Remove the files of a plan that may be replaced, and nothing else."""
    from synthcmr.fairness.planning.plan_folder import FILES, PLAN_FILE

    if overwrite and (out / PLAN_FILE).exists():
        for name in FILES:
            (out / name).unlink(missing_ok=True)
