"""`synthcmr phantom`: make a cohort of digital phantoms."""

from pathlib import Path
from typing import Annotated

import typer


def phantom(
    out: Annotated[Path, typer.Argument(help="Cohort folder to make; an unfinished one is continued.")],
    subjects: Annotated[int, typer.Option("--subjects", "-n", help="How many subjects.")] = 100,
    frames: Annotated[int, typer.Option("--frames", help="1 (ED), 2 (ED and ES) or the phases of a cine.")] = 2,
    preset: Annotated[
        str, typer.Option("--preset", help="population, biased, vendors, everyone, acdc-like or varied.")
    ] = "population",
    seed: Annotated[int, typer.Option("--seed", help="Of the population; the same seed gives the same bytes.")] = 0,
    spacing: Annotated[float, typer.Option("--spacing", min=0.1, help="In-plane pixel in mm.")] = 1.5,
    size: Annotated[int, typer.Option("--size", min=16, help="Rows and columns of the crop around the heart.")] = 128,
    lossless: Annotated[
        bool, typer.Option("--lossless", help="Whole field of view on the scanner's own pixels.")
    ] = False,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes. [default: one per core]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cohort that is already there.")] = False,
) -> None:
    """Make a cohort of digital phantoms with known truth. Needs no data.

    \b
    Presets:
      population  people as a population study meets them, one scanner
      biased      unfair by design: diagnosis tangled with sex, BMI and vendor; the test split is balanced
      vendors     four manufacturers, two field strengths
      everyone    every disease in both sexes, young and old, four manufacturers: to train generators on
      acdc-like   patients, scanners and fields of view as varied as in ACDC
      varied      any vendor, resolution, rotation and contrast: to train segmenters for scanners nobody modelled

    Each subject's truth (volumes, mass, wall thickness, fat) is in OUT/truth.parquet.

    \b
    Examples:
      synthcmr phantom people --subjects 500
      synthcmr phantom unfair --subjects 500 --preset biased
      synthcmr phantom cines --subjects 20 --frames 25
    """
    from synthcmr.cli.info import describe
    from synthcmr.config import PreprocessSettings
    from synthcmr.phantom.cohort import make_phantoms
    from synthcmr.verbs.progress import progress_bar
    from synthcmr.verbs.replace import clear_for

    clear_for(out, overwrite)
    settings = PreprocessSettings.lossless() if lossless else PreprocessSettings(spacing_mm=spacing, size=size)
    with progress_bar("phantom") as report:
        cohort = make_phantoms(out, preset, subjects, frames, seed, settings, workers, report)
    typer.echo(describe(cohort))
