"""The classifiers of an evaluation, trained or kept from before, and what they said of whom."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthcmr import __version__
from synthcmr.errors import CohortError
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.utility.people import REAL, People
from synthcmr.evaluation.utility.segmentation.arms import ARMS, BOTH, ONLY, REAL_ONLY
from synthcmr.evaluation.utility.segmentation.trained import WORK
from synthcmr.experiments.classifier_job import ClassifierJob
from synthcmr.experiments.images import all_people
from synthcmr.experiments.jobs import run_jobs
from synthcmr.experiments.rates import Predictions
from synthcmr.experiments.settings import DebiasSettings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Asked:
    """People that classifiers were asked about, with what each said: label of the arm -> answers."""

    people: pd.DataFrame
    said: Mapping[str, Predictions]


@dataclass(frozen=True)
class Answers:
    """Everything that was said, by whose people were asked about."""

    settings: DebiasSettings
    of: Mapping[str, Asked]


def answers(told: Comparison, people: People, fractions: Sequence[float]) -> Answers:
    """Train what is not there yet, and read what all said.

    Raises:
        CohortError: the cohorts have no such label, or no pairs of ED and ES.
        SettingsError: the label does not tell two kinds of subjects apart, or a split is missing.
    """
    settings = debias_settings(told, people)
    sets = {source: path for source, path in people.paths.items() if source != REAL}
    everyone = all_people(people.cohorts, settings)
    _check(everyone[REAL], told)
    out = told.out / WORK / "classification" / _key(people, settings)
    jobs = [
        ClassifierJob(people.paths[REAL], sets, settings, ARMS[arm], repeat, out, fraction, tuple(sets))
        for repeat in range(settings.repeats)
        for arm, fraction in [*((a, f) for f in fractions for a in (REAL_ONLY, BOTH)), (ONLY, 1.0)]
    ]
    report = told.report
    run_jobs(jobs, told.workers, report and (lambda done, total, what: report(done, total, f"classifier, {what}")))
    return Answers(settings, {source: _asked(source, everyone[source], jobs) for source in everyone})


def debias_settings(told: Comparison, people: People) -> DebiasSettings:
    """The debiasing experiment's settings of an evaluation."""
    own, known = told.settings.utility.classification, people.cohorts[REAL].subjects
    sensitive = told.settings.fairness.sensitive
    return DebiasSettings(
        label=own.label,
        positive=own.positive,
        sensitive=tuple(n for n in sensitive if n in known and known[n].notna().any()),
        slices=own.slices,
        classifier=own.network,
        loop=own.loop,
        repeats=told.settings.utility.repeats,
        min_group=told.settings.fairness.min_group,
        draws=max(told.settings.draws, 100),
        seed=told.settings.seed,
    )


def _check(real: pd.DataFrame, told: Comparison) -> None:
    test = real.loc[real["split"] == "test", "label"]
    sick, well, least = int(test.sum()), int((1 - test).sum()), told.settings.fairness.min_group
    if min(sick, well) < least or len(test) < told.settings.min_subjects:
        raise CohortError(
            f"{sick} sick and {well} healthy real test subjects; at least {least} of each, and {told.settings.min_subjects} "
            "together, are needed"
        )


def _key(people: People, settings: DebiasSettings) -> str:
    """Of everything that a classifier depends on, its seed and arm aside."""
    told = settings.model_dump(mode="json", exclude={"repeats", "draws", "min_group", "remedies"})
    hashes = {source: cohort.hash for source, cohort in people.cohorts.items()}
    return hashlib.sha256(json.dumps([__version__, hashes, told], sort_keys=True).encode()).hexdigest()[:16]


def _asked(source: str, people: pd.DataFrame, jobs: Sequence[ClassifierJob]) -> Asked:

    split = "test" if source == REAL else source
    tables: dict[str, list[pd.DataFrame]] = {}
    for job in jobs:
        table = job.result()
        tables.setdefault(job.arm.at(job.fraction), []).append(table[table["split"] == split])
    seen = next(iter(tables.values()))[0]["subject_id"]
    known = people[people["subject_id"].isin(seen)]
    known = (known[known["split"] == "test"] if source == REAL else known).reset_index(drop=True)
    return Asked(known, {name: Predictions.of(each, known["subject_id"]) for name, each in tables.items()})
