"""Tables on disk, and which of their columns means what: files and their place, attributes of the subject, and what is passed over."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from synthcmr.cohort.attributes import ATTRIBUTES, TALLEST_M, is_missing
from synthcmr.cohort.csv_cells import unmarked
from synthcmr.cohort.identifiers import column_name
from synthcmr.cohort.reasons import why
from synthcmr.cohort.source_links import expect_within
from synthcmr.cohort.splits import SET_WORDS
from synthcmr.errors import SettingsError

# What the reader itself uses -> spellings, the preferred one first
CONTROL: dict[str, tuple[str, ...]] = {
    "subject_id": ("subject_id", "subject", "patient_id", "patient", "participant_id", "participant", "id"),
    "image": ("image", "file_name", "image_path", "image_file_name", "image_file", "path", "filename", "file"),
    "mask": ("mask", "mask_file_name", "mask_path", "mask_file", "label_path", "segmentation", "seg"),
    "stack": ("stack",),
    "phase": ("phase", "cardiac_phase"),
    "frame": ("frame", "frame_index"),
    "ed_frame": ("ed_frame", "ed"),
    "es_frame": ("es_frame", "es"),
    "trigger_ms": ("trigger_ms", "trigger_time", "trigger_time_ms"),
    "slice_index": ("slice_index", "slice", "slice_number"),
    "spacing_mm": ("spacing_mm", "pixel_spacing_mm", "pixel_spacing", "spacing"),
    "spacing_row_mm": ("spacing_row_mm",),
    "spacing_column_mm": ("spacing_column_mm",),
    "slice_step_mm": ("slice_step_mm", "slice_step", "spacing_between_slices", "spacing_between_slices_mm"),
    "slice_thickness_mm": ("slice_thickness_mm", "slice_thickness"),
    "intensity_low": ("intensity_low",),
    "intensity_high": ("intensity_high",),
    "labels": ("labels", "label_map"),
    "labelled": ("labelled", "labeled"),
    "origin": ("origin",),
}
REQUIRED = ("subject_id", "image")
PASSED_OVER = re.compile(
    r"|index|unnamed(_\d+)?|image_id|slice_count|slice_level|slice_fraction|first_frame|n_frames|phases|frame_indices|"
    r"area_\w+_mm2|heart_cut|content_hash|affine|text|caption|prompt|dp_(epsilon|delta|unit|accountant)"
)
ALIASES: dict[str, tuple[str, ...]] = {
    "sex": ("gender",),
    "age": ("age_years", "patient_age"),
    "height_cm": ("height", "body_height"),
    "weight_kg": ("weight", "body_weight"),
    "bmi": ("body_mass_index",),
    "diagnosis": ("pathology", "disease", "group"),
    "systolic_bp": ("sbp", "systolic", "systolic_blood_pressure"),
    "diastolic_bp": ("dbp", "diastolic", "diastolic_blood_pressure"),
    "heart_rate": ("hr", "heart_rate_bpm"),
    "vendor": ("vendor_name", "manufacturer"),
    "scanner": ("scanner_model", "model", "manufacturer_model", "manufacturer_model_name"),
    "field_strength_t": ("field_strength", "field", "magnetic_field_strength"),
    "centre": ("center", "site"),
}
# A unit at the end of a column's name -> factor to the unit of the attribute
UNITS: dict[str, dict[str, float]] = {
    "height_cm": {"m": 100.0, "mm": 0.1, "in": 2.54, "inches": 2.54, "cm": 1.0},
    "weight_kg": {"lb": 0.45359237, "lbs": 0.45359237, "g": 0.001, "kg": 1.0},
    "field_strength_t": {"t": 1.0, "tesla": 1.0, "mt": 0.001},
}

Cells = dict[str, Any]
DELIMITERS = (",", ";", "\t")
Row = dict[str, str]
STEMS = ("metadata", "images", "subjects", "table")
SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl")
INTEGER = re.compile(r"[-+]?(0|[1-9]\d*)")
NUMBER = re.compile(r"[-+]?(0|[1-9]\d*)(\.\d*)?([eE][-+]?\d+)?")
MOST_DIGITS = 18  # of a whole number that a table's 64 bits hold
TRUTH = {"true": True, "false": False}


def control_columns(columns: Iterable[str]) -> dict[str, str]:
    """What the reader uses -> the column that holds it."""
    spelt = {column_name(c): c for c in reversed(list(columns))}
    columns_of = {name: next((spelt[s] for s in spellings if s in spelt), None) for name, spellings in CONTROL.items()}
    return {name: column for name, column in columns_of.items() if column is not None}


def attribute_columns(columns: Iterable[str]) -> dict[str, str]:
    """Column -> attribute, for every column that says something about the subject.

    A column named as an attribute is preferred to one with another name for it, which then keeps its own name.
    """
    listed = list(columns)
    others = [c for c in listed if c not in set(control_columns(listed).values())]
    others = [c for c in others if not PASSED_OVER.fullmatch(column_name(c))]
    names = {c: column_name(c) for c in others if column_name(c) in ATTRIBUTES}
    for column in others:
        name = attribute_of(column)
        if column not in names:
            names[column] = name if name not in names.values() else column_name(column)
    return {c: names[c] for c in others}


def attribute_of(column: str) -> str:
    """The attribute that a column means: "Height (m)" -> height_cm; a column's own name where it means none."""
    own = column_name(column)
    for name, others in ALIASES.items():
        bases = (name, *others)
        if own in bases or any(own == f"{base}_{unit}" for base in bases for unit in UNITS.get(name, {})):
            return name
    return own


def attributes_of(row: Mapping[str, object], columns: Mapping[str, str]) -> Cells:
    """The attributes of one row, in the units of the cohort; missing ones are left out."""
    attributes: Cells = {}
    for column, name in columns.items():
        value = row.get(column)
        if not is_missing(value):
            attributes[name] = _in_unit(value, column, name)
    return attributes


def _in_unit(value: object, column: str, name: str) -> object:
    if name not in UNITS:
        return value
    try:
        number = float(str(value).replace(",", "."))
    except ValueError:
        return value
    words = column_name(column).split("_")
    factor = UNITS[name].get(words[-1], 1.0) if len(words) > 1 else 1.0
    if name == "height_cm" and words[-1] not in UNITS[name] and 0 < number < TALLEST_M:
        factor = 100.0
    return value if factor == 1.0 else round(number * factor, 6)


def agreed_attributes(rows: list[Cells]) -> tuple[Cells, tuple[str, ...]]:
    """Attributes on which the rows of a subject agree, and a note for each on which they do not."""
    values: dict[str, list[object]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            if value not in values[name]:
                values[name].append(value)
    notes = [
        f"{name}: its images have {len(different)} different values; treated as missing"
        for name, different in values.items()
        if len(different) > 1
    ]
    return {name: different[0] for name, different in values.items() if len(different) == 1}, tuple(notes)


def read_rows(path: Path) -> list[Row]:
    """Every row as column -> text, the columns named as they are in the file.

    Raises:
        SettingsError: the file cannot be read, or is not UTF-8 text.
    """
    expect_within(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
            stream.seek(0)
            rows = csv.DictReader(stream, delimiter=max(DELIMITERS, key=header.count), restval="")
            return [
                {unmarked(k.strip()): unmarked((v or "").strip()).strip() for k, v in row.items() if isinstance(k, str)}
                for row in rows
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: expected a table as UTF-8 text (CSV or TSV), got: {why(error)}") from error


def read_columns(path: Path) -> list[str]:
    """Names of the columns; none where the file is no table."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            header = stream.readline()
    except (OSError, UnicodeDecodeError):
        return []
    try:
        names = next(csv.reader([header], delimiter=max(DELIMITERS, key=header.count)), [])
    except csv.Error:  # a first line of megabytes: some other program's file that ends in .csv
        return []
    return [unmarked(name.strip()) for name in names]


def named_as_in_cohort(rows: Iterable[Row]) -> list[Row]:
    """The same rows with columns spelt as the cohort spells them ("External code" -> "external_code")."""
    return [{column_name(k): v for k, v in row.items()} for row in rows]


def renamed_cells(row: Row, names: Mapping[str, str]) -> dict[str, object]:
    """The cells that hold something, of the columns that `names` calls by other names."""
    return {ours: row[theirs] for theirs, ours in names.items() if row.get(theirs)}


def find_table(folders: Iterable[Path], columns: set[str]) -> Path | None:
    """The first CSV file that has all these columns, spelt as the cohort spells them."""
    for folder in folders:
        for path in sorted(folder.glob("*.csv")):
            if columns <= {column_name(name) for name in read_columns(path)}:
                return path
    return None


def find_tables(source: Path) -> list[tuple[Path, str | None]]:
    """Tables of images, each with the split that its folder is named after, if it is.

    The source is a table, or a folder with one (metadata, images, subjects or table; .csv, .tsv, .parquet or .jsonl),
    or a folder with train/, validation/ and test/ that have one each.
    """
    if source.is_file():
        return [(source, None)] if source.suffix.lower() in SUFFIXES else []
    if not source.is_dir():
        return []
    if own := _tables_in(source):
        return [(path, None) for path in own]
    below = sorted(f for f in source.iterdir() if f.is_dir() and f.name.lower() in SET_WORDS)
    return [(path, SET_WORDS[folder.name.lower()]) for folder in below for path in _tables_in(folder)]


def is_table_of_images(path: Path) -> bool:
    """Whether a table has a column for the subject and one for the image, judged by its header."""
    return set(REQUIRED) <= set(control_columns(_columns(path)))


def load_rows(path: Path) -> list[Cells]:
    """Rows of a table; of text tables, columns of attributes that hold only numbers or true/false are typed.

    Raises:
        SettingsError: the table cannot be read, or lacks a column that is needed.
    """
    suffix = path.suffix.lower()
    rows = _parquet_rows(path) if suffix == ".parquet" else _json_rows(path) if suffix == ".jsonl" else _text_rows(path)
    missing = [name for name in REQUIRED if rows and name not in control_columns(rows[0])]
    if missing:
        raise SettingsError(
            f"{path}: expected columns {' and '.join(REQUIRED)} (or another name for them), got no {', '.join(missing)} "
            f"among: {', '.join(rows[0])}"
        )
    return rows


def _tables_in(folder: Path) -> list[Path]:
    paths = [folder / f"{stem}{suffix}" for stem in STEMS for suffix in SUFFIXES]
    return [path for path in paths if path.is_file() and is_table_of_images(path)]


def _columns(path: Path) -> list[str]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        try:
            return list(pq.read_schema(path).names)
        except (OSError, ValueError):
            return []
    if suffix == ".jsonl":
        return _first_keys(path)
    return read_columns(path)


def _first_keys(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as stream:
            first = json.loads(stream.readline(), parse_int=_whole_number)
    except (OSError, ValueError, RecursionError):
        return []
    return list(first) if isinstance(first, dict) else []


def _whole_number(text: str) -> int | str:
    """A number of JSON that a table can hold; longer ones stay text, as in a CSV file."""
    return int(text) if len(text) <= MOST_DIGITS else text


def _parquet_rows(path: Path) -> list[Cells]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    expect_within(path)
    try:
        rows: list[Cells] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise SettingsError(f"{path}: expected a Parquet table, got: {why(error)}") from error
    return rows


def _json_rows(path: Path) -> list[Cells]:
    rows: list[Cells] = []
    expect_within(path)
    try:
        with path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    rows.append(_json_row(line, number, path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: expected JSON lines as UTF-8 text, got: {why(error)}") from error
    columns = dict.fromkeys(key for row in rows for key in row)
    return [{column: row.get(column) for column in columns} for row in rows]


def _json_row(line: str, number: int, path: Path) -> Cells:
    try:
        row = json.loads(line, parse_int=_whole_number)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}, line {number}: expected one JSON object per line, got: {why(error)}") from error
    if not isinstance(row, dict):
        raise SettingsError(f"{path}, line {number}: expected one JSON object per line, got a {type(row).__name__}")
    return row


def _text_rows(path: Path) -> list[Cells]:
    rows: list[Cells] = [dict(row) for row in read_rows(path)]
    for column in attribute_columns(rows[0]) if rows else ():
        parse = _parser([str(row[column]) for row in rows if not is_missing(row[column])])
        for row in rows:
            row[column] = None if is_missing(row[column]) else parse(str(row[column]))
    return rows


def _parser(texts: list[str]) -> Callable[[str], object]:
    """What a column's texts all are. Numbers with leading zeros are codes and stay text."""
    if texts and all(text.lower() in TRUTH for text in texts):
        return lambda text: TRUTH[text.lower()]
    if texts and all(INTEGER.fullmatch(text) and len(text) <= MOST_DIGITS for text in texts):
        return int
    return float if texts and all(NUMBER.fullmatch(text) and math.isfinite(float(text)) for text in texts) else str
