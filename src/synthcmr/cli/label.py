"""`synthcmr label`: segment a cohort that nobody labelled."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import OUT_COHORT, command
from synthcmr.verbs.label import LabelOptions
from synthcmr.verbs.label import label as run


@command(LabelOptions, {"source": (Path, "Cohort folder, or files that ingest would read."), **OUT_COHORT})
def label(source: Path, out: Path, options: LabelOptions) -> None:
    """Segment every frame of every slice, without one label to learn from.

    Finds the heart, chooses ED and ES from the volume curve, crops, and writes a cohort whose masks say who drew them. What a
    person drew is never changed. Writes label.html, the doubtful slices worst first, and labels.csv, the measures with their uncertainty.

    \b
    Examples:
      synthcmr label my_cines labelled
      synthcmr label my_cines labelled --frames pair
      synthcmr label DICOM_FOLDER labelled --judge judges/segmenter
    """
    typer.echo(run(source, out, options).summary())
