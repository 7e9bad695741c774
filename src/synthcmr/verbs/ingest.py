"""Read a data set into a cohort."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from synthcmr.cohort.readers import READERS
from synthcmr.config import (
    LARGEST_SEED,
    MOST_WORKERS,
    FrameMode,
    IngestSettings,
    PreprocessSettings,
    settings_from_dict,
    settings_from_yaml,
)
from synthcmr.errors import SettingsError
from synthcmr.verbs.options import Names, Options, number_or
from synthcmr.verbs.public import public
from synthcmr.verbs.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.cohort.ingest import IngestPlan
    from synthcmr.cohort.readers.nifti.guessed_table import GuessedTable
    from synthcmr.verbs.labelled_cohort import LabelledCohort

Say = Callable[[str], None]
SHOWN_ROWS = 6  # of a guessed table


class IngestOptions(Options):
    """What is read, and what is done to every image; what is left out is as in `settings`, or the usual.

    Example:
        >>> import synthcmr
        >>> synthcmr.IngestOptions(spacing=1.25, size="full").size
        'full'
    """

    format: str = Field("auto", description=f"Layout of the source: {', '.join(READERS)}; auto recognises it.")
    spacing: Annotated[float | Literal["native"] | None, number_or("native", "--spacing")] = Field(
        None, description="In-plane pixel in mm, or 'native'. [default: 1.5]"
    )
    size: Annotated[int | Literal["full"] | None, number_or("full", "--size", whole=True)] = Field(
        None, description="Rows and columns of the crop, or 'full'. [default: 128]"
    )
    frames: FrameMode | None = Field(
        None, description="Frames per image: auto, single, pair (ED+ES) or cine. [default: auto]"
    )
    lossless: bool = Field(False, description="Keep every pixel as it was read.")
    settings: Path | None = Field(None, description="YAML file of ingest settings.")
    preprocess_from: Path | None = Field(
        None, description="Use the preprocessing of this cohort, e.g. for a second site."
    )
    include: Names = Field(None, description="Only these subjects, comma-separated.")
    salt: str | None = Field(
        None, description="Replace subject ids by a keyed hash.", json_schema_extra={"envvar": "SYNTHCMR_SALT"}
    )
    seed: int | None = Field(None, ge=0, le=LARGEST_SEED, description="Random seed of the train/validation/test split.")
    split: Literal["auto", "official", "random"] | None = Field(
        None,
        description="official: the data set's own training and test sets; random: sampled; auto: official where there is more "
        "than a training set. [default: auto]",
    )
    workers: int | None = Field(None, ge=1, le=MOST_WORKERS, description="Processes. [default: one per core]")
    label: bool = Field(False, description="Find and segment the heart before cropping; also for images without masks.")
    judge: str | None = Field(None, description="With --label: run folder or weights. [default: the shipped segmenter]")
    strict: bool = Field(False, description="Stop at the first file that cannot be read.")
    overwrite: bool = Field(False, description="Replace an existing cohort.")

    @model_validator(mode="after")
    def _can_be_combined(self) -> Self:
        if self.judge is not None and not self.label:
            raise SettingsError(
                f"--judge {self.judge}: expected only with --label, which asks a judge to segment; add --label"
            )
        return self

    def ingest_settings(self) -> IngestSettings:
        """The settings file, the other cohort's preprocessing and the fields, one over the other.

        Raises:
            SettingsError: a file cannot be read, or holds what is not allowed.
            CohortError: `preprocess_from` is no cohort.
        """
        base = settings_from_yaml(self.settings, IngestSettings) if self.settings else IngestSettings()
        values: dict[str, Any] = base.model_dump()
        if self.preprocess_from is not None:
            values["preprocess"] = _preprocess_of(self.preprocess_from)
        if self.lossless:
            values["preprocess"] = PreprocessSettings.lossless().model_dump()
        if self.spacing is not None:
            values["preprocess"]["spacing_mm"] = None if self.spacing == "native" else self.spacing
        if self.size is not None:
            values["preprocess"]["size"] = None if self.size == "full" else self.size
        if self.frames is not None:
            values["preprocess"]["frames"] = self.frames
        if self.format != "auto":
            values["format"] = self.format
        if self.include:
            values["include"] = self.include
        values["split"] |= {k: v for k, v in {"seed": self.seed, "method": self.split}.items() if v is not None}
        return settings_from_dict(values, IngestSettings, "ingest settings")


@dataclass(frozen=True)
class IngestedCohort(Result):
    """A cohort that was read from files.

    Attributes:
        cohort: images with their masks and tables.
        notes: how the source was understood.
        labels: with `label`, what the judge drew and measured.
    """

    cohort: Cohort
    notes: tuple[str, ...] = ()
    labels: LabelledCohort | None = None

    def summary(self) -> str:
        """What was read and what was rejected."""
        return self.cohort.summary() if self.labels is None else self.labels.summary()

    @property
    def table(self) -> pd.DataFrame:
        """The subjects with their attributes; with `label`, their measures."""
        return self.cohort.subjects if self.labels is None else self.labels.table

    @property
    def rejects(self) -> pd.DataFrame:
        """What could not be read: case_id, part, level, reason."""
        return self.cohort.rejects


@public
def ingest(
    source: Path | str, out: Path | str, options: IngestOptions | None = None, *, say: Say | None = None, **changes: Any
) -> IngestedCohort:
    """Read a data set into a cohort.

    What cannot be read is listed in `cohort.rejects` with the reason, and the rest goes on.

    Args:
        source: folder, zip or table to read.
        out: cohort folder to make; an unfinished one is continued.
        options: what is read, and how.
        say: called with notes as they arise; they are in the result as well.
        changes: fields of `IngestOptions`, in place of `options` or over them.

    Returns:
        The cohort, with a summary.

    Raises:
        SettingsError: the source is not recognised, or options cannot be combined.
        CohortError: `out` holds something else, or nothing at all could be read.
        ReadError: `strict`, and something could not be read.

    Example:
        >>> import synthcmr
        >>> read = synthcmr.ingest("ACDC/database/training", "cohorts/acdc", spacing=1.25, size=160)
        >>> diagnoses = read.table["diagnosis"].value_counts()
        >>> reasons = read.rejects[["case_id", "part", "reason"]]
    """
    from synthcmr.cohort.ingest import ingest as run
    from synthcmr.cohort.ingest import plan_ingest
    from synthcmr.verbs.outputs import build_cohort
    from synthcmr.verbs.progress import progress_bar

    chosen, out = IngestOptions.of(options, changes), Path(out)
    plan = plan_ingest(Path(source), chosen.ingest_settings(), chosen.salt)
    notes = (f"Reading {len(plan.cases)} case(s) of {source} as '{plan.reader}'", *_guessed(plan, out))
    if say is not None:
        say("\n".join(notes))
    if chosen.label:
        from synthcmr.labelling.settings import LabelSettings
        from synthcmr.verbs.label import labelled

        labels = labelled(
            plan, out, LabelSettings(judge=chosen.judge), chosen.workers, chosen.strict, chosen.overwrite, source
        )
        return IngestedCohort(labels.cohort, (*notes, *_in_clear(out, plan, say)), labels)
    with progress_bar("ingest") as report:
        cohort = build_cohort(
            out, chosen.overwrite, lambda folder: run(plan, folder, chosen.workers, chosen.strict, report), (source,)
        )
    return IngestedCohort(cohort, (*notes, *_in_clear(out, plan, say)))


def _in_clear(out: Path, plan: IngestPlan, say: Say | None) -> tuple[str, ...]:
    """Under a salt: where it says whose files could not be read."""
    from synthcmr.cohort.pseudonyms import clear_table_of

    table = clear_table_of(out)
    if plan.salt is None or not table.exists():
        return ()
    note = f"Problems with names of files, in clear: {table}; keep it with the patients' files"
    if say is not None:
        say(note)
    return (note,)


@public
def save_guessed_table(source: Path | str, file: Path | str) -> GuessedTable:
    """Write the table guessed from the names of NIfTI files, to be checked, mended and read.

    Args:
        source: folder of NIfTI files.
        file: CSV to write.

    Raises:
        SettingsError: the folder has no NIfTI files, or the CSV is there already.
    """
    from synthcmr.cohort.ingest import guessed_table

    table, new = guessed_table(Path(source)), Path(file)
    if os.path.lexists(new):
        raise SettingsError(
            f"{new}: expected the name of a new file, got one that is there; move it away, or choose another"
        )
    table.write(new, Path(source))
    return table


def _guessed(plan: IngestPlan, out: Path) -> list[str]:
    """The table that file names were turned into, and how to change it."""
    if plan.table is None:
        return []
    rows = plan.table.rows
    lines = [f"Guessed from the names of the files ({min(len(rows), SHOWN_ROWS)} of {len(rows)} rows):"]
    lines += [f"  {line}" for line in plan.table.lines(SHOWN_ROWS)]
    lines += [f"  note: {note}" for note in plan.table.notes]
    if plan.salt is None:
        lines.append(f"  kept as {out}/guessed_table.csv; where it is wrong, mend a copy and ingest that")
    return lines


def _preprocess_of(folder: Path) -> dict[str, Any]:
    from synthcmr.cohort import Cohort

    settings = Cohort.open(folder).info.get("settings", {})
    if "preprocess" not in settings:
        raise SettingsError(
            f"--preprocess-from {folder}: expected a cohort that states its preprocessing, got one without"
        )
    return dict(settings["preprocess"])
