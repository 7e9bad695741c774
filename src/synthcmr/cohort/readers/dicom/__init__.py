"""Any folder of DICOM: the short-axis cine is found by geometry, masks come from DICOM SEG objects beside it."""

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthcmr.cohort.raw_subject import Case, RawSubject
from synthcmr.cohort.readers.archive import Entry, file_entry, open_entries
from synthcmr.cohort.readers.dicom.cine import read_cine, to_subject
from synthcmr.cohort.readers.dicom.files import lenient, read_header, whole_header
from synthcmr.cohort.readers.dicom.segmentation import seg_masks
from synthcmr.errors import ReadError

if TYPE_CHECKING:
    from pydicom import Dataset

PSEUDONYM_NOTE = "the folder or zip is named after the patient in its header; the subject got a plain number instead"
SPLIT_NOTE = "files of several patients lie in one folder; subjects were numbered in the order of their Patient ID"
IDENTITY_TAGS = ["PatientID", "PatientName", "PatientIdentityRemoved", "SyntheticData", "StudyInstanceUID", "Modality"]
MAX_PEEKS = 50  # files tried per folder or zip before it counts as holding no DICOM
MIN_NAME_PART = 2  # shorter parts of a name (initials) occur in any word


class DicomReader:
    """One subject per top-level folder or zip; files lying directly in the source are split by patient."""

    name = "dicom"
    about = "a folder or zip of DICOM per subject (short-axis cine found by geometry; masks as DICOM SEG)"

    def recognises(self, source: Path) -> bool:
        """Whether a file of the source, or of a zip in it, is DICOM."""
        if source.is_file():
            return first_dicom(source) is not None
        zips = (c for c in sorted(source.iterdir()) if c.suffix.lower() == ".zip")
        return first_dicom(source) is not None or any(first_dicom(c) is not None for c in zips)

    def cases(self, source: Path) -> list[Case]:
        """Every subject; see `find_subjects`."""
        cases: list[Case] = []
        taken: set[str] = set()
        for i, subject in enumerate(find_subjects(source), start=1):
            subject_id, note = subject.name, ""
            if not subject.name or subject.is_identified:
                subject_id = f"subject-{i:04d}"
                note = PSEUDONYM_NOTE if subject.name else SPLIT_NOTE
            if subject_id in taken:  # a folder and a zip of one name
                subject_id = f"{subject_id}-{i:04d}"
            taken.add(subject_id)
            where = {"path": subject.path, "files": subject.files}
            cases.append(Case(subject_id, {"subject_id": subject_id, "note": note, **where}))
        return cases

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject; ReadError where it holds no short-axis stack or its segmentation is unusable."""
        with _entries(source, case) as entries:
            cine = read_cine(entries)
            subject = to_subject(case.payload["subject_id"], cine, seg_masks(cine))
        notes = [note for note in (case.payload["note"], *subject.notes) if note]
        return replace(subject, origin=cine.origin, notes=tuple(notes))


@contextmanager
def _entries(source: Path, case: Case) -> Iterator[list[Entry]]:
    if case.payload["files"]:
        yield [file_entry(source / name, name) for name in case.payload["files"]]
        return
    path = source if source.is_file() else source / case.payload["path"]
    with open_entries(path, case.case_id) as entries:
        yield entries


@dataclass(frozen=True)
class DicomSubject:
    """One subject: its name on disk, and its path or the files it consists of, relative to the source."""

    name: str
    path: str
    files: tuple[str, ...] = ()
    identity: "Dataset | None" = None

    @property
    def is_identified(self) -> bool:
        """Whether the name on disk is the patient's name or number.

        It is where it equals the header's Patient ID or holds every part of its Patient's Name; case, spaces, `^` and
        `_` aside. Headers that declare themselves de-identified or synthetic are believed.
        """
        header = self.identity
        if header is None or "YES" in (header.get("PatientIdentityRemoved"), header.get("SyntheticData")):
            return False
        name = _plain(self.name)
        patient_id = _plain(str(header.get("PatientID") or ""))
        parts = [_plain(part) for part in re.split(r"[\^\s_=,]+", str(header.get("PatientName") or ""))]
        parts = [part for part in parts if len(part) >= MIN_NAME_PART]
        return (bool(patient_id) and name == patient_id) or (bool(parts) and all(part in name for part in parts))


@lenient()
def find_subjects(source: Path) -> list[DicomSubject]:
    """Subjects of a source: each top-level folder or zip, or the source itself where it directly holds one study.

    Files lying directly in the source are split by Patient ID. Top-level folders that share one study are one subject.
    """
    if source.is_file():
        return [_peeked(source.stem, source.name, source)]
    children = [c for c in sorted(source.iterdir()) if not c.name.startswith(".")]
    loose = [c for c in children if c.is_file() and c.suffix.lower() != ".zip"]
    subjects = _split_loose(source, loose)
    below = [
        _peeked(c.stem if c.is_file() else c.name, c.name, c)
        for c in children
        if c.is_dir() or c.suffix.lower() == ".zip"
    ]
    if any(b.identity is not None for b in below):  # folders without DICOM (masks, papers) are no subjects
        below = [b for b in below if b.identity is not None or (source / b.path).is_file()]
    if _is_one_study(below, source) and not subjects:
        return [DicomSubject(source.resolve().name, ".", (), below[0].identity)]
    return subjects + below


@lenient()
def first_dicom(path: Path) -> "Dataset | None":
    """The identifying tags of the first DICOM file of a folder, file or zip; None where there is none to read."""
    try:
        if path.is_dir():
            return _first_header(_some_files(path))
        if path.suffix.lower() != ".zip":
            return _first_header(iter([file_entry(path, path.name)]))
        with open_entries(path) as entries:
            return _first_header(iter(entries[:MAX_PEEKS]))
    except ReadError:
        return None


def _peeked(name: str, relative: str, path: Path) -> DicomSubject:
    return DicomSubject(name, relative, (), first_dicom(path))


def _first_header(entries: Iterator[Entry]) -> "Dataset | None":
    for entry in entries:
        try:
            header = _identity(entry)
        except ReadError:
            continue
        if header is not None:
            return header
    return None


def _identity(entry: Entry) -> "Dataset | None":
    """The identifying tags of a file, all of them decoded; None where it is no image in DICOM (ReadError: it is damaged)."""
    header = read_header(entry, IDENTITY_TAGS)
    with whole_header(entry):
        return header if header is not None and header.get("Modality") and list(header) else None


def _some_files(path: Path) -> Iterator[Entry]:
    """The first few files of a folder, found without listing all of it."""
    count = 0
    for file in path.rglob("*"):
        if count >= MAX_PEEKS:
            return
        if file.is_file() and not file.name.startswith("."):
            count += 1
            yield file_entry(file, file.name)


def _split_loose(source: Path, files: list[Path]) -> list[DicomSubject]:
    """The DICOM files lying directly in the source, one subject per Patient ID.

    Of a damaged one nobody knows whose it is: it belongs to the only subject there is, or is a case of its own, so that it is listed.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    identities: dict[str, Dataset] = {}
    damaged: list[str] = []
    for file in files:
        try:
            header = _identity(file_entry(file, file.name))
        except ReadError:
            damaged.append(file.name)
            continue
        if header is not None:
            patient = str(header.get("PatientID") or "")
            groups[patient].append(file.name)
            identities.setdefault(patient, header)
    if len(groups) == 1:
        (patient,) = groups
        return [DicomSubject(source.resolve().name, ".", (*groups[patient], *damaged), identities[patient])]
    known = [DicomSubject("", ".", tuple(groups[patient]), identities[patient]) for patient in sorted(groups)]
    return known + [DicomSubject("", ".", (name,)) for name in damaged if groups]


def _is_one_study(subjects: list[DicomSubject], source: Path) -> bool:
    studies = {str(s.identity.get("StudyInstanceUID")) if s.identity is not None else None for s in subjects}
    folders = [s for s in subjects if (source / s.path).is_dir()]
    return len(subjects) > 1 and len(folders) == len(subjects) and len(studies) == 1 and None not in studies


def _plain(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.lower())
