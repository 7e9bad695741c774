"""`synthcmr judge`: train the judges that look at images, and score them."""

from pathlib import Path
from typing import Literal

import typer

from synthcmr.cli.from_options import Arguments, command
from synthcmr.verbs.judge import JudgeOptions

ARGUMENTS: Arguments = {
    "action": (Literal["fit", "score"], "fit: train; score: test on a cohort's images."),
    "kind": (
        Literal["segmenter", "reader", "encoder"],
        "segmenter: segments the heart; reader: reads attributes; encoder: features for distances.",
    ),
    "cohort": (Path, "Cohort folder."),
    "run": (Path | None, "fit: run folder to make. score: a judge. [default: the shipped one]"),
}


@command(JudgeOptions, ARGUMENTS)
def judge(
    action: str,
    kind: Literal["segmenter", "reader", "encoder"],
    cohort: Path,
    run: Path | None,
    options: JudgeOptions,
) -> None:
    """Train a judge, or say how good one is.

    Judges screen what is generated and measure what it shows. The shipped ones learned from phantoms alone; --init-from shipped
    fits them to your own images in minutes. Without --init-from a judge is trained from nothing.

    \b
    Examples:
      synthcmr judge fit segmenter acdc judges/segmenter --init-from shipped
      synthcmr judge fit reader acdc judges/reader --init-from shipped
      synthcmr judge fit segmenter mnms judges/both --init-from judges/segmenter
      synthcmr judge fit reader acdc judges/reader --set loop.steps=1500
      synthcmr judge fit segmenter acdc judges/segmenter --also mnms --also phantoms
      synthcmr judge fit encoder acdc judges/encoder
      synthcmr judge score segmenter acdc
      synthcmr generate out --run runs/acdc --judges judges --subjects 10
    """
    from synthcmr.errors import SettingsError
    from synthcmr.verbs.judge import Judge

    if action == "score":
        typer.echo(Judge(kind, run).score(cohort, options.split).summary())
        return
    if run is None:
        raise SettingsError("judge fit: expected a run folder to make after the cohort, e.g. judges/segmenter")
    typer.echo(Judge(kind).fit(cohort, run, options).summary())
