"""Rows of plain values to Parquet tables with stable types."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort.attributes import ATTRIBUTES

STRING, NUMBER, INTEGER = "string", "float64", "int64"

IMAGE_TYPES: dict[str, str] = {
    "image_id": STRING,
    "subject_id": STRING,
    "stack": INTEGER,
    "slice_index": INTEGER,
    "slice_count": INTEGER,
    "slice_level": STRING,
    "slice_fraction": NUMBER,
    "first_frame": INTEGER,
    "n_frames": INTEGER,
    "phases": "list<string>",
    "labelled": "list<string>",
    "frame_indices": "list<int64>",
    "trigger_ms": "list<float64>",
    "height": INTEGER,
    "width": INTEGER,
    "spacing_row_mm": NUMBER,
    "spacing_column_mm": NUMBER,
    "slice_step_mm": NUMBER,
    "slice_thickness_mm": NUMBER,
    "affine": "list<float64>",
    "intensity_low": NUMBER,
    "intensity_high": NUMBER,
    "area_lv_mm2": "list<float64>",
    "area_myo_mm2": "list<float64>",
    "area_rv_mm2": "list<float64>",
    "heart_cut": "bool",
    "origin": STRING,
    "content_hash": STRING,
}
JUDGED_TYPES: dict[str, str] = {  # of images.parquet, where a judge labelled any image
    "judge": STRING,
    "judged": "list<string>",
    "quality": "list<float64>",
    "doubt": "list<string>",
    "pixel_guess_mm": NUMBER,
}
SUBJECT_TYPES: dict[str, str] = {
    "subject_id": STRING,
    **{a.name: NUMBER if a.kind == "number" else STRING for a in ATTRIBUTES.values()},
    "split": STRING,
}
REJECT_TYPES: dict[str, str] = {"case_id": STRING, "part": STRING, "reason": STRING, "level": STRING}


def image_types(rows: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """Types of images.parquet; columns of judges only where one labelled an image."""
    present = {name for row in rows for name in JUDGED_TYPES if name in row}
    return IMAGE_TYPES | {name: kind for name, kind in JUDGED_TYPES.items() if name in present}


def write_table(path: Path, rows: Iterable[Mapping[str, object]], types: Mapping[str, str]) -> None:
    """Write rows as Parquet, replacing the file in one step.

    Known columns get their fixed type even when every value is missing; further columns are typed by what they hold.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    listed = list(rows)
    names = list(types) + sorted({k for row in listed for k in row} - set(types))
    columns = {name: _column([row.get(name) for row in listed], types.get(name), pa) for name in names}
    partial = path.with_suffix(".part")
    pq.write_table(pa.table(columns), partial)
    os.replace(partial, path)


def is_present(value: Any) -> bool:
    """Whether a cell of a table holds something; missing is None or NaN."""
    return value is not None and (isinstance(value, (np.ndarray, list, tuple)) or value == value)


def present_cells(row: Mapping[Any, Any], *besides: str) -> dict[str, Any]:
    """The cells of a row that hold something, besides some columns."""
    return {str(name): value for name, value in row.items() if name not in besides and is_present(value)}


def _column(values: list[object], kind: str | None, pa: Any) -> Any:
    if kind is not None:
        return pa.array(values, type=_arrow_type(kind, pa))
    present = [v for v in values if v is not None]
    if all(isinstance(v, bool) for v in present):
        return pa.array(values, type=pa.bool_())
    if all(isinstance(v, int) and not isinstance(v, bool) for v in present):
        return pa.array(values, type=pa.int64())
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in present):
        return pa.array([None if v is None else float(v) for v in values], type=pa.float64())  # type: ignore[arg-type]
    return pa.array([None if v is None else str(v) for v in values], type=pa.string())


def _arrow_type(kind: str, pa: Any) -> Any:
    if kind.startswith("list<"):
        return pa.list_(_arrow_type(kind[5:-1], pa))
    return {STRING: pa.string(), NUMBER: pa.float64(), INTEGER: pa.int64(), "bool": pa.bool_()}[kind]
