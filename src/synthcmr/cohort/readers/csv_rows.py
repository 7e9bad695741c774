"""Rows of a delimited text table, whatever its delimiter."""

import csv
from collections.abc import Iterable
from pathlib import Path

from synthcmr.cohort.privacy import column_name
from synthcmr.errors import SettingsError

DELIMITERS = (",", ";", "\t")
Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """Every row as column -> text, the columns named as they are in the file.

    Raises:
        SettingsError: the file cannot be read, or is not UTF-8 text.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
            stream.seek(0)
            rows = csv.DictReader(stream, delimiter=max(DELIMITERS, key=header.count), restval="")
            return [{k.strip(): (v or "").strip() for k, v in row.items() if isinstance(k, str)} for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: expected a table as UTF-8 text (CSV or TSV), got: {error}") from error


def read_columns(path: Path) -> list[str]:
    """Names of the columns; none where the file is no table."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            header = stream.readline()
    except (OSError, UnicodeDecodeError):
        return []
    return [name.strip() for name in next(csv.reader([header], delimiter=max(DELIMITERS, key=header.count)), [])]


def named_as_in_cohort(rows: Iterable[Row]) -> list[Row]:
    """The same rows with columns spelt as the cohort spells them ("External code" -> "external_code")."""
    return [{column_name(k): v for k, v in row.items()} for row in rows]


def find_table(folders: Iterable[Path], columns: set[str]) -> Path | None:
    """The first CSV file that has all these columns, spelt as the cohort spells them."""
    for folder in folders:
        for path in sorted(folder.glob("*.csv")):
            if columns <= {column_name(name) for name in read_columns(path)}:
                return path
    return None
