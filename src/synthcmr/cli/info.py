"""`synthcmr info`: say what a cohort holds."""

from pathlib import Path
from typing import Annotated

import typer


def info(cohort: Annotated[Path, typer.Argument(help="Cohort folder.")]) -> None:
    """Say what a cohort holds: subjects, images, attributes, rejects.

    \b
    Example:
      synthcmr info acdc
    """
    from synthcmr.cohort import Cohort

    typer.echo(Cohort.open(cohort).summary())
