"""Ingest: files to cohort, in parallel, resumable, with every reject listed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from traceback import extract_tb

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.files_ledger import files_ledger
from synthcmr.cohort.identifiers import salted_id
from synthcmr.cohort.output_lock import expect_apart
from synthcmr.cohort.parallel import NETWORKS, cores, ordered_map
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.provenance import Input, fingerprint
from synthcmr.cohort.pseudonyms import NOT_SAID, Pseudonyms, check_salt, clear_table_of
from synthcmr.cohort.raw_subject import Case, RawSubject
from synthcmr.cohort.readers import Reader, get_reader, recognise
from synthcmr.cohort.readers.nifti import NiftiFolderReader
from synthcmr.cohort.readers.nifti.guessed_table import GuessedTable
from synthcmr.cohort.reasons import why
from synthcmr.cohort.records import Reject, SubjectRecord
from synthcmr.cohort.source_links import reading
from synthcmr.cohort.splits import OFFICIAL
from synthcmr.cohort.writer import REJECTS, CohortWriter
from synthcmr.config import IngestSettings, PreprocessSettings, SplitSettings
from synthcmr.errors import CohortError, ReadError, SettingsError
from synthcmr.privacy.ledger import EMPTY, LEDGER, Ledger

GUESSED_TABLE = "guessed_table.csv"
Progress = Callable[[int, int, str], None]
Labeller = Callable[[RawSubject], RawSubject]  # draws masks into what a reader handed over


@dataclass(frozen=True)
class IngestPlan:
    """What will be read, decided before anything is."""

    source: Path
    reader: str
    cases: tuple[Case, ...]
    settings: IngestSettings
    salt: str | None
    fingerprint: str  # of its files; keyed by the salt, where there is one
    table: GuessedTable | None = None  # made from file names, where the source has no other description

    @property
    def manifest(self) -> dict[str, object]:
        """What decides the content of the cohort; a resumed run must have the same. Under a salt it holds no name."""
        settings = self.settings.model_dump(mode="json")
        if self.salt is None:
            source = {"source": self.source.name, "files": self.fingerprint, "reader": self.reader}
        else:
            settings |= {
                "include": sorted(salted_id(name, self.salt) for name in self.settings.include),
                "format": NOT_SAID,
            }
            source = {"files and salt": self.fingerprint, "reader": salted_id(self.reader, self.salt)}
        return {"step": "ingest", **source, "settings": settings}

    @property
    def source_input(self) -> Input:
        """The source as provenance names it."""
        return Input(self.source.name if self.salt is None else "files", "files", self.fingerprint)


def plan_ingest(source: Path, settings: IngestSettings, salt: str | None = None) -> IngestPlan:
    """Recognise the source and list its subjects.

    Raises:
        SettingsError: the source is not there, not recognised, empty, or lacks a subject that was asked for; the salt is empty.
    """
    check_salt(salt)
    reader = recognise(source) if settings.format == "auto" else get_reader(settings.format)
    if not source.exists():
        raise SettingsError(f"{source}: expected a folder or file to read, but nothing is there")
    with reading(source):
        cases = reader.cases(source)
    if settings.include:
        wanted = set(settings.include)
        cases = [case for case in cases if case.case_id in wanted or Path(case.case_id).name in wanted]
    if not cases:
        raise SettingsError(f"{source}: found nothing to read as '{reader.name}'; expected: {reader.about}")
    _check_split(source, cases, settings.split)
    resolved = settings.model_copy(update={"format": reader.name, "salted": salt is not None})
    files = fingerprint(source) if salt is None else salted_id(fingerprint(source), salt)
    return IngestPlan(source, reader.name, tuple(cases), resolved, salt, files, _table(source, reader, cases))


def guessed_table(source: Path) -> GuessedTable:
    """The table that the names of a folder's NIfTI files make, with its problems if it has any.

    Raises:
        SettingsError: there are none.
    """
    reader = NiftiFolderReader()
    if not reader.recognises(source):
        raise SettingsError(f"--save-table: expected a folder of NIfTI files, but {source} has none")
    return reader.table(source)


def _table(source: Path, reader: Reader, cases: Sequence[Case]) -> GuessedTable | None:
    if not isinstance(reader, NiftiFolderReader):
        return None
    table, wanted = reader.table(source), {case.case_id for case in cases}
    return replace(table, rows=tuple(row for row in table.rows if row["subject_id"] in wanted))


def _check_split(source: Path, cases: Sequence[Case], split: SplitSettings) -> None:
    """Refuse to keep sets that the source does not state.

    Raises:
        SettingsError: it states none.
    """
    if split.method != "official" or any(_stated_set(case) for case in cases):
        return
    raise SettingsError(
        f"--split official: expected a data set with training and test sets of its own, but {source} states none; read the "
        "folder that holds them all (of ACDC the one with training/ and testing/), add a column 'split' to a table, or "
        "leave --split out to draw at random"
    )


def _stated_set(case: Case) -> bool:
    rows = case.payload.get("rows", case.payload.get("cases", []))
    return bool(case.payload.get(OFFICIAL)) or any(row.get("attributes", {}).get("split") for row in rows)


def ingest(
    plan: IngestPlan,
    out: Path,
    workers: int | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    labeller: Labeller | None = None,
    also: Mapping[str, object] | None = None,
    looked: Ledger = EMPTY,
) -> Cohort:
    """Read every case of a plan into a cohort folder, or continue where an interrupted run stopped.

    Args:
        plan: from `plan_ingest`.
        out: the cohort folder.
        workers: processes; default one per core this process may use.
        strict: stop at the first reject.
        progress: called with (done, total, case) after each case.
        labeller: draws masks before the heart is cropped; must be picklable.
        also: what else decides the content of the cohort, such as the labeller.
        looked: the ledger of the labeller.

    Raises:
        ReadError: `strict`, and something could not be read.
        CohortError: `out` holds something else, or nothing at all could be read.
    """
    expect_apart(out, {plan.source: "the source"}, inside=False)
    lossless = plan.settings.preprocess.intensity == "none"
    size = plan.settings.preprocess.size or 256
    ledger = _ledger(plan) | looked
    pseudonyms = None if plan.salt is None else Pseudonyms(plan.salt, clear_table_of(out))
    cases = plan.cases if pseudonyms is None else pseudonyms.ordered(plan.cases)
    with CohortWriter(
        out, plan.manifest | dict(also or {}), "float32" if lossless else "float16", (size, size)
    ) as writer:
        name = str if pseudonyms is None else pseudonyms.name
        todo = [case for case in cases if name(case.case_id) not in writer.done]
        done = len(plan.cases) - len(todo)
        if pseudonyms is not None and not writer.done:
            pseudonyms.begin()
        for record in _records(plan, todo, workers or cores(), labeller):
            if strict and (lost := [r for r in record.rejects if r.level == "reject"]):
                raise ReadError(f"{record.case_id}, {lost[0].part}: {lost[0].reason} (--strict)")
            writer.add(record if pseudonyms is None else pseudonyms.apply(record))
            done += 1
            if progress is not None:
                progress(done, len(plan.cases), record.case_id)
        _finish(writer, plan, ledger)
    return Cohort.open(out)


def _ledger(plan: IngestPlan) -> Ledger:
    """Of the files, wherever they lie; under a salt without the names of folders."""
    root = plan.source if plan.source.is_dir() else plan.source.parent
    rows = [row for case in plan.cases for row in case.payload.get("rows", ()) if "cells" in row]
    named = {(root / row["folder"] / str(row["cells"].get("image"))).parent for row in rows}
    ledger = files_ledger(plan.source, named)
    return ledger if plan.salt is None else ledger.without_names()


def _records(
    plan: IngestPlan, cases: Sequence[Case], workers: int, labeller: Labeller | None
) -> Iterator[SubjectRecord]:
    """The cases, read in worker processes, in their order."""
    job = partial(
        read_case, plan.reader, plan.source, settings=plan.settings.preprocess, salt=plan.salt, labeller=labeller
    )
    preload = ["synthcmr.cohort.ingest", get_reader(plan.reader).__module__]
    preload += [type(labeller).__module__, NETWORKS] if labeller is not None else []
    return ordered_map(job, cases, workers, preload)


def _finish(writer: CohortWriter, plan: IngestPlan, ledger: Ledger) -> None:
    if plan.table is not None and plan.salt is None:  # names of files and subjects would undo the salt
        plan.table.write(writer.path / GUESSED_TABLE, plan.source)
    reader = {} if plan.salt is not None else {"reader": plan.reader}
    writer.finish(plan.settings.split, [plan.source_input], reader | {LEDGER: ledger.to_json()})
    if Cohort.open(writer.path).info["images"] == 0:
        _refuse_empty(writer, plan)


def _refuse_empty(writer: CohortWriter, plan: IngestPlan) -> None:
    """Raises CohortError: nothing could be read."""
    listed = writer.path / REJECTS if plan.salt is None else clear_table_of(writer.path)
    first = Cohort.open(writer.path).rejects.iloc[0]
    raise CohortError(
        f"{plan.source}: none of {len(plan.cases)} case(s) could be read as '{plan.reader}'; first: {first['case_id']}: "
        f"{first['reason']}; all reasons are in {listed}"
    )


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
        with reading(source):
            raw = get_reader(reader).read(source, case)
    except ReadError as error:
        return SubjectRecord(case.case_id, None, rejects=(Reject(case.case_id, "subject", str(error)),))
    except Exception as error:  # a damaged file can fail anywhere inside a decoder, and must not stop the others
        reason = f"cannot be decoded: {why(error)}{_place(error)}"
        return SubjectRecord(case.case_id, None, rejects=(Reject(case.case_id, "subject", reason),))
    return to_record(raw if labeller is None else labeller(raw), case.case_id, settings, salt)


def _place(error: Exception) -> str:
    """Where in the code it failed, for whoever mends the reader."""
    frames = extract_tb(error.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
