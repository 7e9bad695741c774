"""Any folder of DICOM: the short-axis cine is found by geometry, masks come from DICOM SEG objects beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthcmr.cohort.raw import Case, RawSubject
from synthcmr.cohort.readers.archive import Entry, file_entry, open_entries
from synthcmr.cohort.readers.dicom_attributes import header_attributes
from synthcmr.cohort.readers.dicom_cine import read_cine, to_stack
from synthcmr.cohort.readers.dicom_subjects import find_subjects, first_dicom
from synthcmr.cohort.readers.segmentation import seg_masks

PSEUDONYM_NOTE = "the folder or zip is named after the patient in its header; the subject got a plain number instead"
SPLIT_NOTE = "files of several patients lie in one folder; subjects were numbered in the order of their Patient ID"


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
        for i, found in enumerate(find_subjects(source), start=1):
            subject_id, note = found.name, ""
            if not found.name or found.is_identified:
                subject_id = f"subject-{i:04d}"
                note = PSEUDONYM_NOTE if found.name else SPLIT_NOTE
            if subject_id in taken:  # a folder and a zip of one name
                subject_id = f"{subject_id}-{i:04d}"
            taken.add(subject_id)
            where = {"path": found.path, "files": found.files}
            cases.append(Case(subject_id, {"subject_id": subject_id, "note": note, **where}))
        return cases

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject; ReadError where it holds no short-axis stack or its segmentation is unusable."""
        note = str(case.payload["note"])
        with _entries(source, case) as entries:
            return read_subject(str(case.payload["subject_id"]), entries, (note,) if note else ())


def read_subject(subject_id: str, entries: list[Entry], notes: tuple[str, ...] = ()) -> RawSubject:
    """A subject from its DICOM files (ReadError as for `read_cine` and `seg_masks`)."""
    cine = read_cine(entries)
    mask, labelled, seg_notes = seg_masks(cine)
    stack, phase_notes = to_stack(cine, mask, labelled)
    return RawSubject(
        subject_id=subject_id,
        attributes=header_attributes(cine.first.entry),
        stacks=(stack,),
        origin=cine.origin,
        rejects=cine.rejects,
        notes=(*notes, *cine.notes, *seg_notes, *phase_notes),
    )


@contextmanager
def _entries(source: Path, case: Case) -> Iterator[list[Entry]]:
    files = case.payload["files"]
    if isinstance(files, (tuple, list)) and files:
        yield [file_entry(source / name, name) for name in files]
        return
    path = source if source.is_file() else source / str(case.payload["path"])
    with open_entries(path, case.case_id) as entries:
        yield entries
