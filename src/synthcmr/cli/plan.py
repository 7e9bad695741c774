"""`synthcmr plan`: one row for every image that would bring a cohort to a target."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import Arguments, command
from synthcmr.verbs.plan import PlanOptions
from synthcmr.verbs.plan import plan as run

ARGUMENTS: Arguments = {
    "cohort": (Path, "Cohort folder; its training split is counted."),
    "plan": (Path, "Folder to make for the plan."),
}


@command(PlanOptions, ARGUMENTS)
def plan(cohort: Path, out: Path, options: PlanOptions) -> None:
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
    typer.echo(run(cohort, out, options).summary())
