"""Commands that make, read, label, describe, join and write cohorts."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field

import synthcmr
from synthcmr.cli.from_options import COHORT, OUT_COHORT, command
from synthcmr.verbs.doctor import DoctorOptions
from synthcmr.verbs.export import ExportOptions
from synthcmr.verbs.ingest import IngestOptions
from synthcmr.verbs.join import JoinOptions
from synthcmr.verbs.label import LabelOptions
from synthcmr.verbs.make_phantoms import PhantomOptions
from synthcmr.verbs.release import ReleaseOptions


@command(PhantomOptions, OUT_COHORT)
def phantom(out: Path, options: PhantomOptions) -> None:
    """Make a cohort of digital phantoms with known truth. Needs no data.

    \b
    Presets:
      population  subjects as in a population study, one scanner
      biased      unfair by design: diagnosis associated with sex, BMI and vendor; balanced test split
      vendors     four manufacturers, two field strengths
      everyone    every disease in both sexes, young and old, four manufacturers: to train generators on
      acdc-like   patients, scanners and fields of view as varied as in ACDC
      varied      any vendor, resolution, rotation and contrast: to train segmenters for unknown scanners

    Each subject's truth (volumes, mass, wall thickness, fat) is in OUT/truth.parquet.

    \b
    Examples:
      synthcmr phantom people --subjects 500
      synthcmr phantom unfair --subjects 500 --preset biased
      synthcmr phantom cines --subjects 20 --frames 25
    """
    typer.echo(synthcmr.make_phantoms(out, options).summary())


class IngestFlags(IngestOptions):
    """The options of `ingest`, and one that reads no image."""

    save_table: Path | None = Field(
        None, description="Write the table guessed from names of NIfTI files here (CSV), and stop."
    )


@command(IngestFlags, {"source": (Path, "Folder, zip or table to read."), **OUT_COHORT})
def ingest(source: Path, out: Path, options: IngestFlags) -> None:
    """Read a data set into a cohort.

    What cannot be read is listed in OUT/rejects.parquet with the reason, and the rest goes on.

    \b
    Examples:
      synthcmr ingest ACDC/database acdc
      synthcmr ingest ACDC/database acdc --split random
      synthcmr ingest ukbb_zips ukbb --salt "our secret" --frames cine
      synthcmr ingest my_images.csv mine --spacing 1.25 --size 160
      synthcmr ingest second_site site2 --preprocess-from acdc
      synthcmr ingest ACDC/database/training raw --lossless
      synthcmr ingest my_dicoms mine --label
    """
    if options.save_table is None:
        typer.echo(synthcmr.ingest(source, out, options, say=typer.echo).summary())
    else:
        _save_table(source, options.save_table)


def _save_table(source: Path, file: Path) -> None:
    from synthcmr.verbs.ingest import save_guessed_table

    table = save_guessed_table(source, file)
    typer.echo(f"{file}: {len(table.rows)} row(s) guessed from the names in {source}")
    for text in (*table.notes, *table.problems):
        typer.echo(f"  {text}")
    typer.echo(f"Check it, correct it, and read it: synthcmr ingest {file} OUT")


@command(LabelOptions, {"source": (Path, "Cohort folder, or files that ingest would read."), **OUT_COHORT})
def label(source: Path, out: Path, options: LabelOptions) -> None:
    """Segment every frame of every slice; no manual label is needed.

    Finds the heart, chooses ED and ES from the volume curve, crops, and writes a cohort that records who drew each mask. Masks
    drawn by a person are never changed. Writes label.html, the doubtful slices worst first, and
    labels.csv, the measures with their uncertainty.

    \b
    Examples:
      synthcmr label my_cines labelled
      synthcmr label my_cines labelled --frames pair
      synthcmr label DICOM_FOLDER labelled --judge judges/segmenter
    """
    typer.echo(synthcmr.label(source, out, options).summary())


def info(cohort: Annotated[Path, typer.Argument(help="Cohort folder.")]) -> None:
    """Describe a cohort: subjects, images, attributes, rejects.

    \b
    Example:
      synthcmr info acdc
    """
    typer.echo(synthcmr.Cohort.open(cohort).summary())


@command(DoctorOptions, {"path": (Path, "Folder of a cohort, run, plan, recalibration or scores.")})
def doctor(path: Path, options: DoctorOptions) -> None:
    """Say what is wrong with something that synthcmr wrote, and what can be done about it.

    Compares checksums, decodes every image, opens weights and checkpoints, and names what killed commands left. Changes nothing: --fix
    writes everything of a cohort that is whole into a new one, whose rejects list what is lost. Ends with 1 where something is wrong.

    \b
    Examples:
      synthcmr doctor acdc
      synthcmr doctor acdc --fix acdc_mended
      synthcmr doctor runs/flow
    """
    found = synthcmr.doctor(path, options)
    typer.echo(found.summary())
    if not found.healthy and found.mended is None:
        raise typer.Exit(1)


@command(JoinOptions, OUT_COHORT | {"cohorts": (list[Path], "Cohorts with different subjects and images of one size.")})
def join(out: Path, cohorts: list[Path], options: JoinOptions) -> None:
    """Join cohorts, such as the shards of a plan, into one.

    Pixels, masks, attributes and splits stay as they are.

    \b
    Examples:
      synthcmr join all shard1 shard2 shard3
    """
    typer.echo(synthcmr.join(out, cohorts, options).summary())


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
      gif          animated GIF per stack, the slices side by side, and a table
      huggingface  Hugging Face imagefolder with a caption per image
      acdc         the layout of the ACDC challenge

    \b
    Examples:
      synthcmr export acdc nnUNet_raw --format nnunet --dataset-id 27
      synthcmr export acdc women --format nifti --where "sex == 'female' and age > 60"
      synthcmr export generated pacs --format dicom
      synthcmr export generated cines --format gif
    """
    typer.echo(synthcmr.export(cohort, dest, options).summary())


@command(
    ReleaseOptions,
    {
        "source": (Path, "Cohort folder, run folder or weights file."),
        "out": (Path, "Folder to make; nothing is left there when it is refused."),
    },
)
def release(source: Path, out: Path, options: ReleaseOptions) -> None:
    """Make a folder that may be given away, with a statement of differential privacy; or say why not.

    Adds up what everything behind the source took from patients: generator, anatomies, judges, recalibration, plan,
    followed and joined cohorts. Names, paths, hashes and counts of it stay behind. Writes statement.json, data_sheet.md
    and model_card.md.

    \b
    Examples:
      synthcmr release synthetic released
      synthcmr release runs/private released --epsilon 8
    """
    typer.echo(synthcmr.release(source, out, options).summary())
