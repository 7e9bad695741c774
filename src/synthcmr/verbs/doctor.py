"""Say what is wrong with something that synthcmr wrote, and mend what can be mended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from synthcmr.errors import CohortError, SettingsError
from synthcmr.verbs.options import Options
from synthcmr.verbs.public import public
from synthcmr.verbs.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.cohort.examination import Examination

SHOWN = 10  # findings in a summary


class DoctorOptions(Options):
    """Whether what can be mended is mended.

    Example:
        >>> import synthcmr
        >>> synthcmr.DoctorOptions(fix="mended").fix.name
        'mended'
    """

    fix: Path | None = Field(None, description="Write what is whole into this new folder; of cohorts.")


@dataclass(frozen=True)
class Diagnosis(Result):
    """What is wrong with a folder.

    Attributes:
        path: of the folder.
        examination: what was found, and what was looked at.
        mended: the cohort of what is whole, where one was asked for.
    """

    path: Path
    examination: Examination
    mended: Cohort | None = None

    @property
    def healthy(self) -> bool:
        """Whether everything that was looked at can be relied on."""
        return not any(finding.harmful for finding in self.examination.findings)

    @property
    def table(self) -> pd.DataFrame:
        """One row per finding: place, problem, mend, fixable, harmful."""
        import pandas as pd

        columns = ["place", "problem", "mend", "fixable", "harmful"]
        return pd.DataFrame([asdict(finding) for finding in self.examination.findings], columns=columns)

    def summary(self) -> str:
        """What was looked at, what is wrong, and what can be done about each."""
        found = self.examination.findings
        verdict = "sound" if self.healthy else f"{sum(f.harmful for f in found)} thing(s) wrong"
        lines = [f"{self.path}: a {self.examination.kind}, {verdict}; looked at {self.examination.checked}"]
        for finding in found[:SHOWN]:
            problem = finding.problem.removeprefix(f"{finding.place}: ")  # errors name their file themselves
            lines.append(f"  {'wrong' if finding.harmful else 'note'}: {finding.place}: {problem}")
            lines.append(f"    {finding.mend}{' (--fix OUT does it)' if finding.fixable else ''}")
        lines += [f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        if self.mended is not None:
            lines.append(
                f"{self.mended.path}: {len(self.mended)} image(s) of {len(self.mended.subjects)} subject(s), as they were written"
            )
        return "\n".join(lines)


@public
def doctor(path: Path | str, options: DoctorOptions | None = None, **changes: Any) -> Diagnosis:
    """Say what is wrong with a cohort, run, plan, recalibration or scores, and what can be done about it.

    Checksums are compared, every image is decoded, weights and checkpoints are opened. What killed commands left is named. The
    folder is never changed: with `fix` everything of a cohort that is whole goes into a new one, whose rejects list what is lost.

    Args:
        path: a folder that synthcmr wrote.
        options: whether what can be mended is mended.
        changes: fields of `DoctorOptions`, in place of `options` or over them.

    Returns:
        What was found, with a summary.

    Raises:
        SettingsError: synthcmr did not write the folder, or `fix` is asked of something else than a cohort.
        CohortError: what is damaged cannot be mended.

    Example:
        >>> import synthcmr
        >>> found = synthcmr.doctor("acdc")
        >>> found.healthy
        True
        >>> problems = found.table[["place", "problem", "mend"]]
    """
    chosen, folder = DoctorOptions.of(options, changes), Path(path)
    kind = _kind(folder)
    missing = _without_record(folder, kind)
    if kind != "cohort" or missing is not None:
        found = missing or _opened(folder, kind)
        if chosen.fix is not None and any(finding.harmful for finding in found.findings):
            raise SettingsError(f"--fix: expected a cohort to mend, got a {kind}; make it again by its command")
        return Diagnosis(folder, found)
    from synthcmr.cohort.examination import examine_cohort, mend_cohort
    from synthcmr.verbs.outputs import build_cohort
    from synthcmr.verbs.progress import progress_bar

    with progress_bar("doctor") as report:
        found = examine_cohort(folder, report)
    if chosen.fix is None:
        return Diagnosis(folder, found)
    with progress_bar("mend") as report:
        mended = build_cohort(chosen.fix, False, lambda place: mend_cohort(folder, place, found, report), (folder,))
    return Diagnosis(folder, found, mended)


MARKS = {
    "cohort": ("cohort.json", ".unfinished"),
    "run": ("run.json",),
    "plan": ("plan.json",),
    "recalibration": ("recalibration.json",),
    "set of scores": ("scores.json",),
}


# What tells the kind of a folder whose record is gone.
OTHER_MARKS = {
    "cohort": ("images.parquet", "subjects.parquet", "arrays.zarr"),
    "run": ("weights.safetensors", "checkpoint.pt", "metrics.jsonl"),
    "plan": ("plan.parquet",),
    "recalibration": ("statistics.npz",),
    "set of scores": ("features", "parts"),
}


def _kind(folder: Path) -> str:
    from synthcmr.cohort.examination import leftovers

    for marked in (MARKS, OTHER_MARKS):
        for kind, marks in marked.items():
            if any((folder / mark).exists() for mark in marks):
                return kind
    if not folder.exists() and (left := leftovers(folder)):
        raise SettingsError(f"{left[0].place}: {left[0].problem}; {left[0].mend}")
    records = ", ".join(names[0] for names in MARKS.values())
    raise SettingsError(f"{folder}: expected a folder that synthcmr wrote, with one of {records}; found none of them")


def _without_record(folder: Path, kind: str) -> Examination | None:
    """What is wrong with a folder that does not say what it is; None where it does."""
    from synthcmr.cohort.examination import Defect, Examination, leftovers

    if any((folder / mark).exists() for mark in MARKS[kind]):
        return None
    problem = f"it is gone, and with it what the {kind} was made from and the checksums of its other files"
    lost = Defect(str(folder / MARKS[kind][0]), problem, f"restore it from a copy, or make the {kind} again")
    return Examination(kind, (lost, *leftovers(folder)), "names of files")


def _opened(folder: Path, kind: str) -> Examination:
    """A folder that is read as any command reads it."""
    from synthcmr.cohort.examination import Defect, Examination, leftovers

    findings = leftovers(folder)
    for what, read in _readings(folder, kind).items():
        try:
            read()
        except Exception as error:  # a damaged file can fail anywhere inside a decoder
            findings.append(Defect(str(folder / what), str(error), "restore it from a copy, or make it again"))
    if kind == "run" and not findings:
        findings += _unfinished_run(folder)
    return Examination(kind, tuple(findings), ", ".join(_readings(folder, kind)))


def _readings(folder: Path, kind: str) -> dict[str, Callable[[], object]]:
    """What a folder of a kind holds, and what reads it."""
    from synthcmr.cohort.checksums import read_record
    from synthcmr.cohort.provenance import PROVENANCE_FILE

    made_from: dict[str, Callable[[], object]] = {PROVENANCE_FILE: lambda: read_record(folder / PROVENANCE_FILE)}
    if kind == "plan":
        from synthcmr.fairness.planning.plan_folder import Plan

        return {"plan.json": lambda: Plan.read(folder)} | made_from
    if kind == "recalibration":
        from synthcmr.frequency.recalibration import Recalibration

        return {"recalibration.json": lambda: Recalibration.load(folder)} | made_from
    if kind == "set of scores":
        from synthcmr.evaluation.evaluate import read_card

        return {"scores.json": lambda: read_card(folder)} | made_from
    from synthcmr.training.run_folder import CHECKPOINT, WEIGHTS, RunFolder, load_checkpoint
    from synthcmr.training.weights import file_hash, read_header

    def weights() -> None:
        read_header(folder / WEIGHTS)
        told = json.loads((folder / "provenance.json").read_text())["hash"]
        if told and file_hash(folder / WEIGHTS) != told:
            raise CohortError(
                f"{folder / WEIGHTS}: expected the weights that the run ended with, but they have changed since"
            )

    run = RunFolder(folder)
    found: dict[str, Callable[[], object]] = {"run.json": run.record, "metrics.jsonl": run.metrics} | made_from
    found |= {WEIGHTS: weights} if (folder / WEIGHTS).exists() else {}
    if (folder / CHECKPOINT).exists():
        found[CHECKPOINT] = lambda: load_checkpoint(folder / CHECKPOINT)
    return found


def _unfinished_run(folder: Path) -> list[Any]:
    from synthcmr.cohort.examination import Defect
    from synthcmr.training.run_folder import WEIGHTS, RunFolder

    if not RunFolder(folder).record().get("finished"):
        return [Defect(str(folder), "the run is unfinished", "repeat the command that began it, and it goes on")]
    if not (folder / WEIGHTS).exists():
        return [Defect(str(folder / WEIGHTS), "the weights of a finished run are gone", "restore them from a copy")]
    return []
