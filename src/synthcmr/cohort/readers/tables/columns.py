"""Which column of a table means what: files and their place, attributes of the subject, and what is passed over."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from synthcmr.cohort.attributes import ATTRIBUTES, TALLEST_M, is_missing
from synthcmr.cohort.privacy import column_name

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
    r"area_\w+_mm2|heart_cut|content_hash|affine|text|caption|prompt"
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
