"""`synthcmr ingest`: read a data set into a cohort."""

from pathlib import Path

import typer
from pydantic import Field

from synthcmr.cli.from_options import OUT_COHORT, command
from synthcmr.verbs.ingest import IngestOptions, save_guessed_table
from synthcmr.verbs.ingest import ingest as run


class IngestFlags(IngestOptions):
    """Those of Python, and one that reads nothing."""

    save_table: Path | None = Field(
        None, description="Write the table guessed from names of NIfTI files here (CSV), and stop."
    )


@command(IngestFlags, {"source": (Path, "Folder, zip or table to read."), **OUT_COHORT})
def ingest(source: Path, out: Path, options: IngestFlags) -> None:
    """Read a data set into a cohort.

    What cannot be read is listed in OUT/rejects.parquet with the reason, and the rest goes on.

    \b
    Formats: acdc, mnms, mnms2, emidec, nnunet, ukbb, sunnybrook, sunnybrook-png, table, dicom, nifti.

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
        typer.echo(run(source, out, options, say=typer.echo).summary())
    else:
        _save_table(source, options.save_table)


def _save_table(source: Path, file: Path) -> None:
    table = save_guessed_table(source, file)
    typer.echo(f"{file}: {len(table.rows)} row(s) guessed from the names in {source}")
    for text in (*table.notes, *table.problems):
        typer.echo(f"  {text}")
    typer.echo(f"Check it, mend it where it is wrong, and read it: synthcmr ingest {file} OUT")
