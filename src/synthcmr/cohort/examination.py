"""What is wrong with a cohort folder, and a new cohort of all that is still as it was written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from synthcmr.cohort.checksums import FILES, OWN, check_record, read_checked
from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.joining import records, storage
from synthcmr.cohort.output_lock import OutputLock
from synthcmr.cohort.output_place import LOCK as PLACE_LOCK
from synthcmr.cohort.output_place import beside
from synthcmr.cohort.provenance import PROVENANCE_FILE, Input
from synthcmr.cohort.records import Reject, SubjectRecord, pixels_hash
from synthcmr.cohort.writer import (
    ARRAYS,
    COHORT_FILE,
    IMAGES,
    JOURNAL,
    LOCK,
    MEASURES,
    REJECTS,
    SUBJECTS,
    TRUTH,
    WORK,
    CohortWriter,
    Journal,
)
from synthcmr.errors import CohortError, SynthcmrError
from synthcmr.formats import COHORT
from synthcmr.privacy.ledger import LEDGER

Report = Callable[[int, int, str], None]
NEEDED = (SUBJECTS, IMAGES)  # without which the subject of an image is unknown
OTHER_PIXELS = (
    "expected the pixels that its table lists, got others: files were exchanged; restore the folder from a copy"
)
KEPT_FACTS = ("generated", "phantom", "recalibrated")


@dataclass(frozen=True)
class Defect:
    """Something that is not as it should be.

    Attributes:
        place: file or folder.
        problem: what is wrong.
        mend: what can be done.
        fixable: --fix does it.
        harmful: what is read may be wrong or missing; otherwise it is worth knowing.
    """

    place: str
    problem: str
    mend: str
    fixable: bool = False
    harmful: bool = True


@dataclass(frozen=True)
class Examination:
    """All that was found.

    Attributes:
        kind: of folder: cohort, run, plan, scores, recalibration.
        findings: what is not as it should be.
        checked: what was examined, in words.
        lost: images that cannot be read, with the reason; of cohorts.
    """

    kind: str
    findings: tuple[Defect, ...]
    checked: str
    lost: tuple[tuple[str, str], ...] = ()


def leftovers(folder: Path) -> list[Defect]:
    """What killed commands left beside a folder, or a command that is writing it."""
    place = beside(folder)
    if not place.is_dir():
        return []
    if _locked(place / PLACE_LOCK, folder):
        return [Defect(str(folder), "another synthcmr process is writing it", "wait until it ends", harmful=False)]
    mend = f"repeat that command, or remove {place}"
    work = "replaced the folder" if folder.exists() else "built what was to be here; nothing is here yet"
    return [Defect(str(place), f"left by a command that was killed while it {work}", mend, harmful=False)]


def examine_cohort(folder: Path, report: Report | None = None) -> Examination:
    """Look at every file of a cohort, and decode every image.

    Args:
        folder: of the cohort.
        report: called with (done, total, image).
    """
    if not (folder / COHORT_FILE).exists():
        return Examination("cohort", (_unfinished(folder), *leftovers(folder)), "the journal")
    try:
        cohort = Cohort.open(folder)
    except SynthcmrError as error:
        mend = "restore the folder from a copy, or make it again"
        return Examination("cohort", (Defect(str(folder / COHORT_FILE), str(error), mend),), "the record")
    findings = [*leftovers(folder), *_of_record(cohort), *_of_tables(cohort)]
    if any(Path(f.place).name in NEEDED for f in findings):
        return Examination("cohort", tuple(findings), "record and tables")
    lost = _lost(cohort, report)
    findings += _of_images(folder, lost)
    return Examination(
        "cohort", tuple(findings), f"record, tables, and the pixels of {len(cohort)} images", tuple(lost)
    )


def _of_images(folder: Path, lost: Sequence[tuple[str, str]]) -> list[Defect]:
    """One finding per reason: where a shard is gone, hundreds of images have the same."""
    names: dict[str, list[str]] = {}
    for name, why in lost:
        names.setdefault(why, []).append(name)
    return [
        Defect(
            f"{folder}: {of[0]}{f' and {len(of) - 1} more images' if of[1:] else ''}", why, "leave out", fixable=True
        )
        for why, of in names.items()
    ]


def mend_cohort(folder: Path, out: Path, examination: Examination, report: Report | None = None) -> Cohort:
    """Write everything that is whole into a new cohort; what is lost is listed among its rejects.

    Raises:
        CohortError: the tables that say whose images are whose are damaged, or the cohort is unfinished.
    """
    blocking = [f for f in examination.findings if f.harmful and not f.fixable]
    if blocking:
        raise CohortError(f"{blocking[0].place}: cannot be mended: {blocking[0].problem}; {blocking[0].mend}")
    cohort, lost = Cohort.open(folder), dict(examination.lost)
    if len(lost) == len(cohort):
        raise CohortError(
            f"{folder}: cannot be mended: no image is left ({next(iter(lost.values()), 'there were none')}); restore the folder from a "
            "copy, or make the cohort again"
        )
    damaged = {Path(f.place).name for f in examination.findings}
    whole = cohort._subset(~cohort.images["image_id"].isin(lost).to_numpy())
    manifest = {"step": "doctor", "cohort": cohort.hash, "lost": sorted(lost), "settings": cohort.info["settings"]}
    kind, rows, columns = storage(whole)
    with CohortWriter(out, manifest, kind, (rows, columns)) as writer:
        for record in records(whole, without=damaged):
            if record.case_id not in writer.done:
                writer.add(record)
            if report is not None:
                report(len(writer.done), len(whole.subjects), record.case_id)
        for case, rejects in _rejects(cohort, lost, damaged).items():
            if case not in writer.done:
                writer.add(SubjectRecord(case, None, rejects=tuple(rejects)))
        facts = {k: v for k, v in cohort.info.items() if k in KEPT_FACTS}
        facts |= {LEDGER: cohort_ledger(cohort).to_json()}
        writer.finish(None, [Input(str(folder), "cohort", cohort.hash)], facts)
    return Cohort.open(out)


def _unfinished(folder: Path) -> Defect:
    if _locked(folder / WORK / LOCK, folder):
        return Defect(str(folder), "a process is making it", "wait until it ends", harmful=False)
    try:
        cases = len(Journal(folder / WORK / JOURNAL).read().cases)
        problem = f"unfinished: {cases} case(s) are safely there"
    except (OSError, ValueError, TypeError, SynthcmrError) as error:
        return Defect(str(folder / WORK / JOURNAL), f"the journal is damaged: {error}", "make the cohort again")
    return Defect(str(folder), problem, "repeat the command that began it, and it goes on")


def _of_record(cohort: Cohort) -> list[Defect]:
    """What the record tells, and what a killed run left."""
    findings = []
    content = (cohort.path / COHORT_FILE).read_bytes()
    raw = json.loads(content)
    if OWN not in raw or FILES not in raw:
        problem = "written before files had checksums: damage of tables cannot be told"
        findings.append(Defect(str(cohort.path), problem, "write checksums", fixable=True, harmful=False))
    if raw.get("version") != COHORT.version:
        problem = f"version {raw.get('version')} of the format; today's is {COHORT.version}, and both are read"
        findings.append(Defect(str(cohort.path), problem, "write today's", fixable=True, harmful=False))
    if (cohort.path / WORK).exists():
        problem = "a run that was killed at its very end left its journal, which holds what tables hold"
        mend = "leave it out, or remove it"
        findings.append(Defect(str(cohort.path / WORK), problem, mend, fixable=True, harmful=False))
    check_record(raw, content, cohort.path / COHORT_FILE)
    return findings


def _of_tables(cohort: Cohort) -> list[Defect]:
    findings = []
    names = [name for name in (*NEEDED, REJECTS, TRUTH, MEASURES, PROVENANCE_FILE) if cohort._has(name)]
    for name in dict.fromkeys((*NEEDED, *names)):
        try:
            read_checked(cohort.path, name, cohort.info)
            if name != PROVENANCE_FILE:
                cohort._table(name)
        except SynthcmrError as error:
            needed = name in NEEDED
            mend = "restore it from a copy, or make the cohort again" if needed else "leave it out"
            findings.append(Defect(str(cohort.path / name), str(error), mend, fixable=not needed))
    return findings


def _lost(cohort: Cohort, report: Report | None) -> list[tuple[str, str]]:
    lost = []
    written = cohort.images["content_hash"] if FILES in cohort.info else None  # before, hashes were of other types
    for i, name in enumerate(cohort.images["image_id"]):
        try:
            pixels = pixels_hash(cohort._read("image", i), cohort._read("mask", i))
            if written is not None and pixels != written.iloc[i]:
                lost.append((str(name), f"{cohort.path / ARRAYS}: {OTHER_PIXELS}"))
        except CohortError as error:
            lost.append((str(name), str(error)))
        if report is not None:
            report(i + 1, len(cohort), str(name))
    return lost


def _rejects(cohort: Cohort, lost: dict[str, str], damaged: set[str]) -> dict[str, list[Reject]]:
    """What was rejected before, and what is lost now, by case."""
    before = [] if REJECTS in damaged else cohort.rejects.to_dict("records")
    rejects: dict[str, list[Reject]] = {}
    for row in before:
        rejects.setdefault(str(row["case_id"]), []).append(Reject(**{str(k): str(v) for k, v in row.items()}))
    for row in cohort.images.to_dict("records"):
        if row["image_id"] in lost:
            case = f"{row['subject_id']}: damaged"
            rejects.setdefault(case, []).append(Reject(case, str(row["image_id"]), lost[row["image_id"]]))
    return rejects


def _locked(file: Path, folder: Path) -> bool:
    if not file.exists():
        return False
    try:
        OutputLock(file, folder).release()
    except CohortError:
        return True
    return False
