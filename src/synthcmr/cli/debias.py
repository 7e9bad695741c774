"""`synthcmr debias`: which remedy makes a classifier fairer, and do synthetic images beat the cheap ones?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from synthcmr.cli.setting_lines import list_debias

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.config import Settings
    from synthcmr.fairness.debias.settings import DebiasSettings

Told = TypeVar("Told", bound="Settings")
ONE_PLAN = "planned images have one target; plan and generate others yourself and give them with --planned"


def debias(
    cohort: Annotated[Path, typer.Argument(help="Real cohort with train, validation and test splits.")],
    out: Annotated[Path, typer.Argument(help="Folder to make; an unfinished experiment is continued.")],
    label: Annotated[str | None, typer.Option("--label", help="What is to be predicted. [default: diagnosis]")] = None,
    positive: Annotated[
        str | None,
        typer.Option("--positive", help="Its values that count as sick, comma-separated. [default: all but healthy]"),
    ] = None,
    sensitive: Annotated[
        str | None, typer.Option("--sensitive", help="Attributes to be fair about. [default: sex,bmi]")
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="Generator of the synthetic images. [default: the shipped one]")
    ] = None,
    copy: Annotated[Path | None, typer.Option("--copy", help="Synthetic copy that is there already.")] = None,
    planned: Annotated[Path | None, typer.Option("--planned", help="Planned images that are there already.")] = None,
    synthetic: Annotated[
        bool, typer.Option("--synthetic/--no-synthetic", help="Whether to try synthetic images at all.")
    ] = True,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", help="What the planned images reach, as in plan. [default: parity:LABEL|SENSITIVE]"),
    ] = None,
    repeats: Annotated[int | None, typer.Option("--repeats", min=1, help="Seeds. [default: 5]")] = None,
    settings: Annotated[Path | None, typer.Option("--settings", help="YAML file of settings.")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="One setting, e.g. --set loop.steps=600 or --set slices=central.")
    ] = None,
    list_settings: Annotated[
        bool,
        typer.Option(
            "--list-settings", callback=list_debias, is_eager=True, help="Print every setting that --set takes."
        ),
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Classifiers trained at once.")] = 1,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an experiment that is already there.")
    ] = False,
) -> None:
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
    from synthcmr.verbs.input_checks import expect_cohorts, expect_weights

    expect_cohorts(cohort, copy, planned)
    expect_weights(run)
    from synthcmr.cli.single_option import only
    from synthcmr.cohort import Cohort
    from synthcmr.fairness.debias.experiment import run_experiment
    from synthcmr.fairness.debias.settings import DebiasSettings
    from synthcmr.report.debias_page import write_debias
    from synthcmr.verbs.progress import progress_bar

    opened = Cohort.open(cohort)
    asked: dict[str, Any] = {"label": label, "positive": listed(positive), "sensitive": listed(sensitive)}
    asked |= {"target": only(target, "--target", ONE_PLAN) if target else None, "repeats": repeats}
    told = read_settings(DebiasSettings, settings, {k: v for k, v in asked.items() if v is not None}, change or [])
    if overwrite:
        clear_experiment(out)
    sets = _sets(opened, out, told, run, {"copy": copy, "planned": planned}, synthetic, workers)
    with progress_bar("debias") as report:
        results = run_experiment(opened, out, told, sets, workers, report)
    page = write_debias(results, opened, told, out)
    from synthcmr.fairness.debias.verdict import verdict

    typer.echo("\n".join(verdict(results)))
    typer.echo(f"Page: {page}")


def _sets(
    cohort: "Cohort",
    out: Path,
    settings: "DebiasSettings",
    run: Path | None,
    given: dict[str, Path | None],
    wanted: bool,
    workers: int,
) -> dict[str, Path]:
    """The synthetic cohorts: those that were given, and what is made where one is not."""
    there = {name: path for name, path in given.items() if path is not None}
    if there and not wanted:
        from synthcmr.errors import SettingsError

        raise SettingsError(f"--no-synthetic: expected without --{' and --'.join(there)}, which bring synthetic images")
    if not wanted or there:
        return there
    from synthcmr.fairness.debias.data import REAL, all_people
    from synthcmr.fairness.debias.synthetic_sets import make_sets
    from synthcmr.verbs.progress import progress_bar

    all_people({REAL: cohort}, settings)  # refuse what cannot be learned before minutes of generating
    with progress_bar("generate") as report:
        return make_sets(cohort, out / "synthetic", settings, run, workers, report)


def listed(text: str | None) -> tuple[str, ...] | None:
    """The parts of a comma-separated option."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def read_settings(kind: "type[Told]", file: Path | None, asked: dict[str, Any], single: list[str]) -> "Told":
    """A file's settings, over them the flags, over them single ones."""
    import yaml

    from synthcmr.config import settings_from_dict, settings_from_yaml
    from synthcmr.errors import SettingsError

    base = kind() if file is None else settings_from_yaml(file, kind)
    values = base.model_dump() | asked
    for item in single:
        name, equals, text = item.partition("=")
        if not equals:
            raise SettingsError(f"--set: expected KEY=VALUE, got '{item}'")
        *parts, key = name.split(".")
        place: Any = values
        for part in parts:
            place = place.get(part)
            if not isinstance(place, dict):
                there = ", ".join(kind.model_fields)
                raise SettingsError(f"--set: expected one of {there}, with a dot before what is inside; got '{name}'")
        place[key] = yaml.safe_load(text)
    return settings_from_dict(values, kind, "--settings or --set")


def clear_experiment(out: Path) -> None:
    """Remove an earlier experiment, and nothing else."""
    import shutil

    from synthcmr.errors import SettingsError
    from synthcmr.fairness.debias.experiment import RECORD

    if not out.exists():
        return
    if not (out / RECORD).exists() and not (out / "synthetic").exists() and any(out.iterdir()):
        raise SettingsError(f"{out}: expected an earlier experiment to replace, got a folder with other files")
    shutil.rmtree(out)
