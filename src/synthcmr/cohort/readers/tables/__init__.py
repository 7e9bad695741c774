"""A plain table with one row per image file: the way in for every data set that has no reader of its own.

CSV (comma, semicolon or tab), TSV, Parquet or JSON lines. Columns, of which the first two must be there; capitals,
spaces and underscores do not matter, and common other names are known (`columns.py`):

    subject_id          whose image it is
    image               file, relative to the table or absolute: NIfTI; PNG, JPEG or TIFF in grey; NPY or NPZ
                        2D: one slice; 3D: its slices; 4D: frames and slices (NIfTI x, y, z, t; NPY t, z, y, x)
    mask                file of the same shape; empty: nothing is labelled
    labels              what its values mean, e.g. 1=lv,2=myo,3=rv (which is the default; 255 is always "unlabelled")
    labelled            structures it draws, e.g. lv,myo; default: all that `labels` names
    stack               which acquisition of the subject; needed where it has several of one phase
    phase               ED or ES; anything else is an unnamed phase
    frame               0-based place of the file's (first) frame in the cine
    ed_frame, es_frame  of files with several frames: which of them are ED and ES, from 0
    trigger_ms          time after the R wave
    slice_index         place of the file's (first) slice in the stack, base to apex
    spacing_row_mm, spacing_column_mm, or spacing_mm        pixel size; default: what the file says
    slice_step_mm, slice_thickness_mm                       between slice centres; of a slice
    intensity_low, intensity_high                           of pictures: intensities that 0 and the largest grey mean
    origin              real, phantom or synthetic; default: real

Every other column is an attribute of the subject (sex, age, height_cm or height_m, diagnosis or pathology, ...). Files
of a subject with the same slices become frames of one stack; slices that have one phase only become their own.

A folder is read through its metadata, images, subjects or table file, also one for each of train/, validation/ and
test/, as Hugging Face's imagefolder has it (file_name, mask_file_name).
"""

from collections import defaultdict
from pathlib import Path

from synthcmr.cohort.attributes import is_missing
from synthcmr.cohort.raw_subject import Case, RawSubject
from synthcmr.cohort.readers.tables.files import (
    STEMS,
    Cells,
    agreed_attributes,
    attribute_columns,
    attributes_of,
    control_columns,
    find_tables,
    is_table_of_images,
    load_rows,
)
from synthcmr.cohort.readers.tables.rows import code_of, read_rows_of_subject
from synthcmr.errors import ReadError, SettingsError

ORIGINS = ("real", "phantom", "synthetic")


class TableReader:
    """One subject per `subject_id`, whichever rows it has."""

    name = "table"
    about = (
        "a CSV, TSV, Parquet or JSONL file (or a folder with metadata.csv) with columns subject_id and image; see docs"
    )

    def recognises(self, source: Path) -> bool:
        """Whether the source is, or has, a table with columns for subject and image."""
        tables = find_tables(source)
        return bool(tables) and all(is_table_of_images(path) for path, _ in tables)

    def cases(self, source: Path) -> list[Case]:
        """Every subject with its rows, in the order of the table."""
        tables = find_tables(source)
        folders = [path.parent for path, _ in tables]
        if not tables:
            raise SettingsError(
                f"{source}: expected a table, or a folder with one named {', '.join(STEMS)} (.csv, ...)"
            )
        if len(set(folders)) < len(folders):
            names = ", ".join(path.name for path, _ in tables)
            raise SettingsError(f"{source}: expected one table of images, got {names}; name the one to read")
        root = source if source.is_dir() else source.parent
        subjects: dict[str, list[Cells]] = defaultdict(list)
        for path, split in tables:
            for subject_id, row in _described(path, split, str(path.parent.relative_to(root))):
                subjects[subject_id].append(row)
        return [Case(subject_id, {"rows": rows}) for subject_id, rows in subjects.items()]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject; a row that cannot be read is a reject of its own."""
        root = source if source.is_dir() else source.parent
        described = case.payload["rows"]
        if all(is_missing(row["cells"].get("subject_id")) for row in described):
            raise ReadError("subject_id: expected whose image it is, got nothing")
        stacks, rejects = read_rows_of_subject((root / row["folder"], row["cells"]) for row in described)
        attributes, notes = agreed_attributes([row["attributes"] for row in described])
        origin, origin_notes = _origin([row["cells"].get("origin") for row in described])
        return RawSubject(case.case_id, attributes, stacks, origin, rejects, (*notes, *origin_notes))


def _described(path: Path, split: str | None, folder: str) -> list[tuple[str, Cells]]:
    """(subject, what its row says) of every row."""
    rows = load_rows(path)
    if not rows:
        return []
    control, attributes = control_columns(rows[0]), attribute_columns(rows[0])
    described: list[tuple[str, Cells]] = []
    for number, row in enumerate(rows, start=2):  # as a spreadsheet counts them, below the header
        cells = {name: row.get(column) for name, column in control.items()}
        row_attributes = attributes_of(row, attributes)
        if split is not None:
            row_attributes.setdefault("split", split)
        nameless = is_missing(cells["subject_id"])
        subject_id = f"row {number}" if nameless else code_of(cells["subject_id"])
        described.append((subject_id, {"folder": folder, "cells": cells, "attributes": row_attributes}))
    return described


def _origin(stated: list[object]) -> tuple[str, tuple[str, ...]]:
    """Where a subject's images come from; in doubt, what claims least: synthetic before phantom before real."""
    origins = {str(value).strip().lower() for value in stated if not is_missing(value)}
    unknown = sorted(origins - set(ORIGINS))
    if unknown:
        raise ReadError(f"origin: expected one of {', '.join(ORIGINS)}, got {len(unknown)} other words")
    origin = max(origins or {"real"}, key=ORIGINS.index)
    return origin, ("origin: its images are of several; the least real was taken",) if len(origins) > 1 else ()
