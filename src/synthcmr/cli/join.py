"""`synthcmr join`: several cohorts as one."""

from pathlib import Path
from typing import Annotated

import typer


def join(
    out: Annotated[Path, typer.Argument(help="Cohort folder to make; an unfinished one is continued.")],
    cohorts: Annotated[list[Path], typer.Argument(help="Cohorts with different subjects and images of one size.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cohort that is already there.")] = False,
) -> None:
    """Join cohorts, such as the shards of a plan, into one.

    Pixels, masks, attributes and splits stay as they are.

    \b
    Examples:
      synthcmr join all shard1 shard2 shard3
    """
    from synthcmr.cli.info import describe
    from synthcmr.cohort import Cohort
    from synthcmr.cohort.joining import join_cohorts
    from synthcmr.verbs.progress import progress_bar
    from synthcmr.verbs.replace import clear_for

    opened = [Cohort.open(path) for path in cohorts]
    clear_for(out, overwrite)
    with progress_bar("join") as report:
        made = join_cohorts(out, opened, report)
    typer.echo(describe(made))
