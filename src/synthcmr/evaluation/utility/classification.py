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
from synthcmr.evaluation.utility.arms import ARMS, BOTH, ONLY, REAL_ONLY, label
from synthcmr.evaluation.utility.participants import OTHER, REAL, SYNTHETIC, Participants
from synthcmr.evaluation.utility.segmentation_scores import WORK
from synthcmr.experiments.classifier_job import ClassifierJob
from synthcmr.experiments.classifier_scores import Predictions, headline
from synthcmr.experiments.comparison import Floats, draw, estimate
from synthcmr.experiments.images import all_people
from synthcmr.experiments.jobs import run_jobs
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.experiments.subjects import cells

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PredictedSubjects:
    """Subjects with the predictions of each arm: label of the arm -> predictions."""

    people: pd.DataFrame
    predictions: Mapping[str, Predictions]


@dataclass(frozen=True)
class ClassifierResults:
    """All predictions, by the cohort of the subjects."""

    settings: DebiasSettings
    of: Mapping[str, PredictedSubjects]


def classifier_results(comparison: Comparison, people: Participants, fractions: Sequence[float]) -> ClassifierResults:
    """Train what is not there yet, and read all predictions.

    Raises:
        CohortError: the cohorts have no such label, or no pairs of ED and ES.
        SettingsError: the label does not tell two kinds of subjects apart, or a split is missing.
    """
    settings = debias_settings(comparison, people)
    sets = {source: path for source, path in people.paths.items() if source != REAL}
    everyone = all_people(people.cohorts, settings)
    _check(everyone[REAL], comparison)
    out = comparison.out / WORK / "classification" / _key(people, settings)
    jobs = [
        ClassifierJob(people.paths[REAL], sets, settings, ARMS[arm], repeat, out, fraction, tuple(sets))
        for repeat in range(settings.repeats)
        for arm, fraction in [*((a, f) for f in fractions for a in (REAL_ONLY, BOTH)), (ONLY, 1.0)]
    ]
    report = comparison.report
    run_jobs(
        jobs, comparison.workers, report and (lambda done, total, what: report(done, total, f"classifier, {what}"))
    )
    return ClassifierResults(settings, {source: _predicted(source, everyone[source], jobs) for source in everyone})


def debias_settings(comparison: Comparison, people: Participants) -> DebiasSettings:
    """The debiasing experiment's settings of an evaluation."""
    own, known = comparison.settings.utility.classification, people.cohorts[REAL].subjects
    sensitive = comparison.settings.fairness.sensitive
    return DebiasSettings(
        label=own.label,
        positive=own.positive,
        sensitive=tuple(n for n in sensitive if n in known and known[n].notna().any()),
        slices=own.slices,
        classifier=own.network,
        loop=own.loop,
        repeats=comparison.settings.utility.repeats,
        min_group=comparison.settings.fairness.min_group,
        draws=max(comparison.settings.draws, 100),
        seed=comparison.settings.seed,
    )


def _check(real: pd.DataFrame, comparison: Comparison) -> None:
    test = real.loc[real["split"] == "test", "label"]
    sick, well, least = int(test.sum()), int((1 - test).sum()), comparison.settings.fairness.min_group
    if min(sick, well) < least or len(test) < comparison.settings.min_subjects:
        raise CohortError(
            f"{sick} sick and {well} healthy real test subjects; at least {least} of each, and {comparison.settings.min_subjects} "
            "together, are needed"
        )


def _key(people: Participants, settings: DebiasSettings) -> str:
    """Of everything that a classifier depends on, its seed and arm aside."""
    record = settings.model_dump(mode="json", exclude={"repeats", "draws", "min_group", "remedies"})
    hashes = {source: cohort.hash for source, cohort in people.cohorts.items()}
    return hashlib.sha256(json.dumps([__version__, hashes, record], sort_keys=True).encode()).hexdigest()[:16]


def _predicted(source: str, people: pd.DataFrame, jobs: Sequence[ClassifierJob]) -> PredictedSubjects:

    split = "test" if source == REAL else source
    tables: dict[str, list[pd.DataFrame]] = {}
    for job in jobs:
        table = job.result()
        tables.setdefault(job.arm.at(job.fraction), []).append(table[table["split"] == split])
    seen = next(iter(tables.values()))[0]["subject_id"]
    known = people[people["subject_id"].isin(seen)]
    known = (known[known["split"] == "test"] if source == REAL else known).reset_index(drop=True)
    return PredictedSubjects(known, {name: Predictions.of(each, known["subject_id"]) for name, each in tables.items()})


MEASURES = ("AUROC", "balanced accuracy")
ALL = label(REAL_ONLY, 1.0)
Lines = Mapping[str, Mapping[str, Floats]]  # label of an arm -> score -> value in each draw


@dataclass(frozen=True)
class Classifying:
    """All that is needed to score classifiers."""

    comparison: Comparison
    people: Participants
    results: ClassifierResults
    fractions: tuple[float, ...]

    @property
    def about(self) -> dict[str, Any]:
        """What every score tells."""
        generated = self.results.settings.model_dump_json(exclude={"repeats", "draws"})
        return {"extractor": hashlib.sha256(generated.encode()).hexdigest()}

    @cached_property
    def lines(self) -> Lines:
        """Scores of all subjects, in draws that all arms share."""
        return self._lines(self.results.of[REAL])

    def _lines(self, predicted_subjects: PredictedSubjects) -> Lines:
        settings = self.results.settings
        _, cell = np.unique(cells(predicted_subjects.people, ()), return_inverse=True)
        draws = draw(cell, settings.repeats, settings.draws, settings.seed)
        wanted = predicted_subjects.people["label"].to_numpy(dtype=np.int64)
        return {
            name: headline(predicted, wanted, (), draws) for name, predicted in predicted_subjects.predictions.items()
        }

    def scores(self) -> list[Score]:
        """Everything."""
        results = [self._score(f"{m}, {name}", self.lines[name][m], name) for name in self.lines for m in MEASURES]
        results.append(self._above_chance("synthetic only", self.lines[ONLY], REAL))
        results += self._elsewhere(SYNTHETIC, "real on synthetic", {ALL: "real on synthetic"})
        for fraction in self.fractions:
            results += self._gains(self.lines, fraction, "", REAL)
        if OTHER in self.results.of:
            lines = self._lines(self.results.of[OTHER])
            results += self._elsewhere(OTHER, "", {name: f"{name}, other cohort" for name in lines})
            results += self._gains(lines, 1.0, ", other cohort", OTHER)
        return results

    def _elsewhere(self, source: str, chance: str, names: Mapping[str, str]) -> list[Score]:
        """Of people who are not of the real test split: arm -> what its score is called."""
        both_kinds = self.results.of[source].people["label"].nunique() > 1
        if not both_kinds:
            why = f"{self.people.cohorts[source].path.name} has no sick, or no healthy, subjects"
            return [Score(name=f"{m}, {title}", absent=why) for m in MEASURES for title in names.values()]
        lines = self._lines(self.results.of[source])
        scores = [
            self._score(f"{m}, {title}", lines[arm][m], arm, source) for arm, title in names.items() for m in MEASURES
        ]
        return [*scores, self._above_chance(chance, lines[ALL], source)] if chance else scores

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
        result = self._score(f"above chance, {name}", 2 * lines["AUROC"] - 1, name, source, (-1.0, 1.0))
        return result.model_copy(update={"ceiling": best})

    def _score(
        self, name: str, drawn: Floats, arm: str, source: str = REAL, within: tuple[float, float] = (0.0, 1.0)
    ) -> Score:
        one = estimate(drawn, *within, level=self.comparison.settings.level)
        n_tested = len(self.results.of[source].people)
        n_synthetic = len(self.people.synthetic) if "synthetic" in arm else 0
        counts = {"n_real": n_tested, "n_synthetic": n_synthetic}
        if source == SYNTHETIC:
            counts = {"n_real": len(self.people.train), "n_synthetic": n_tested}
        return Score(name=name, value=one.value, low=one.low, high=one.high, better="high", **counts, **self.about)
