"""`synthcmr demo`: the whole chain on phantoms, with no data and no download."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synthcmr.demo.size import DemoSize


def demo(
    out: Annotated[Path, typer.Argument(help="Folder of the demo; an unfinished one is continued.")] = Path("demo-out"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller: two minutes on two cores, with weaker results.")
    ] = False,
    subjects: Annotated[
        int | None, typer.Option("--subjects", min=20, max=100_000, help="Phantoms. [default: 140, with --quick 50]")
    ] = None,
    planned: Annotated[
        int | None,
        typer.Option("--planned", min=1, max=100_000, help="Most synthetic subjects. [default: 36, with --quick 11]"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier demo.")] = False,
) -> None:
    """Run the whole chain on phantoms: no data, no download. Five minutes on two cores.

    Makes a phantom cohort that is unfair by design, audits it, plans and generates the subjects that it lacks, gives their
    images the high frequencies of real ones, tests whether a classifier becomes fairer, scores the images, and exports them.
    Writes index.html, one page that opens offline, with links to the page of each step. The same command again continues
    an interrupted demo.

    \b
    Examples:
      synthcmr demo
      synthcmr demo look --quick
    """
    from synthcmr.cohort.output_place import build, known_as
    from synthcmr.demo.chain import run_demo
    from synthcmr.verbs.outputs import DEMO

    size = _size(quick, subjects, planned)
    result = build(out, DEMO, overwrite, lambda folder: run_demo(folder, size, typer.echo))
    typer.echo("\nResults:")
    for sentence in result.sentences:
        typer.echo(f"  {sentence}")
    typer.echo(f"\nOpen {known_as(str(result.page))} in a browser. The subjects are digital phantoms, not people.")


def _size(quick: bool, subjects: int | None, planned: int | None) -> "DemoSize":
    from synthcmr.demo.size import FULL, QUICK

    given = {"subjects": subjects, "planned": planned}
    return (QUICK if quick else FULL).model_copy(update={k: v for k, v in given.items() if v is not None})
