"""`synthcmr export`: write a cohort for other tools."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import COHORT, command
from synthcmr.verbs.export import ExportOptions
from synthcmr.verbs.export import export as run


@command(ExportOptions, COHORT | {"dest": (Path, "New or empty folder to write to.")})
def export(cohort: Path, dest: Path, options: ExportOptions) -> None:
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
    typer.echo(run(cohort, dest, options).summary())
