"""Rows of the tables that go with exported files, in the columns that the table reader knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.labels import in_canonical_order
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.writers.export import attribute_columns
from synthcmr.cohort.writers.subjects import Subject

FILE_COLUMNS = (
    "image",
    "mask",
    "subject_id",
    "stack",
    "phase",
    "frame",
    "ed_frame",
    "es_frame",
    "trigger_ms",
    "labelled",
)
GEOMETRY_COLUMNS = ("spacing_row_mm", "spacing_column_mm", "slice_step_mm", "slice_thickness_mm")
SLICE_COLUMNS = ("slice_index", "slice_count", "slice_level")
INTENSITY_COLUMNS = ("intensity_low", "intensity_high")
LAST_COLUMNS = ("origin", "split")
INTEGERS = {"stack", "frame", "ed_frame", "es_frame", "slice_index", "slice_count"}
FLOATS = {"trigger_ms", *GEOMETRY_COLUMNS, *INTENSITY_COLUMNS}


def table_columns(cohort: Cohort, *groups: Sequence[str]) -> list[str]:
    """All columns of a table: files, the groups that a format needs, and the attributes that any subject has."""
    fixed = [*FILE_COLUMNS, *GEOMETRY_COLUMNS, *(c for group in groups for c in group), *LAST_COLUMNS]
    return fixed + [c for c in attribute_columns(cohort) if c not in fixed]


def column_kind(cohort: Cohort, column: str) -> str:
    """Type of a column: "string", "int64", "float64" or "bool"."""
    if column in INTEGERS or column in FLOATS:
        return "int64" if column in INTEGERS else "float64"
    if column not in cohort.subjects.columns:
        return "string"
    values = cohort.subjects[column]
    if {type(v) for v in values.dropna()} == {bool}:
        return "bool"
    return {"b": "bool", "f": "float64", "i": "int64"}.get(values.dtype.kind, "string")


def subject_cells(subject: Subject, stack: SubjectStack) -> dict[str, Any]:
    """What all files of an acquisition share: who it is, and how large a pixel is."""
    row, column = stack.spacing_mm or (None, None)
    cells = {
        "subject_id": subject.subject_id,
        "stack": stack.stack,
        "spacing_row_mm": row,
        "spacing_column_mm": column,
        "slice_step_mm": stack.slice_step_mm,
        "slice_thickness_mm": stack.slice_thickness_mm,
        "origin": stack.origin,
        "split": subject.split,
    }
    return {**subject.attributes, **cells}


def frame_cells(stack: SubjectStack, frame: int) -> dict[str, Any]:
    """Which frame a file shows."""
    return {
        "phase": stack.phases[frame] or None,
        "frame": stack.frame_indices[frame],
        "trigger_ms": stack.trigger_ms[frame] if stack.trigger_ms else None,
        "labelled": ",".join(stack.labelled_in(frame)) or None,
    }


def cine_cells(stack: SubjectStack) -> dict[str, Any]:
    """Which frames of a file with several of them are end-diastole and end-systole, counted from 0."""
    phases = stack.phases
    structures = {name for t in range(stack.frame_count) for name in stack.labelled_in(t)}
    return {
        "ed_frame": phases.index("ED") if "ED" in phases else None,
        "es_frame": phases.index("ES") if "ES" in phases else None,
        "labelled": ",".join(in_canonical_order(structures)) or None,
    }


def slice_cells(stack: SubjectStack, position: int, frame: int) -> dict[str, Any]:
    """Which slice of which frame a file shows; a slice is labelled by what was drawn in it."""
    return {
        **frame_cells(stack, frame),
        "slice_index": stack.slice_indices[position],
        "slice_count": stack.slice_counts[position],
        "slice_level": stack.slice_levels[position],
        "labelled": ",".join(stack.slice_labelled[frame][position]) or None,
    }
