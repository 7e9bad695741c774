"""One case from files to records: what a worker process does."""

from collections.abc import Callable, Iterable
from pathlib import Path

from synthcmr.cohort.attributes import clean
from synthcmr.cohort.official_sets import OFFICIAL
from synthcmr.cohort.preprocess import preprocess
from synthcmr.cohort.privacy import column_name, salted_id, screen
from synthcmr.cohort.raw import Case, RawSubject
from synthcmr.cohort.readers import get_reader
from synthcmr.cohort.records import ImageRecord, Reject, SubjectRecord
from synthcmr.config import PreprocessSettings
from synthcmr.errors import ReadError

RESERVED = {"subject_id"}  # filled by the reader, never by an attribute
Labeller = Callable[[RawSubject], RawSubject]  # draws masks into what a reader handed over


def read_case(
    reader: str,
    source: Path,
    case: Case,
    settings: PreprocessSettings,
    salt: str | None,
    labeller: Labeller | None = None,
) -> SubjectRecord:
    """Read, perhaps label, and preprocess one case. Never raises for bad data: what is wrong comes back as rejects."""
    try:
        raw = get_reader(reader).read(source, case)
    except ReadError as error:
        return SubjectRecord(case.case_id, None, rejects=(Reject(case.case_id, "subject", str(error)),))
    except Exception as error:  # a damaged file can fail anywhere inside a decoder, and must not stop the others
        reason = f"cannot be decoded: {type(error).__name__}: {error}"
        return SubjectRecord(case.case_id, None, rejects=(Reject(case.case_id, "subject", reason),))
    return to_record(raw if labeller is None else labeller(raw), case.case_id, settings, salt)


def to_record(raw: RawSubject, case_id: str, settings: PreprocessSettings, salt: str | None = None) -> SubjectRecord:
    """Type and screen the attributes of a subject, and preprocess its stacks."""
    subject_id = salted_id(raw.subject_id, salt) if salt else raw.subject_id
    kept, dropped = screen({_column(k): v for k, v in raw.attributes.items()})
    attributes, remarks = clean(kept)
    attributes |= {OFFICIAL: raw.official_split} if raw.official_split else {}
    rejects = [Reject(case_id, part, reason) for part, reason in raw.rejects]
    rejects += [Reject(case_id, "attributes", text, "note") for text in (*raw.notes, *remarks)]
    rejects += [Reject(case_id, part, text, "note") for part, text in raw.remarks]
    images: list[ImageRecord] = []
    for number, stack in enumerate(raw.stacks):
        try:
            images += preprocess(stack, subject_id, number, raw.origin, settings)
        except ReadError as error:
            rejects.append(Reject(case_id, f"stack {number}", str(error)))
    rejects += _remarks_on(images, case_id)
    if not images:
        if not any(r.level == "reject" for r in rejects):
            rejects.append(Reject(case_id, "subject", "no image was found in it"))
        return SubjectRecord(case_id, None, rejects=tuple(rejects), dropped=dropped)
    return SubjectRecord(
        case_id, subject_id, attributes, tuple(images), tuple(rejects), measures=dict(raw.measures), dropped=dropped
    )


def _column(name: str) -> str:
    clean_name = column_name(name)
    return f"{clean_name}_given" if clean_name in RESERVED else clean_name


def _remarks_on(images: Iterable[ImageRecord], case_id: str) -> list[Reject]:
    cut = [str(i.slice_index) for i in images if i.heart_cut]
    if not cut:
        return []
    return [Reject(case_id, f"slice {','.join(cut)}", "the crop cuts labelled pixels off; use a larger --size", "note")]
