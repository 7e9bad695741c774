"""`synthcmr report`: the page of an evaluation."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    out: Annotated[Path, typer.Argument(help="Folder that 'synthcmr evaluate' wrote.")],
) -> None:
    """Draw the score card of an evaluation: report.html, one page that opens offline.

    Shows the verdict of each part with its reasons, images, distributions, scores per group, and what everything was made
    from. 'synthcmr evaluate' draws it too; this draws it again.

    \b
    Examples:
      synthcmr report scores
    """
    from synthcmr.evaluation.evaluate import read_card
    from synthcmr.verbs.evaluate import Evaluation

    typer.echo(Evaluation(read_card(out), out).summary())
