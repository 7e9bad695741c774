"""`synthcmr demo`: the chain on phantoms, with no data and no download."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort

PRESET = "biased"
EXPORTS = ("nnunet", "dicom")
DICOM_SUBJECTS = 5  # enough to open in a viewer
LACKING = "woman, dilated cardiomyopathy, BMI 24"  # whom the unfair cohort hardly has
GENERATED = 8


def demo(
    out: Annotated[Path, typer.Argument(help="Folder for everything the demo makes.")] = Path("demo-out"),
    subjects: Annotated[int, typer.Option("--subjects", min=20, help="Phantom subjects.")] = 120,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer subjects: done in a minute or two.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier demo made.")] = False,
) -> None:
    """Run the whole chain on phantoms: no data, no download.

    Makes a phantom cohort that is unfair by design, audits it, generates patients whom it lacks, and exports it for nnU-Net
    and as DICOM. What an earlier demo in the same folder finished is not made again.

    \b
    Examples:
      synthcmr demo
      synthcmr demo look --quick
    """
    cohort = _phantoms(out / "cohort", 40 if quick else subjects, overwrite)
    page, sentences = _audit(cohort, out / "audit")
    made = _generate(out / "synthetic", overwrite)
    folders = [_export(cohort, out / layout, layout) for layout in EXPORTS]
    typer.echo("\nWhat was found:")
    for sentence in sentences:
        typer.echo(f"  {sentence}")
    typer.echo(
        f"\nOpen {page} and {made} in a browser. The cohort is in {cohort.path}, exports are in {' and '.join(map(str, folders))}."
    )
    typer.echo("The subjects are digital phantoms, not people.")


def _phantoms(path: Path, subjects: int, overwrite: bool) -> "Cohort":
    from synthcmr.cli.progress import progress_bar
    from synthcmr.cli.replace import clear_for
    from synthcmr.cohort import Cohort
    from synthcmr.cohort.writer import COHORT_FILE
    from synthcmr.phantom.cohort import make_phantoms

    typer.echo(f"1/4 phantom: {subjects} digital subjects, unfair by design (preset '{PRESET}')")
    clear_for(path, overwrite)
    if (path / COHORT_FILE).exists():
        typer.echo("    is there already; --overwrite makes it again")
        return Cohort.open(path)
    with progress_bar("    phantom") as report:
        return make_phantoms(path, PRESET, subjects, progress=report)


def _audit(cohort: "Cohort", folder: Path) -> tuple[Path, tuple[str, ...]]:
    from synthcmr.cli.audit import write_audit
    from synthcmr.fairness.audit import audit_cohort

    typer.echo("2/4 audit: whom does it leave out?")
    result = audit_cohort(cohort)
    return write_audit(result, cohort, folder), result.sentences


def _generate(path: Path, overwrite: bool) -> Path:
    from synthcmr.cli.generate import generate
    from synthcmr.cohort.writer import COHORT_FILE
    from synthcmr.report.generated_page import PAGE

    typer.echo(f"3/4 generate: {GENERATED} patients whom it lacks, with the weights that come with synthcmr")
    if overwrite or not (path / COHORT_FILE).exists():
        generate(path, prompt=LACKING, count=GENERATED, overwrite=overwrite)
    return path / PAGE


def _export(cohort: "Cohort", folder: Path, layout: str) -> Path:
    from synthcmr.cohort.writers import get_writer

    typer.echo(f"4/4 export: {layout}")
    chosen = cohort
    if layout == "dicom":
        few = cohort.subjects["subject_id"].head(DICOM_SUBJECTS).tolist()
        chosen = cohort.select(subject_id=few)
    get_writer(layout).write(chosen, folder, overwrite=True)
    return folder
