"""The experiment: every remedy, every seed, one table of answers each; continues where it was stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.cohort import Cohort
from synthcmr.cohort.parallel import NETWORKS, ordered_map
from synthcmr.cohort.provenance import Input, write_json, write_provenance
from synthcmr.errors import CohortError
from synthcmr.fairness.debias.data import REAL, all_people
from synthcmr.fairness.debias.job import Job, run_job
from synthcmr.fairness.debias.leaks import check_synthetic
from synthcmr.fairness.debias.people import thin_validation
from synthcmr.fairness.debias.remedies import ON_TOP, PLANNED, Remedy, chosen, on_top_of
from synthcmr.fairness.debias.scores import Results, best_cheap, score
from synthcmr.fairness.debias.settings import DebiasSettings

if TYPE_CHECKING:
    import pandas as pd

RECORD = "experiment.json"
Report = Callable[[int, int, str], None]


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
        out: folder for answers and scores.
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
    top = ON_TOP in settings.remedies or not settings.remedies
    on_top = PLANNED in sets and top and any(r.kind == "cheap" for r in remedies)
    total = (len(remedies) + on_top) * settings.repeats
    done = 0

    def step(jobs: Sequence[Job]) -> None:
        nonlocal done
        todo = [job for job in jobs if not job.file.exists()]
        done += len(jobs) - len(todo)
        for job, _ in zip(todo, run_jobs(todo, workers), strict=True):
            done += 1
            if progress is not None:
                progress(done, total, f"{job.remedy.name}, seed {job.repeat + 1}")

    def jobs_of(some: Sequence[Remedy]) -> list[Job]:
        return [Job(cohort.path, dict(sets), settings, r, k, out) for k in range(settings.repeats) for r in some]

    step(jobs_of(remedies))
    answers = answers_of(jobs_of(remedies))
    if on_top:
        losses = {name: sum(t["loss"].iloc[0] for t in tables) for name, tables in answers.items()}
        extra = on_top_of(next(r for r in remedies if r.name == best_cheap(remedies, losses)))
        step(jobs_of([extra]))
        answers |= answers_of(jobs_of([extra]))
        remedies = (*remedies, extra)
    shutil.rmtree(out / "work", ignore_errors=True)
    return scored(answers, remedies, everyone[REAL], settings)


def scored(
    answers: Mapping[str, list[pd.DataFrame]],
    remedies: Sequence[Remedy],
    people: pd.DataFrame,
    settings: DebiasSettings,
) -> Results:
    """Score answers on the test subjects that have images, with what must be borne in mind."""
    seen = people[people["subject_id"].isin(set(answers[remedies[0].name][0]["subject_id"]))]
    test = seen[seen["split"] == "test"].reset_index(drop=True)
    note = thin_validation(seen, settings.min_group)
    return replace(score(answers, remedies, test, settings), notes=(note,) if note else ())


def _cohorts(cohort: Cohort, sets: Mapping[str, Path]) -> dict[str, Cohort]:
    return {REAL: cohort} | {name: Cohort.open(path) for name, path in sets.items()}


def run_jobs(jobs: Sequence[Job], workers: int) -> Iterator[Path]:
    """Train, in worker processes where there is more than one; answers come in the order of the jobs."""
    if workers <= 1:
        yield from map(run_job, jobs)
        return
    one_thread = [alone(job) for job in jobs]
    yield from ordered_map(run_job, one_thread, workers, ["synthcmr.fairness.debias.job", NETWORKS])


def alone(job: Job) -> Job:
    """Workers are the parallelism; the settings of the loop are no part of the answers' names."""
    loop = job.settings.loop.model_copy(update={"threads": 1})
    return replace(job, settings=job.settings.model_copy(update={"loop": loop}))


def answers_of(jobs: Sequence[Job]) -> dict[str, list[pd.DataFrame]]:
    """What finished jobs said, by remedy."""
    import pandas as pd

    found: dict[str, list[pd.DataFrame]] = {}
    for job in jobs:
        found.setdefault(job.remedy.name, []).append(pd.read_parquet(job.file))
    return found


def claim(
    cohort: Cohort, out: Path, settings: DebiasSettings, sets: Mapping[str, Path], run: Path | None = None
) -> None:
    """Make sure that the folder is empty or holds this experiment; `run` makes its images, where it makes any itself."""
    hashes = {name: Cohort.open(path).hash for name, path in sets.items()}
    told: dict[str, Any] = {
        "step": "debias",
        "cohort_hash": cohort.hash,
        "sets": hashes,
        "settings": settings.model_dump(
            mode="json", exclude={"remedies": True, "repeats": True, "draws": True, "min_group": True}
        ),
    }
    if run is not None:
        told["generator"] = str(run)
    file = out / RECORD
    if file.exists():
        before = json.loads(file.read_text())
        changed = _changed(before, json.loads(json.dumps(told)))
        if changed:
            raise CohortError(
                f"{out}: holds an experiment with other settings ({', '.join(changed)}); repeat the command as it was, choose "
                "another folder, or --overwrite"
            )
        return
    out.mkdir(parents=True, exist_ok=True)
    write_json(file, told)
    inputs = [Input(str(cohort.path), "cohort", cohort.hash)]
    inputs += [Input(str(path), "cohort", hashes[name]) for name, path in sets.items()]
    write_provenance(out, "debias", "", inputs, told)


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is different, with both values, inside settings too."""
    found = []
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += [f"{key}.{inner}" for inner in _changed(old, new)]
        elif old != new:
            found.append(f"{key} was {old!r}, is now {new!r}")
    return found
