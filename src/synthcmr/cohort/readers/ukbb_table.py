"""The metadata table of UK Biobank: columns named by field id, in the spellings its tools use."""

import csv
import re
from pathlib import Path

from synthcmr.cohort.attributes import is_missing
from synthcmr.errors import SettingsError

FIELDS = {
    31: "sex",
    21003: "age",
    21001: "bmi",
    50: "height_cm",
    21002: "weight_kg",
    4080: "systolic_bp",
    4079: "diastolic_bp",
}
SEX_CODES = {"0": "female", "1": "male"}
ID_COLUMNS = {"eid", "f.eid", "n_eid", "participant.eid", "participant_id", "participant id"}
FIELD_COLUMN = re.compile(r"(?:participant\.)?[fpxn]?[._]?(\d+)(?:[-._]i?(\d+))?(?:[._]a?(\d+))?")
SUFFIXES = {".csv": ",", ".tsv": "\t", ".txt": "\t", ".tab": "\t"}

Attributes = dict[str, object]


def read_table(folder: Path, instance_of: dict[str, int]) -> dict[str, Attributes]:
    """Attributes of the participants of interest.

    Where a field was measured at several visits, the visit of the images is preferred, then the latest before it, then
    the earliest after it. Of other columns only `diagnosis` is kept: a table's dates and codes do not reach a cohort.

    Args:
        folder: where the table lies, beside the zips; without one the result is empty.
        instance_of: participant -> visit (2 or 3) of its images.

    Raises:
        SettingsError: the table cannot be read.
    """
    found: dict[str, Attributes] = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()):
        try:
            _read_file(path, instance_of, found)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SettingsError(
                f"{path}: expected a table with an 'eid' column and field ids such as 31-0.0, got: {error}"
            ) from error
    return found


def _read_file(path: Path, instance_of: dict[str, int], found: dict[str, Attributes]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream, delimiter=SUFFIXES[path.suffix.lower()])
        names = [name.strip().lower() for name in next(rows, [])]
        id_column = next((i for i, name in enumerate(names) if name in ID_COLUMNS), None)
        if id_column is None:
            return
        columns = _field_columns(names)
        for row in rows:
            eid = row[id_column].strip() if len(row) > id_column else ""
            if eid in instance_of:
                found.setdefault(eid, {}).update(_attributes(row, columns, instance_of[eid]))


def _field_columns(names: list[str]) -> dict[str, list[tuple[int, int, int]]]:
    """Canonical attribute -> (visit, array, column) of each column that holds it."""
    columns: dict[str, list[tuple[int, int, int]]] = {}
    for i, name in enumerate(names):
        match = FIELD_COLUMN.fullmatch(name)
        if match and int(match[1]) in FIELDS:
            columns.setdefault(FIELDS[int(match[1])], []).append((int(match[2] or 0), int(match[3] or 0), i))
        elif name == "diagnosis":
            columns["diagnosis"] = [(0, 0, i)]
    return columns


def _attributes(row: list[str], columns: dict[str, list[tuple[int, int, int]]], instance: int) -> Attributes:
    found: Attributes = {}
    for name, places in columns.items():
        for _, _, column in sorted(places, key=lambda p: (*_distance(p[0], instance), p[1])):
            value = row[column].strip() if column < len(row) else ""
            if not is_missing(value):
                found[name] = SEX_CODES.get(value, value) if name == "sex" else value
                break
    return found


def _distance(visit: int, instance: int) -> tuple[bool, int]:
    return visit > instance, abs(visit - instance)
