"""`synthcmr balance`: the closed loop from a model's failures to the images that mend them."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import Arguments, command
from synthcmr.verbs.balance import BalanceOptions

ARGUMENTS: Arguments = {
    "cohort": (Path, "Real cohort with train, validation and test splits."),
    "out": (Path, "Folder to make; an unfinished loop is continued."),
}


@command(BalanceOptions, ARGUMENTS, settings="synthcmr.experiments.settings:BalanceSettings")
def balance(cohort: Path, out: Path, options: BalanceOptions) -> None:
    """Find the images that make a classifier fairer, round by round.

    Each round measures on the validation split which patients the classifier fails, makes images of those where images
    have gained most so far, trains again, and stops when no group gains beyond noise. OUT/recommended is the cohort of
    images it would add; balance.html shows how it went.

    \b
    Examples:
      synthcmr balance people balanced --label diagnosis --sensitive sex,bmi
      synthcmr balance acdc balanced --positive DCM --sensitive bmi --run runs/flow --budget 300
      synthcmr debias people compared --planned balanced/recommended
    """
    from synthcmr.verbs.balance import balance as run_loop

    typer.echo(run_loop(cohort, out, options).summary())
