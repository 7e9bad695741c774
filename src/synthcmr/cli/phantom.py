"""`synthcmr phantom`: make a cohort of digital phantoms."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import OUT_COHORT, command
from synthcmr.verbs.make_phantoms import PhantomOptions, make_phantoms


@command(PhantomOptions, OUT_COHORT)
def phantom(out: Path, options: PhantomOptions) -> None:
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
    typer.echo(make_phantoms(out, options).summary())
