"""`synthcmr export`: write a cohort for other tools."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.cohort.writers.export import LeftOut, WriteSummary

SHOWN_LEFT_OUT = 5


class Format(StrEnum):
    """Layouts that a cohort can be written in."""

    nnunet = "nnunet"
    nifti = "nifti"
    dicom = "dicom"
    png = "png"
    huggingface = "huggingface"
    hf = "hf"
    acdc = "acdc"


def export(
    cohort: Annotated[Path, typer.Argument(help="Cohort folder.")],
    dest: Annotated[Path, typer.Argument(help="New or empty folder to write to.")],
    layout: Annotated[Format, typer.Option("--format", help="Layout to write; hf is short for huggingface.")],
    where: Annotated[
        str | None, typer.Option("--where", help="Only images for which this holds, e.g. \"sex == 'female'\".")
    ] = None,
    dataset_id: Annotated[
        int | None, typer.Option("--dataset-id", help="nnunet: number of the data set. [default: 501]")
    ] = None,
    dataset_name: Annotated[
        str | None, typer.Option("--dataset-name", help="nnunet: name of the data set. [default: SynthCMR]")
    ] = None,
    bits: Annotated[int | None, typer.Option("--bits", help="png, huggingface: 8 or 16 bits a pixel.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
) -> None:
    """Write a cohort for other tools.

    What a layout cannot hold is listed in DEST/left_out.csv with the reason.

    \b
    Layouts:
      nnunet       nnU-Net v2 raw data set, ready for nnUNetv2_plan_and_preprocess
      nifti        NIfTI volumes and a table
      dicom        DICOM MR images, masks as DICOM SEG; synthetic cohorts say so in every file
      png          one PNG per slice and frame, and a table
      huggingface  Hugging Face imagefolder with a caption per image
      acdc         the layout of the ACDC challenge

    \b
    Examples:
      synthcmr export acdc nnUNet_raw --format nnunet --dataset-id 27
      synthcmr export acdc women --format nifti --where "sex == 'female' and age > 60"
      synthcmr export generated pacs --format dicom
    """
    from synthcmr.cohort import Cohort
    from synthcmr.cohort.writers import get_writer
    from synthcmr.verbs.progress import progress_bar

    given = {"dataset_id": dataset_id, "dataset_name": dataset_name, "bits": bits}
    writer = get_writer(layout.value, **{k: v for k, v in given.items() if v is not None})
    chosen = Cohort.open(cohort) if where is None else _chosen(Cohort.open(cohort), where)
    with progress_bar("export") as report:
        summary = writer.write(chosen, dest, lambda done, total: report(done, total, ""), overwrite=overwrite)
    typer.echo(describe(summary))


def describe(summary: "WriteSummary") -> str:
    """What an export wrote and left out, for people."""
    lines = [f"{summary.folder}: {summary.subjects} subject(s) in {summary.files} files"]
    lines += [f"  note: {note}" for note in summary.notes]
    if summary.left_out:
        lines.append(f"  {len(summary.left_out)} thing(s) left out; all in {summary.folder / 'left_out.csv'}")
        lines += [f"    {_line(item)}" for item in summary.left_out[:SHOWN_LEFT_OUT]]
    return "\n".join(lines)


def _line(item: "LeftOut") -> str:
    return f"{item.subject_id}, {item.part}: {item.reason}"


def _chosen(cohort: "Cohort", query: str) -> "Cohort":
    from synthcmr.errors import SettingsError

    selection = cohort.where(query)
    if len(selection) == 0:
        raise SettingsError(f"--where: no image of {cohort.path} has {query}")
    return selection
