"""The classifiers of an evaluation, trained or kept from before, and their scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from synthcmr import __version__
from synthcmr.errors import CohortError
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.score import Score
from synthcmr.evaluation.utility.people import OTHER, REAL, SYNTHETIC, People
from synthcmr.evaluation.utility.segmentation.arms import ARMS, BOTH, ONLY, REAL_ONLY, label
from synthcmr.evaluation.utility.segmentation.outcomes import WORK
from synthcmr.experiments.classifier_job import ClassifierJob
from synthcmr.experiments.comparison import Floats, draw, estimate
from synthcmr.experiments.images import all_people
from synthcmr.experiments.jobs import run_jobs
from synthcmr.experiments.rates import Predictions, headline
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.experiments.subjects import cells

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


MEASURES = ("AUROC", "balanced accuracy")
ALL = label(REAL_ONLY, 1.0)
Lines = Mapping[str, Mapping[str, Floats]]  # label of an arm -> score -> value in each draw


@dataclass(frozen=True)
class Classifying:
    """All that is needed to score classifiers."""

    told: Comparison
    people: People
    answers: Answers
    fractions: tuple[float, ...]

    @property
    def about(self) -> dict[str, Any]:
        """What every score tells."""
        made = self.answers.settings.model_dump_json(exclude={"repeats", "draws"})
        return {"extractor": hashlib.sha256(made.encode()).hexdigest()}

    @cached_property
    def lines(self) -> Lines:
        """Scores of everybody, in draws that all arms share."""
        return self._lines(self.answers.of[REAL])

    def _lines(self, asked: Asked) -> Lines:
        settings = self.answers.settings
        _, cell = np.unique(cells(asked.people, ()), return_inverse=True)
        draws = draw(cell, settings.repeats, settings.draws, settings.seed)
        wanted = asked.people["label"].to_numpy(dtype=np.int64)
        return {name: headline(said, wanted, (), draws) for name, said in asked.said.items()}

    def scores(self) -> list[Score]:
        """Everything."""
        found = [self._score(f"{m}, {name}", self.lines[name][m], name) for name in self.lines for m in MEASURES]
        found.append(self._above_chance("synthetic only", self.lines[ONLY], REAL))
        found += self._elsewhere(SYNTHETIC, "real on synthetic", {ALL: "real on synthetic"})
        for fraction in self.fractions:
            found += self._gains(self.lines, fraction, "", REAL)
        if OTHER in self.answers.of:
            lines = self._lines(self.answers.of[OTHER])
            found += self._elsewhere(OTHER, "", {name: f"{name}, other cohort" for name in lines})
            found += self._gains(lines, 1.0, ", other cohort", OTHER)
        return found

    def _elsewhere(self, source: str, chance: str, names: Mapping[str, str]) -> list[Score]:
        """Of people who are not of the real test split: arm -> what its score is called."""
        both_kinds = self.answers.of[source].people["label"].nunique() > 1
        if not both_kinds:
            why = f"{self.people.cohorts[source].path.name} has no sick, or no healthy, subjects"
            return [Score(name=f"{m}, {title}", absent=why) for m in MEASURES for title in names.values()]
        lines = self._lines(self.answers.of[source])
        found = [
            self._score(f"{m}, {title}", lines[arm][m], arm, source) for arm, title in names.items() for m in MEASURES
        ]
        return [*found, self._above_chance(chance, lines[ALL], source)] if chance else found

    def _gains(self, lines: Lines, fraction: float, where: str, source: str) -> list[Score]:
        both, real = label(BOTH, fraction), label(REAL_ONLY, fraction)
        return [
            self._score(
                f"{m} gain, {100 * fraction:g} %{where}", lines[both][m] - lines[real][m], both, source, (-1.0, 1.0)
            )
            for m in MEASURES
        ]

    def _above_chance(self, name: str, lines: Mapping[str, Floats], source: str) -> Score:
        """2 AUROC - 1, beside what learning from and testing on real subjects reaches."""
        best = 2 * float(self.lines[ALL]["AUROC"][0]) - 1
        found = self._score(f"above chance, {name}", 2 * lines["AUROC"] - 1, name, source, (-1.0, 1.0))
        return found.model_copy(update={"ceiling": best})

    def _score(
        self, name: str, drawn: Floats, arm: str, source: str = REAL, within: tuple[float, float] = (0.0, 1.0)
    ) -> Score:
        one = estimate(drawn, *within, level=self.told.settings.level)
        asked = len(self.answers.of[source].people)
        learned = len(self.people.synthetic) if "synthetic" in arm else 0
        counts = {"n_real": asked, "n_synthetic": learned}
        if source == SYNTHETIC:
            counts = {"n_real": len(self.people.train), "n_synthetic": asked}
        return Score(name=name, value=one.value, low=one.low, high=one.high, better="high", **counts, **self.about)
