"""Commands about fairness: who is missing, which subjects would balance a cohort, whether images make a classifier fairer."""

from pathlib import Path

import typer

import synthcmr
from synthcmr.cli.from_options import COHORT, Arguments, command
from synthcmr.verbs.audit import AuditOptions
from synthcmr.verbs.balance import BalanceOptions
from synthcmr.verbs.debias import DebiasOptions
from synthcmr.verbs.plan import PlanOptions


@command(AuditOptions, COHORT)
def audit(cohort: Path, options: AuditOptions) -> None:
    """Report under-represented groups of a cohort.

    Writes audit.html, one page that opens offline, and audit.json with the same numbers.

    \b
    Examples:
      synthcmr audit acdc
      synthcmr audit ukbb --label diagnosis --by sex,age,bmi,vendor
    """
    audited = synthcmr.audit(cohort, options)
    typer.echo(audited.summary())
    typer.echo(f"Page: {audited.to_html()}")


PLAN_ARGUMENTS: Arguments = {
    "cohort": (Path, "Cohort folder; its training split is counted."),
    "plan": (Path, "Folder to write the plan to."),
}


@command(PlanOptions, PLAN_ARGUMENTS)
def plan(cohort: Path, out: Path, options: PlanOptions) -> None:
    """Plan the subjects that bring a cohort's training split to a target: one row each.

    \b
    Targets:
      equal:sex,diagnosis           every cell as large as the largest
      parity:diagnosis|sex,bmi      equal shares of the label in every group, so that a group does not predict it
      match:table.csv               a reference population: a column per attribute, and 'share' or 'count'
      copy, copy:500                subjects like the cohort's own (--weights: more of the rare ones)
      total:sex,diagnosis=200       this many in every cell, including real ones
      make:sex,diagnosis=50         this many synthetic ones in every cell

    Writes plan.parquet (a row per subject: attributes, prompt, anatomy, seed), plan.json and plan.html. The summary and the
    page list what cannot be reached, and what limits leave short.

    \b
    Examples:
      synthcmr plan acdc plans/equal --target equal:diagnosis
      synthcmr plan ukbb plans/fair --target "parity:diagnosis|sex,bmi" --budget 2000 --cap 10
      synthcmr plan acdc plans/private --target equal:diagnosis --dp epsilon=1
      synthcmr generate balanced --plan plans/fair --run runs/flow
    """
    typer.echo(synthcmr.plan(cohort, out, options).summary())


DEBIAS_ARGUMENTS: Arguments = {
    "cohort": (Path, "Real cohort with train, validation and test splits."),
    "out": (Path, "Folder to write; an unfinished experiment is continued."),
}


@command(DebiasOptions, DEBIAS_ARGUMENTS, settings="synthcmr.experiments.settings:DebiasSettings")
def debias(cohort: Path, out: Path, options: DebiasOptions) -> None:
    """Compare remedies for an unfair classifier, synthetic images among them.

    Trains the same classifier under every remedy, with the same number of steps and several seeds, and scores it on the
    test split: balanced accuracy per group, the worst group, and the gaps between groups, each with its interval and its
    difference to no remedy and to the best cheap remedy. Writes debias.html, one page that opens offline, and
    scores.json with the same numbers.

    \b
    Examples:
      synthcmr debias people debiased --label diagnosis --sensitive sex,bmi
      synthcmr debias acdc debiased --positive DCM --sensitive bmi --run runs/flow
      synthcmr debias people cheap --no-synthetic --repeats 8
      synthcmr debias people mine --planned made_elsewhere --copy another --workers 2
    """
    typer.echo(synthcmr.debias(cohort, out, options).summary())


BALANCE_ARGUMENTS: Arguments = {
    "cohort": (Path, "Real cohort with train, validation and test splits."),
    "out": (Path, "Folder to write; an unfinished loop is continued."),
}


@command(BalanceOptions, BALANCE_ARGUMENTS, settings="synthcmr.experiments.settings:BalanceSettings")
def balance(cohort: Path, out: Path, options: BalanceOptions) -> None:
    """Search for the images that make a classifier fairer, round by round.

    Each round measures on the validation split in which groups the classifier fails, generates images for the groups that
    gained most so far, trains again, and stops when no group gains beyond noise. OUT/recommended is the cohort of
    images it would add; balance.html shows how it went.

    \b
    Examples:
      synthcmr balance people balanced --label diagnosis --sensitive sex,bmi
      synthcmr balance acdc balanced --positive DCM --sensitive bmi --run runs/flow --budget 300
      synthcmr debias people compared --planned balanced/recommended
    """
    typer.echo(synthcmr.balance(cohort, out, options).summary())
