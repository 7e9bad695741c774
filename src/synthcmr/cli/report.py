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
    from synthcmr.cli.evaluate import say
    from synthcmr.evaluation.evaluate import read_card
    from synthcmr.report.score_card_page import write_score_card

    card = read_card(out)
    page = write_score_card(card, out)
    say(card)
    typer.echo(f"Page: {page}")
