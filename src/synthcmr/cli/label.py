"""`synthcmr label`: segment a cohort that nobody labelled."""

from pathlib import Path
from typing import Annotated, Any

import typer


def label(
    source: Annotated[Path, typer.Argument(help="Cohort folder, or files that ingest would read.")],
    out: Annotated[Path, typer.Argument(help="Cohort folder to make; an unfinished one is continued.")],
    judge: Annotated[
        str | None, typer.Option("--judge", help="Run folder or weights of a segmenter. [default: the shipped one]")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", help="Rows and columns of the crop, or 'full'. [default: 128]")
    ] = None,
    frames: Annotated[
        str | None, typer.Option("--frames", help="keep, auto, single, pair (ED+ES) or cine. [default: keep]")
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete/--no-complete", help="Draw the structures that a person's masks lack.")
    ] = True,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes. [default: one per core]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cohort that is already there.")] = False,
) -> None:
    """Segment every frame of every slice, without one label to learn from.

    Finds the heart, chooses ED and ES from the volume curve, crops, and writes a cohort whose masks say who drew them. What a
    person drew is never changed. Writes label.html, the doubtful slices worst first, and labels.csv, the measures with their uncertainty.

    \b
    Examples:
      synthcmr label my_cines labelled
      synthcmr label my_cines labelled --frames pair
      synthcmr label DICOM_FOLDER labelled --judge judges/segmenter
    """
    from synthcmr.verbs.replace import clear_for

    given: dict[str, Any] = {"judge": judge, "frames": frames} | crop_size(size)
    options = {name: value for name, value in given.items() if value is not None or name == "size"}
    clear_for(out, overwrite)
    label_and_report(source, out, workers=workers, complete=complete, **options)


def label_and_report(source: Any, out: Path, **options: Any) -> None:
    """Label, say what was found, and write the page; also that of a cohort that was finished without one."""
    from synthcmr.cohort import Cohort
    from synthcmr.errors import AlreadyMadeError
    from synthcmr.labelling.label import label as run
    from synthcmr.labelling.result import LabelResult
    from synthcmr.report.label_page import PAGE, write_label_report
    from synthcmr.verbs.progress import progress_bar

    try:
        with progress_bar("label") as report:
            result = run(source, out, progress=report, **options)
    except AlreadyMadeError:
        if not (out / PAGE).exists():
            write_label_report(LabelResult(Cohort.open(out)))
        raise
    typer.echo(result.summary())
    typer.echo(f"Page: {write_label_report(result)}")


def crop_size(size: str | None) -> dict[str, int | None]:
    """The size as a setting, where one is given."""
    from synthcmr.errors import SettingsError

    if size is None:
        return {}
    if size == "full":
        return {"size": None}
    if not size.isdigit():
        raise SettingsError(f"--size: expected a whole number or 'full', got '{size}'")
    return {"size": int(size)}
