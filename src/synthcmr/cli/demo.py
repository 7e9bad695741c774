"""`synthcmr demo`: the whole chain on phantoms, with no data and no download."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synthcmr.demo.settings import DemoSettings


def demo(
    out: Annotated[Path, typer.Argument(help="Folder for everything the demo makes.")] = Path("demo-out"),
    quick: Annotated[bool, typer.Option("--quick", help="Smaller: done in two minutes, and tells less.")] = False,
    subjects: Annotated[
        int | None, typer.Option("--subjects", min=20, help="Phantoms. [default: 140, with --quick 50]")
    ] = None,
    planned: Annotated[
        int | None, typer.Option("--planned", min=1, help="Most people to make. [default: 36, with --quick 11]")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier demo made.")] = False,
) -> None:
    """Run the whole chain on phantoms: no data, no download.

    Makes a phantom cohort that is unfair by design, audits it, plans and generates the people whom it lacks, gives their
    images the fine grain of real ones, asks whether a classifier becomes fairer, scores the images, and exports them.
    Writes index.html, one page that opens offline and tells the story with links to the page of each step. What an earlier
    demo in the same folder finished is not made again.

    \b
    Examples:
      synthcmr demo
      synthcmr demo look --quick
    """
    from synthcmr.demo.record import clear
    from synthcmr.demo.run import run_demo
    from synthcmr.verbs.progress import progress_bar

    if overwrite:
        clear(out)
    outcome = run_demo(out, _settings(quick, subjects, planned), progress_bar, typer.echo)
    typer.echo("\nWhat was found:")
    for sentence in outcome.sentences:
        typer.echo(f"  {sentence}")
    typer.echo(f"\nOpen {outcome.page} in a browser. The subjects are digital phantoms, not people.")


def _settings(quick: bool, subjects: int | None, planned: int | None) -> "DemoSettings":
    from synthcmr.demo.settings import FULL, QUICK

    asked = {"subjects": subjects, "planned": planned}
    return (QUICK if quick else FULL).model_copy(update={k: v for k, v in asked.items() if v is not None})
