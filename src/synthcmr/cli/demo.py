"""`synthcmr demo`: the chain on phantoms, with no data and no download."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort


def demo(
    out: Annotated[Path, typer.Argument(help="Folder for everything the demo makes.")] = Path("demo-out"),
    subjects: Annotated[int, typer.Option("--subjects", min=20, help="Phantom subjects.")] = 120,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer subjects: done in a minute or two.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier demo made.")] = False,
) -> None:
    """Run the whole chain on phantoms: no data, no download.

    Makes a phantom cohort that is unfair by design, audits it, and exports it for nnU-Net and as DICOM. What is done
    already is not done again.

    \b
    Examples:
      synthcmr demo
      synthcmr demo /tmp/look --quick
    """
    from synthcmr.cli.replace import clear_for

    cohort_path = out / "cohort"
    clear_for(cohort_path, overwrite)
    cohort = _phantoms(cohort_path, 40 if quick else subjects)
    page = _audit(cohort, out / "audit")
    _export(cohort, out / "nnunet", "nnunet")
    _export(cohort.select(split="test"), out / "dicom", "dicom")
    typer.echo(_closing(cohort, page, out))


def _phantoms(path: Path, subjects: int) -> "Cohort":
    from synthcmr.cli.progress import progress_bar
    from synthcmr.cohort import Cohort
    from synthcmr.cohort.writer import COHORT_FILE
    from synthcmr.phantom.cohort import make_phantoms

    typer.echo(f"1/3 phantom: {subjects} digital subjects, unfair by design (preset 'biased')")
    if (path / COHORT_FILE).exists():
        typer.echo("    already there")
        return Cohort.open(path)
    with progress_bar("    phantom") as report:
        return make_phantoms(path, "biased", subjects, progress=report)
