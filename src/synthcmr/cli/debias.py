"""`synthcmr debias`: which remedy makes a classifier fairer, and do synthetic images beat the cheap ones?"""

from pathlib import Path

import typer

from synthcmr.cli.from_options import Arguments, command
from synthcmr.verbs.debias import DebiasOptions

ARGUMENTS: Arguments = {
    "cohort": (Path, "Real cohort with train, validation and test splits."),
    "out": (Path, "Folder to make; an unfinished experiment is continued."),
}


@command(DebiasOptions, ARGUMENTS, settings="synthcmr.experiments.settings:DebiasSettings")
def debias(cohort: Path, out: Path, options: DebiasOptions) -> None:
    """Compare remedies for an unfair classifier, synthetic images among them.

    Trains the same classifier under every remedy, with the same number of steps and several seeds, and scores it on the
    test split: balanced accuracy per group, the worst group, and the gaps between groups, each with its interval and its
    difference to doing nothing and to the best cheap remedy. Writes debias.html, one page that opens offline, and
    scores.json with the same numbers.

    \b
    Examples:
      synthcmr debias people debiased --label diagnosis --sensitive sex,bmi
      synthcmr debias acdc debiased --positive DCM --sensitive bmi --run runs/flow
      synthcmr debias people cheap --no-synthetic --repeats 8
      synthcmr debias people mine --planned made_elsewhere --copy another --workers 2
    """
    from synthcmr.verbs.debias import debias as compare

    typer.echo(compare(cohort, out, options).summary())
