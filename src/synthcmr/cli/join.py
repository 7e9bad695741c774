"""`synthcmr join`: several cohorts as one."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import OUT_COHORT, command
from synthcmr.verbs.join import JoinOptions
from synthcmr.verbs.join import join as run


@command(JoinOptions, OUT_COHORT | {"cohorts": (list[Path], "Cohorts with different subjects and images of one size.")})
def join(out: Path, cohorts: list[Path], options: JoinOptions) -> None:
    """Join cohorts, such as the shards of a plan, into one.

    Pixels, masks, attributes and splits stay as they are.

    \b
    Examples:
      synthcmr join all shard1 shard2 shard3
    """
    typer.echo(run(out, cohorts, options).summary())
