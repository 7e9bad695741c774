"""The experiment: every remedy, every seed, one table of predictions each; continues where it was stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import read_record
from synthcmr.cohort.places import without_places
from synthcmr.cohort.provenance import PROVENANCE_FILE, Input, write_provenance, write_record
from synthcmr.errors import OtherSettingsError
from synthcmr.experiments.classifier_job import ClassifierJob
from synthcmr.experiments.images import REAL, all_people
from synthcmr.experiments.jobs import Arm, Report, run_jobs
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.experiments.split_leaks import check_synthetic
from synthcmr.experiments.subjects import thin_validation
from synthcmr.fairness.debias.remedies import ON_TOP, PLANNED, chosen, on_top_of
from synthcmr.fairness.debias.scores import Results, best_cheap, score

if TYPE_CHECKING:
    import pandas as pd

RECORD = "experiment.json"


def run_experiment(
    cohort: Cohort,
    out: Path,
    settings: DebiasSettings,
    sets: Mapping[str, Path],
    workers: int = 1,
    progress: Report | None = None,
) -> Results:
    """Compare remedies, or continue an interrupted comparison.

    Args:
        cohort: the real cohort, with its splits.
        out: folder for predictions and scores.
        settings: of the experiment.
        sets: synthetic cohorts by name: "copy" and "planned".
        workers: classifiers trained at the same time.
        progress: called with (done, total, remedy and seed).

    Raises:
        CohortError: the folder holds another experiment, or a synthetic cohort has seen the test split.
    """
    remedies = chosen(settings.remedies, frozenset(sets))
    everyone = all_people(_cohorts(cohort, sets), settings)
    for name, path in sets.items():
        check_synthetic(cohort, Cohort.open(path), name)
    claim(cohort, out, settings, sets)
    wants_top = ON_TOP in settings.remedies or not settings.remedies
    on_top = PLANNED in sets and wants_top and any(r.kind == "cheap" for r in remedies)
    total = (len(remedies) + on_top) * settings.repeats

    def results_of(arms: Sequence[Arm], before: int) -> dict[str, list[pd.DataFrame]]:
        jobs = [
            ClassifierJob(cohort.path, dict(sets), settings, arm, k, out)
            for k in range(settings.repeats)
            for arm in arms
        ]
        run_jobs(jobs, workers, progress and shifted(progress, before, total), all_cores=True)
        return by_arm(jobs)

    results = results_of(remedies, 0)
    if on_top:
        losses = {name: sum(t["loss"].iloc[0] for t in tables) for name, tables in results.items()}
        extra = on_top_of(next(r for r in remedies if r.name == best_cheap(remedies, losses)))
        results |= results_of([extra], len(remedies) * settings.repeats)
        remedies = (*remedies, extra)
    shutil.rmtree(out / "work", ignore_errors=True)
    return scored(results, remedies, everyone[REAL], settings)


def shifted(report: Report, before: int, total: int) -> Report:
    """A report of some jobs as part of all: so many were done before them."""
    return lambda done, _, what: report(before + done, total, what)


def scored(
    results: Mapping[str, list[pd.DataFrame]],
    remedies: Sequence[Arm],
    people: pd.DataFrame,
    settings: DebiasSettings,
) -> Results:
    """Score results on the test subjects that have images, with what must be borne in mind."""
    seen = people[people["subject_id"].isin(set(results[remedies[0].name][0]["subject_id"]))]
    test = seen[seen["split"] == "test"].reset_index(drop=True)
    note = thin_validation(seen, settings.min_group)
    return replace(score(results, remedies, test, settings), notes=(note,) if note else ())


def _cohorts(cohort: Cohort, sets: Mapping[str, Path]) -> dict[str, Cohort]:
    return {REAL: cohort} | {name: Cohort.open(path) for name, path in sets.items()}


def by_arm(jobs: Sequence[ClassifierJob]) -> dict[str, list[pd.DataFrame]]:
    """What finished jobs predict, by arm, one table for each seed."""
    results: dict[str, list[pd.DataFrame]] = {}
    for job in jobs:
        results.setdefault(job.arm.name, []).append(job.result())
    return results


def claim(
    cohort: Cohort, out: Path, settings: DebiasSettings, sets: Mapping[str, Path], run: Path | None = None
) -> None:
    """Make sure that the folder is empty or holds this experiment; `run` makes its images, where it makes any itself."""
    hashes = {name: Cohort.open(path).hash for name, path in sets.items()}
    record: dict[str, Any] = {
        "step": "debias",
        "cohort_hash": cohort.hash,
        "sets": hashes,
        "settings": settings.model_dump(
            mode="json", exclude={"remedies": True, "repeats": True, "draws": True, "min_group": True}
        ),
    }
    if run is not None:
        record["generator"] = str(run)
    file = out / RECORD
    if file.exists():
        before = read_record(file)
        changed = _changed(without_places(before), without_places(json.loads(json.dumps(record))))
        if changed and _begun(out):
            raise OtherSettingsError(
                f"{out}: holds an experiment with other settings ({', '.join(changed)}); repeat the command as it was, choose "
                "another folder, or --overwrite"
            )
        if not changed:
            return
    out.mkdir(parents=True, exist_ok=True)
    write_record(file, without_places(record))
    inputs = [Input(str(cohort.path), "cohort", cohort.hash)]
    inputs += [Input(str(path), "cohort", hashes[name]) for name, path in sets.items()]
    write_provenance(out, "debias", "", inputs, record)


def _begun(out: Path) -> bool:
    """Whether anything but the record is there: an experiment that was refused at once is no reason to refuse the next."""
    return any(file.is_file() and file.name not in (RECORD, PROVENANCE_FILE) for file in out.rglob("*"))


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is different, with both values, inside settings too."""
    results = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            results += [f"{key}.{inner}" for inner in _changed(old, new)]
        elif old != new:
            results.append(f"{key} was {old!r}, is now {new!r}")
    return results
