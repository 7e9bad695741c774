"""Who was scanned and where, from a DICOM header: typed facts only, never a name, date, identifier or description."""

import re
from typing import TYPE_CHECKING

from synthcmr.cohort.readers.archive import Entry
from synthcmr.cohort.readers.dicom_files import lenient, number, read_header

if TYPE_CHECKING:
    from pydicom import Dataset

ATTRIBUTE_TAGS = [
    *("PatientSex", "PatientAge", "PatientBirthDate", "StudyDate", "PatientSize", "PatientWeight", "Manufacturer"),
    *("ManufacturerModelName", "MagneticFieldStrength", "HeartRate", "NominalInterval"),
]
YEARS_PER = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
TALLEST_M = 3.0  # a greater Patient Size was typed in centimetres
SEXES = {"F": "female", "M": "male"}


@lenient()
def header_attributes(entry: Entry) -> dict[str, object]:
    """Canonical attributes of the subject; what the header leaves empty is absent. The institution is left out."""
    header = read_header(entry, ATTRIBUTE_TAGS)
    if header is None:
        return {}
    found = {
        "sex": SEXES.get(str(header.get("PatientSex", "")).strip().upper()),
        "age": age_years(header),
        "height_cm": _height(header),
        "weight_kg": _positive(header.get("PatientWeight")),
        "vendor": str(header.get("Manufacturer") or "").strip() or None,
        "scanner": str(header.get("ManufacturerModelName") or "").strip() or None,
        "field_strength_t": _positive(header.get("MagneticFieldStrength")),
        "heart_rate": _heart_rate(header),
    }
    return {name: value for name, value in found.items() if value is not None}


def age_years(header: "Dataset") -> float | None:
    """Whole years for adults, from Patient Age or else from the birth and study dates, which are not kept."""
    match = re.fullmatch(r"(\d{1,3})([YMWD])", str(header.get("PatientAge", "")).strip().upper())
    if match and int(match[1]) > 0:
        return round(int(match[1]) * YEARS_PER[match[2]], 1)
    born, scanned = (_date(header.get(tag)) for tag in ("PatientBirthDate", "StudyDate"))
    if born is None or scanned is None:
        return None
    years = scanned[0] - born[0] - (scanned[1:] < born[1:])
    return float(years) if years >= 0 else None


def _date(value: object) -> tuple[int, int, int] | None:
    match = re.fullmatch(r"(\d{4})(\d{2})(\d{2})", str(value or "").strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match and int(match[1]) > 0 else None


def _height(header: "Dataset") -> float | None:
    size = _positive(header.get("PatientSize"))
    return None if size is None else round(size if size > TALLEST_M else size * 100, 1)


def _heart_rate(header: "Dataset") -> float | None:
    rate, interval_ms = _positive(header.get("HeartRate")), _positive(header.get("NominalInterval"))
    return rate if rate is not None else round(60_000 / interval_ms, 1) if interval_ms else None


def _positive(value: object) -> float | None:
    """Scanners write 0 for what nobody typed in."""
    result = number(value)
    return result if result is not None and result > 0 else None
