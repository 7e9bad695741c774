"""Where the parts of the Sunnybrook Cardiac Data lie: images, contours and the patient table."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from synthcmr.cohort.readers.contours import CONTOUR_FILE
from synthcmr.errors import SettingsError

SCD_ID = re.compile(r"SCD\d{7}", re.IGNORECASE)
ORIGINAL_ID = re.compile(r"SC-(HF-I|HF-NI|HYP|N)-0*(\d+)", re.IGNORECASE)
TABLE_COLUMNS = {"patientid", "originalid", "gender", "age", "pathology"}


@dataclass(frozen=True)
class Patient:
    """One row of scd_patientdata.csv."""

    scd_id: str
    original_id: str
    sex: str
    age: str
    pathology: str


def home(source: Path) -> Path:
    """The folder that holds images, contours and table when the source is a zip, or the folder of the zips."""
    folder = source.parent if source.is_file() else source
    return folder.parent if folder.name.lower() == "dicom" else folder


def image_paths(source: Path) -> list[Path]:
    """Zips and folders of DICOM named after a subject: the source itself, or up to two folders down."""
    if source.is_file():
        return [source] if _is_image_path(source) else []
    below = sorted(source.iterdir())
    deeper = [p for folder in below if folder.is_dir() and not _is_image_path(folder) for p in sorted(folder.iterdir())]
    return [p for p in [*below, *deeper] if _is_image_path(p)]


def contour_files(source: Path) -> dict[str, list[Path]]:
    """Manual contour files per subject, under every name (SCD0000301, SC-HF-I-4) their folders give it."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(home(source).iterdir()):
        if folder.is_dir() and ("contour" in folder.name.lower() or ORIGINAL_ID.fullmatch(folder.name)):
            for path in sorted(folder.rglob("*.txt")):
                if CONTOUR_FILE.fullmatch(path.name):
                    for name in _subject_names(path):
                        found.setdefault(name, []).append(path)
    return found


def patients(source: Path) -> dict[str, Patient]:
    """Rows of the patient table under both of their names; empty where there is no table.

    Raises:
        SettingsError: the table cannot be read.
    """
    found: dict[str, Patient] = {}
    for path in sorted(home(source).glob("*.csv")):
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                rows = list(csv.DictReader(stream))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SettingsError(
                f"{path}: expected columns PatientID, OriginalID, Gender, Age, Pathology, got: {error}"
            ) from error
        for row in rows:
            values = {str(key).strip().lower(): str(value or "").strip() for key, value in row.items()}
            if set(values) >= TABLE_COLUMNS:
                patient = Patient(*(values[c] for c in ("patientid", "originalid", "gender", "age", "pathology")))
                found[canonical(patient.scd_id)] = found[canonical(patient.original_id)] = patient
    return found


def canonical(name: str) -> str:
    """One spelling of a subject's name: SC-HF-I-04 and SC-HF-I-4 are the same subject."""
    match = ORIGINAL_ID.fullmatch(name.strip())
    return f"SC-{match[1].upper()}-{int(match[2])}" if match else name.strip().upper()


def _is_image_path(path: Path) -> bool:
    name = path.stem if path.suffix.lower() == ".zip" else path.name
    if SCD_ID.fullmatch(name):
        return path.is_dir() or path.suffix.lower() == ".zip"
    return ORIGINAL_ID.fullmatch(name) is not None and path.is_dir() and any(path.glob("*.dcm"))


def _subject_names(path: Path) -> set[str]:
    names = set()
    for part in path.parts:
        scd, original = SCD_ID.search(part), ORIGINAL_ID.fullmatch(part)
        names |= {scd[0].upper()} if scd else set()
        names |= {canonical(part)} if original else set()
    return names
