"""`synthcmr balance`: the closed loop from a model's failures to the images that mend them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from synthcmr.cli.setting_lines import list_balance


def balance(
    cohort: Annotated[Path, typer.Argument(help="Real cohort with train, validation and test splits.")],
    out: Annotated[Path, typer.Argument(help="Folder to make; an unfinished loop is continued.")],
    label: Annotated[str | None, typer.Option("--label", help="What is to be predicted. [default: diagnosis]")] = None,
    positive: Annotated[
        str | None,
        typer.Option("--positive", help="Its values that count as sick, comma-separated. [default: all but healthy]"),
    ] = None,
    sensitive: Annotated[
        str | None, typer.Option("--sensitive", help="Attributes to be fair about. [default: sex,bmi]")
    ] = None,
    run: Annotated[Path | None, typer.Option("--run", help="Generator. [default: the shipped one]")] = None,
    round_images: Annotated[
        int | None, typer.Option("--round-images", min=1, help="Images made in a round. [default: 60]")
    ] = None,
    budget: Annotated[int | None, typer.Option("--budget", min=1, help="Most images altogether.")] = None,
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, help="Most rounds. [default: 8]")] = None,
    repeats: Annotated[int | None, typer.Option("--repeats", min=1, help="Seeds in every round. [default: 3]")] = None,
    settings: Annotated[Path | None, typer.Option("--settings", help="YAML file of settings.")] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="One setting, e.g. --set loop.steps=600.")] = None,
    list_settings: Annotated[
        bool,
        typer.Option(
            "--list-settings", callback=list_balance, is_eager=True, help="Print every setting that --set takes."
        ),
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Classifiers trained at once.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a loop that is already there.")] = False,
) -> None:
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
    from synthcmr.verbs.input_checks import expect_cohorts, expect_weights

    expect_cohorts(cohort)
    expect_weights(run)
    from synthcmr.cli.debias import clear_experiment, listed, read_settings
    from synthcmr.cohort import Cohort
    from synthcmr.fairness.loop.loop import balance as run_loop
    from synthcmr.fairness.loop.settings import BalanceSettings
    from synthcmr.report.balance_page import sentences, write_balance
    from synthcmr.verbs.progress import progress_bar

    asked: dict[str, Any] = {"label": label, "positive": listed(positive), "sensitive": listed(sensitive)}
    asked |= {"round_images": round_images, "budget": budget, "rounds": rounds, "repeats": repeats}
    told = read_settings(BalanceSettings, settings, {k: v for k, v in asked.items() if v is not None}, change or [])
    opened = Cohort.open(cohort)
    if overwrite:
        clear_experiment(out)
    with progress_bar("balance") as report:
        found = run_loop(opened, out, told, run, workers, report)
    page = write_balance(found, opened, told, out)
    typer.echo("\n".join(sentences(found)))
    if found.recommended is not None:
        typer.echo(f"Recommended images: {found.recommended}")
    typer.echo(f"Page: {page}")
