"""Group scores and gaps of classifiers and segmentation networks, trained with and without the synthetic images."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.score import OVERALL, Score, absent
from synthcmr.evaluation.utility.arms import BOTH, ONLY, REAL_ONLY, label
from synthcmr.evaluation.utility.classification import ClassifierResults, PredictedSubjects
from synthcmr.evaluation.utility.participants import REAL, Names, Participants
from synthcmr.evaluation.utility.segmentation_scores import Outcomes
from synthcmr.experiments.classifier_scores import (
    GAPS,
    WORST,
    by_chance,
    change,
    group_scores,
    headline,
    headline_estimates,
)
from synthcmr.experiments.comparison import Floats, draw, estimate, group_mean_draws
from synthcmr.experiments.subjects import Grouping, cells, groupings
from synthcmr.statistics.group_extremes import change_of_extreme, largest_gap
from synthcmr.statistics.intervals import Estimate
from synthcmr.statistics.permutation import shuffled_group_means

ARMS = {REAL_ONLY: label(REAL_ONLY, 1.0), BOTH: label(BOTH, 1.0), ONLY: ONLY}


def classification_scores(comparison: Comparison, people: Participants, answers: ClassifierResults) -> list[Score]:
    """Of each grouping and each group; the last grouping with two groups or more is the one that rules look at."""
    settings, predicted = answers.settings, answers.of[REAL]
    results = groupings(predicted.people, settings.sensitive, settings.min_group)
    usable = [g for g in results if len(g.scored) > 1]
    if not usable:
        why = f"no two groups of {', '.join(settings.sensitive)} have {settings.min_group} sick and healthy test subjects each"
        return [absent(f"{name}, change", why) for name in (WORST, *GAPS)]
    scorer = _Scorer(comparison, people, answers, predicted, results)
    scores = [score for g in usable for score in scorer.of_grouping(g.name)]
    main = usable[-1].name
    scores += [scorer.change(name, main, f"{name}, change") for name in (WORST, *GAPS)]
    return [*scores, *(score for g in results for score in scorer.of_groups(g))]


def main_grouping(answers: ClassifierResults) -> str:
    """The grouping that rules look at; empty where there is none."""
    settings = answers.settings
    result = groupings(answers.of[REAL].people, settings.sensitive, settings.min_group)
    return ([""] + [g.name for g in result if len(g.scored) > 1])[-1]


class _Scorer:
    """Scores in draws that all arms share."""

    def __init__(
        self,
        comparison: Comparison,
        people: Participants,
        answers: ClassifierResults,
        predicted: PredictedSubjects,
        result: tuple[Grouping, ...],
    ) -> None:
        settings = answers.settings
        self._comparison, self._people, self._predicted = comparison, people, predicted
        self._label = predicted.people["label"].to_numpy(dtype=np.int64)
        _, cell = np.unique(cells(predicted.people, settings.sensitive), return_inverse=True)
        self._draws = draw(cell, settings.repeats, settings.draws, settings.seed)
        self._lines: Mapping[str, Mapping[str, Floats]] = {
            arm: headline(predicted.predictions[name], self._label, result, self._draws) for arm, name in ARMS.items()
        }
        level = comparison.settings.level
        self._estimates: Mapping[str, Mapping[str, Estimate]] = {
            arm: headline_estimates(predicted.predictions[name], self._label, result, self._draws, level)
            for arm, name in ARMS.items()
        }
        self._alone = {
            arm: by_chance(predicted.predictions[name], self._label, result, settings.draws, settings.seed)
            for arm, name in ARMS.items()
        }
        self._hash = hashlib.sha256(settings.model_dump_json(exclude={"repeats", "draws"}).encode()).hexdigest()

    def of_grouping(self, grouping: str) -> list[Score]:
        """Worst group and gaps of each arm, what chance alone makes of them, and what synthetic images change."""
        scores = []
        for name in (WORST, *GAPS):
            key = f"{name}, {grouping}"
            for arm in ARMS:
                beside = float(self._alone[arm][key].mean())
                limit = {"ceiling" if name == WORST else "floor": beside}
                scores.append(self._score(f"{key}, {arm}", self._estimates[arm][key], arm, name == WORST, **limit))
            scores.append(self.change(name, grouping, f"{key}, change"))
        return scores

    def change(self, name: str, grouping: str, title: str) -> Score:
        """With synthetic images less without."""
        key = f"{name}, {grouping}"
        drawn = self._lines[BOTH][key] - self._lines[REAL_ONLY][key]
        return self._score(title, change(name, drawn, self._comparison.settings.level), BOTH, name == WORST)

    def of_groups(self, grouping: Grouping) -> list[Score]:
        """Balanced accuracy, true and false positive rate of each group; why it is not scored, where it is not."""
        scores = []
        for arm, name in ARMS.items():
            each = group_scores(self._predicted.predictions[name], self._label, grouping, self._draws)
            for group in grouping.groups:
                about: dict[str, Any] = {
                    "group": f"{grouping.name}: {group.name}",
                    "n_real": group.sick + group.healthy,
                }
                if group.refused:
                    scores.append(absent(f"balanced accuracy, {arm}", group.refused, better="high", **about))
                    continue
                scores += [
                    self._score(
                        f"{measure}, {arm}",
                        estimate(drawn, 0.0, 1.0, self._comparison.settings.level),
                        arm,
                        measure != "FPR",
                        **about,
                    )
                    for measure, drawn in each[group.name].items()
                ]
        return scores

    def _score(self, name: str, one: Estimate, arm: str, high: bool, **more: Any) -> Score:
        n_synthetic = 0 if arm == REAL_ONLY else len(self._people.synthetic)
        about = {"n_real": len(self._label), "n_synthetic": n_synthetic, "extractor": self._hash} | more
        better = "high" if high else "low"
        return Score(name=name, value=one.value, low=one.low, high=one.high, better=better, **about)


Numbers = npt.NDArray[np.float64]
CHANGE = "Dice gap, change"
Members = dict[str, dict[str, npt.NDArray[np.bool_]]]  # attribute -> group -> who


def segmentation_scores(comparison: Comparison, people: Participants, outcomes: Outcomes) -> list[Score]:
    """Dice of each group, the gap between the best and the worst of an attribute, and what synthetic images change."""
    values = {arm: outcomes.of("dice", arm, 1.0, people.test) for arm in (REAL_ONLY, BOTH)}
    known = np.flatnonzero(np.isfinite(np.stack(list(values.values()))).all(axis=(0, 1)))
    names = tuple(people.test[int(k)] for k in known)
    members = _members(comparison, people, names)
    if not members:
        settings = comparison.settings
        why = f"no attribute of {', '.join(settings.fairness.sensitive)} has two groups of {settings.min_subjects} test subjects"
        return [absent(CHANGE, why)]
    inside = {arm: v[:, known] for arm, v in values.items()}
    means = {
        arm: {name: _means(v, groups, comparison) for name, groups in members.items()} for arm, v in inside.items()
    }
    gaps = {arm: {name: np.ptp(m, axis=1) for name, m in each.items()} for arm, each in means.items()}
    alone = {arm: {n: _chance(v, groups, comparison) for n, groups in members.items()} for arm, v in inside.items()}
    level = comparison.settings.level
    scores = []
    for name in members:
        for arm in gaps:
            gap = largest_gap(means[arm][name], level=level)
            gap = Estimate.of(gap.value, gap.interval.clipped(0.0, 1.0))
            scores.append(_score(comparison, people, f"Dice gap, {name}, {arm}", gap, arm, alone[arm][name]))
        gained = change_of_extreme(gaps[BOTH][name] - gaps[REAL_ONLY][name], level)
        scores.append(_score(comparison, people, f"Dice gap, {name}, change", gained, BOTH))
    largest = [np.max(list(gaps[arm].values()), axis=0) for arm in (BOTH, REAL_ONLY)]
    return [*scores, _score(comparison, people, CHANGE, change_of_extreme(largest[0] - largest[1], level), BOTH)]


def _members(comparison: Comparison, people: Participants, names: Names) -> Members:
    """Groups that have enough subjects, of attributes that have two such groups."""
    results: Members = {}
    for name, who in people.groups[REAL].items():
        attribute = name.split(": ")[0]
        member = np.array([n in who for n in names])
        if name != OVERALL and attribute in _titles(comparison) and member.sum() >= comparison.settings.min_subjects:
            results.setdefault(attribute, {})[name] = member
    return {attribute: groups for attribute, groups in results.items() if len(groups) > 1}


def _titles(comparison: Comparison) -> tuple[str, ...]:
    return tuple(name.replace("_", " ") for name in comparison.settings.fairness.sensitive)


def _means(values: Numbers, groups: Mapping[str, npt.NDArray[np.bool_]], comparison: Comparison) -> Numbers:
    return group_mean_draws(values, list(groups.values()), comparison.settings.draws, comparison.settings.seed)


def _chance(values: Numbers, groups: Mapping[str, npt.NDArray[np.bool_]], comparison: Comparison) -> float:
    """The gap between groups of these sizes, filled at random."""
    rng = np.random.default_rng([comparison.settings.seed, 5])
    means = shuffled_group_means(values.mean(axis=0), np.stack(list(groups.values())), comparison.settings.draws, rng)
    return float((means.max(axis=1) - means.min(axis=1)).mean())


def _score(
    comparison: Comparison, people: Participants, name: str, one: Estimate, arm: str, floor: float | None = None
) -> Score:
    generated = len(people.synthetic) if arm == BOTH else 0
    counts = {"n_real": len(people.test), "n_synthetic": generated}
    return Score(name=name, value=one.value, low=one.low, high=one.high, floor=floor, **counts)
