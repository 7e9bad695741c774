"""`synthcmr ingest`: read a data set into a cohort."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from synthcmr.cohort.ingest import IngestPlan

SHOWN_ROWS = 6  # of a guessed table


def ingest(
    source: Annotated[Path, typer.Argument(help="Folder, zip or table to read.")],
    out: Annotated[Path, typer.Argument(help="Cohort folder to make; an unfinished one is continued.")],
    format: Annotated[str, typer.Option("--format", help="Layout of the source; 'auto' recognises it.")] = "auto",  # noqa: A002
    spacing: Annotated[
        str | None, typer.Option("--spacing", help="In-plane pixel in mm, or 'native'. [default: 1.5]")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", help="Rows and columns of the crop, or 'full'. [default: 128]")
    ] = None,
    frames: Annotated[
        str | None, typer.Option("--frames", help="auto, single, pair (ED+ES) or cine. [default: auto]")
    ] = None,
    lossless: Annotated[bool, typer.Option("--lossless", help="Keep every pixel as it was read.")] = False,
    settings: Annotated[Path | None, typer.Option("--settings", help="YAML file of ingest settings.")] = None,
    like: Annotated[
        Path | None,
        typer.Option("--preprocess-from", help="Use the preprocessing of this cohort, e.g. for a second site."),
    ] = None,
    include: Annotated[str | None, typer.Option("--include", help="Only these subjects, comma-separated.")] = None,
    salt: Annotated[
        str | None, typer.Option("--salt", envvar="SYNTHCMR_SALT", help="Replace subject ids by a keyed hash.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the train/validation/test split.")] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            help="official: the data set's own training and test sets; random: drawn; auto: official where there is more "
            "than a training set. [default: auto]",
        ),
    ] = None,
    save_table: Annotated[
        Path | None,
        typer.Option("--save-table", help="Write the table guessed from names of NIfTI files here (CSV), and stop."),
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes. [default: one per core]")] = None,
    label: Annotated[
        bool, typer.Option("--label", help="Find and segment the heart, also where nobody drew masks, before cropping.")
    ] = False,
    judge: Annotated[
        str | None,
        typer.Option("--judge", help="With --label: run folder or weights. [default: the shipped segmenter]"),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first thing that cannot be read.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cohort that is already there.")] = False,
) -> None:
    """Read a data set into a cohort.

    What cannot be read is listed in OUT/rejects.parquet with the reason, and the rest goes on.

    \b
    Formats: acdc, mnms, mnms2, emidec, nnunet, ukbb, sunnybrook, sunnybrook-png, table, dicom, nifti.

    \b
    Examples:
      synthcmr ingest ACDC/database acdc
      synthcmr ingest ACDC/database acdc --split random
      synthcmr ingest ukbb_zips ukbb --salt "our secret" --frames cine
      synthcmr ingest my_images.csv mine --spacing 1.25 --size 160
      synthcmr ingest second_site site2 --preprocess-from acdc
      synthcmr ingest ACDC/database/training raw --lossless
      synthcmr ingest my_dicoms mine --label
    """
    from synthcmr.cli.info import describe
    from synthcmr.cohort.ingest import ingest as run
    from synthcmr.cohort.ingest import plan_ingest
    from synthcmr.errors import SettingsError
    from synthcmr.verbs.progress import progress_bar
    from synthcmr.verbs.replace import clear_for

    if judge is not None and not label:
        raise SettingsError(f"--judge {judge}: expected only with --label, which asks a judge to segment; add --label")
    if save_table is not None:
        _save_table(source, save_table)
        return
    wanted = _settings(settings, like, lossless, format, spacing, size, frames, include, seed, split)
    clear_for(out, overwrite)
    plan = plan_ingest(source, wanted, salt)
    typer.echo(f"Reading {len(plan.cases)} case(s) of {source} as '{plan.reader}'")
    _echo_guessed(plan, out)
    if label:
        from synthcmr.cli.label import label_and_report

        label_and_report(plan, out, workers=workers, strict=strict, judge=judge)
        return
    with progress_bar("ingest") as report:
        cohort = run(plan, out, workers, strict, report)
    typer.echo(describe(cohort))


def _save_table(source: Path, file: Path) -> None:
    from synthcmr.cohort.ingest import guessed_table

    table = guessed_table(source)
    table.write(file, source)
    typer.echo(f"{file}: {len(table.rows)} row(s) guessed from the names in {source}")
    for text in (*table.notes, *table.problems):
        typer.echo(f"  {text}")
    typer.echo(f"Check it, mend it where it is wrong, and read it: synthcmr ingest {file} OUT")


def _echo_guessed(plan: "IngestPlan", out: Path) -> None:
    """Show the table that file names were turned into, and how to change it."""
    if plan.table is None:
        return
    rows = plan.table.rows
    typer.echo(f"Guessed from the names of the files ({min(len(rows), SHOWN_ROWS)} of {len(rows)} rows):")
    for line in plan.table.lines(SHOWN_ROWS):
        typer.echo(f"  {line}")
    for note in plan.table.notes:
        typer.echo(f"  note: {note}")
    if plan.salt is None:
        typer.echo(f"  kept as {out}/guessed_table.csv; where it is wrong, mend a copy and ingest that")


def _settings(
    file: Path | None,
    like: Path | None,
    lossless: bool,
    format_: str,
    spacing: str | None,
    size: str | None,
    frames: str | None,
    include: str | None,
    seed: int | None,
    split: str | None,
) -> Any:
    from synthcmr.config import IngestSettings, PreprocessSettings, settings_from_dict, settings_from_yaml

    base = settings_from_yaml(file, IngestSettings) if file else IngestSettings()
    values: dict[str, Any] = base.model_dump()
    if like is not None:
        values["preprocess"] = _preprocess_of(like)
    if lossless:
        values["preprocess"] = PreprocessSettings.lossless().model_dump()
    if format_ != "auto":
        values["format"] = format_
    if spacing is not None:
        values["preprocess"]["spacing_mm"] = None if spacing == "native" else _number("--spacing", spacing, "native")
    if size is not None:
        values["preprocess"]["size"] = None if size == "full" else int(_number("--size", size, "full"))
    if frames is not None:
        values["preprocess"]["frames"] = frames
    if include:
        values["include"] = tuple(part.strip() for part in include.split(","))
    if seed is not None:
        values["split"]["seed"] = seed
    if split is not None:
        values["split"]["method"] = split
    return settings_from_dict(values, IngestSettings, "ingest settings")


def _number(flag: str, text: str, word: str) -> float:
    from synthcmr.errors import SettingsError

    try:
        return float(text)
    except ValueError as error:
        raise SettingsError(f"{flag}: expected a number or '{word}', got '{text}'") from error


def _preprocess_of(like: Path) -> dict[str, Any]:
    from synthcmr.cohort import Cohort
    from synthcmr.errors import SettingsError

    settings = Cohort.open(like).info.get("settings", {})
    if "preprocess" not in settings:
        raise SettingsError(
            f"--preprocess-from {like}: expected a cohort that states its preprocessing, got one without"
        )
    return dict(settings["preprocess"])
