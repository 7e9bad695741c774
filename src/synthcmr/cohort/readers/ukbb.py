"""UK Biobank: zips of short-axis DICOM (field 20209), a table of field ids, masks in Bai's convention."""

import csv
import re
from pathlib import Path

from synthcmr.cohort.attributes import is_missing
from synthcmr.cohort.raw import Case, RawSubject
from synthcmr.cohort.readers.archive import open_entries
from synthcmr.cohort.readers.dicom.cine import read_cine, to_subject
from synthcmr.cohort.readers.ukbb_masks import bai_masks
from synthcmr.cohort.reasons import why
from synthcmr.errors import ReadError, SettingsError

BULK = re.compile(r"(?P<eid>[^_]+)_20209_(?P<visit>\d+)_(?P<part>\d+)(\.zip)?")
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
DELIMITER_OF = {".csv": ",", ".tsv": "\t", ".txt": "\t", ".tab": "\t"}

Attributes = dict[str, object]


class UkbbReader:
    """One subject per participant; a participant imaged at two visits is one subject with two stacks."""

    name = "ukbb"
    about = (
        "EID_20209_2_0.zip files, a CSV with eid and field ids (31-0.0, 21003-2.0, ...), masks as EID/seg_sa*.nii.gz"
    )

    def recognises(self, source: Path) -> bool:
        """Whether a zip or folder is named as the bulk files of field 20209 are."""
        return any(True for _ in _bulk_files(source))

    def cases(self, source: Path) -> list[Case]:
        """Every participant with a bulk file, with what the table says of it."""
        files: dict[str, list[tuple[int, str]]] = {}
        for path, match in _bulk_files(source):
            files.setdefault(match["eid"], []).append((int(match["visit"]), path.name))
        visits = {eid: sorted(scans) for eid, scans in sorted(files.items())}
        folder = source if source.is_dir() else source.parent
        table = read_table(folder, {eid: scans[0][0] for eid, scans in visits.items()})
        return [Case(eid, {"visits": scans, "attributes": table.get(eid, {})}) for eid, scans in visits.items()]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one participant; ReadError where no visit can be read or a mask does not fit."""
        folder = source if source.is_dir() else source.parent
        (first_visit, name), *further_visits = case.payload["visits"]
        subject = _read_visit(case.case_id, folder, name, folder / case.case_id)
        stacks, rejects, notes = list(subject.stacks), list(subject.rejects), list(subject.notes)
        for visit, name in further_visits:
            try:
                again = _read_visit(case.case_id, folder, name, None)
            except ReadError as error:
                rejects.append((f"visit {visit}", str(error)))
                continue
            stacks += again.stacks
            rejects += again.rejects
            notes += [f"imaged again at visit {visit}; the attributes are those of visit {first_visit}", *again.notes]
        attributes = {**subject.attributes, **case.payload["attributes"]}
        return RawSubject(case.case_id, attributes, tuple(stacks), rejects=tuple(rejects), notes=tuple(notes))


def _read_visit(participant: str, folder: Path, name: str, masks: Path | None) -> RawSubject:
    """One bulk file as a subject of one stack."""
    with open_entries(folder / name) as entries:
        cine = read_cine(entries)
        labels = bai_masks(masks, cine) if masks is not None and masks.is_dir() else None
        return to_subject(participant, cine, labels)


def _bulk_files(source: Path) -> list[tuple[Path, re.Match[str]]]:
    paths = [source] if source.is_file() else sorted(source.iterdir())
    matches = [(path, BULK.fullmatch(path.name)) for path in paths]
    return [(path, match) for path, match in matches if match is not None]


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
    participants: dict[str, Attributes] = {}
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in DELIMITER_OF and p.is_file()):
        try:
            _read_file(path, instance_of, participants)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SettingsError(
                f"{path}: expected a table with an 'eid' column and field ids such as 31-0.0, got: {why(error)}"
            ) from error
    return participants


def _read_file(path: Path, instance_of: dict[str, int], participants: dict[str, Attributes]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream, delimiter=DELIMITER_OF[path.suffix.lower()])
        names = [name.strip().lower() for name in next(rows, [])]
        id_column = next((i for i, name in enumerate(names) if name in ID_COLUMNS), None)
        if id_column is None:
            return
        columns = _field_columns(names)
        for row in rows:
            eid = row[id_column].strip() if len(row) > id_column else ""
            if eid in instance_of:
                participants.setdefault(eid, {}).update(_attributes_at(row, columns, instance_of[eid]))


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


def _attributes_at(row: list[str], columns: dict[str, list[tuple[int, int, int]]], instance: int) -> Attributes:
    attributes: Attributes = {}
    for name, places in columns.items():
        for _, _, column in sorted(places, key=lambda p: (*_distance(p[0], instance), p[1])):
            value = row[column].strip() if column < len(row) else ""
            if not is_missing(value):
                attributes[name] = SEX_CODES.get(value, value) if name == "sex" else value
                break
    return attributes


def _distance(visit: int, instance: int) -> tuple[bool, int]:
    return visit > instance, abs(visit - instance)
