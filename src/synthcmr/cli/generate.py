"""`synthcmr generate`: images from a sentence, from a cohort's people, or from the anatomies of real patients."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import OUT_COHORT, command
from synthcmr.verbs.generate_options import GenerateOptions


@command(GenerateOptions, OUT_COHORT)
def generate(out: Path, options: GenerateOptions) -> None:
    """Make synthetic images with their masks: a cohort like any other.

    Without --run it works at once: a phantom of whoever is asked for, finished as scanners draw it by weights that learned
    from phantoms and public-domain images. What screening rejects is made
    again with other seeds; what fails three times is listed among the rejects with the reason.

    \b
    A prompt says any of: sex, age, BMI, height, weight, diagnosis, severity, EDV, ESV, EF, LV mass, wall thickness,
    scanner, slice level. For example:
      "woman, 67, BMI 31, heart failure"      "68yo obese female HFrEF, Philips 3T"
      "man, EDV 240 ml, EF 22 %"              "severe HCM, septum 22 mm, apical slice"

    \b
    Examples:
      synthcmr generate out --prompt "woman, 67, BMI 31, heart failure" -n 16
      synthcmr generate stacks --subjects 10 --prompt "man, DCM"
      synthcmr generate mine --run runs/flow --follow acdc --masks deformed --subjects 30
      synthcmr generate cines --run runs/refine --subjects 5 --frames 20
      synthcmr generate philips --follow people --to-scanner vendor=Philips
      synthcmr generate part1 --plan plans/fair --run runs/flow --shard 1/4
      synthcmr generate true --run runs/flow --subjects 30 --recalibrate truth
    """
    from synthcmr.verbs.generate import generate as make

    made = make(out, options, say=typer.echo)
    typer.echo(made.summary())
    if made.advice:
        typer.echo(made.advice, err=True)
        raise typer.Exit(1)
