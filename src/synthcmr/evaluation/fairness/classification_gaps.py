"""Group scores and gaps of the classifier, trained with and without the synthetic images, as the debiasing experiment scores them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.score import Score, absent
from synthcmr.evaluation.utility.classification.answers import Answers, Asked
from synthcmr.evaluation.utility.people import REAL, People
from synthcmr.evaluation.utility.segmentation.arms import BOTH, ONLY, REAL_ONLY, label
from synthcmr.experiments.comparison import Floats, draw, estimate
from synthcmr.experiments.rates import GAPS, WORST, by_chance, group_scores, headline
from synthcmr.experiments.subjects import Grouping, cells, groupings

ARMS = {REAL_ONLY: label(REAL_ONLY, 1.0), BOTH: label(BOTH, 1.0), ONLY: ONLY}


def classified_scores(told: Comparison, people: People, answers: Answers) -> list[Score]:
    """Of each grouping and each group; the last grouping with two groups or more is the one that rules look at."""
    settings, asked = answers.settings, answers.of[REAL]
    found = groupings(asked.people, settings.sensitive, settings.min_group)
    usable = [g for g in found if len(g.scored) > 1]
    if not usable:
        why = f"no two groups of {', '.join(settings.sensitive)} have {settings.min_group} sick and healthy test subjects each"
        return [absent(f"{name}, change", why) for name in (WORST, *GAPS)]
    scorer = _Scorer(told, people, answers, asked, found)
    scores = [score for g in usable for score in scorer.of_grouping(g.name)]
    main = usable[-1].name
    scores += [scorer.change(name, main, f"{name}, change") for name in (WORST, *GAPS)]
    return [*scores, *(score for g in found for score in scorer.of_groups(g))]


def main_grouping(answers: Answers) -> str:
    """The grouping that rules look at; empty where there is none."""
    settings = answers.settings
    found = groupings(answers.of[REAL].people, settings.sensitive, settings.min_group)
    return ([""] + [g.name for g in found if len(g.scored) > 1])[-1]


class _Scorer:
    """Scores in draws that all arms share."""

    def __init__(
        self, told: Comparison, people: People, answers: Answers, asked: Asked, found: tuple[Grouping, ...]
    ) -> None:
        settings = answers.settings
        self._told, self._people, self._asked = told, people, asked
        self._label = asked.people["label"].to_numpy(dtype=np.int64)
        _, cell = np.unique(cells(asked.people, settings.sensitive), return_inverse=True)
        self._draws = draw(cell, settings.repeats, settings.draws, settings.seed)
        self._lines: Mapping[str, Mapping[str, Floats]] = {
            arm: headline(asked.said[name], self._label, found, self._draws) for arm, name in ARMS.items()
        }
        self._alone = {
            arm: by_chance(asked.said[name], self._label, found, settings.draws, settings.seed)
            for arm, name in ARMS.items()
        }
        self._hash = hashlib.sha256(settings.model_dump_json(exclude={"repeats", "draws"}).encode()).hexdigest()

    def of_grouping(self, grouping: str) -> list[Score]:
        """Worst group and gaps of each arm, what chance alone makes of them, and what synthetic images change."""
        found = []
        for name in (WORST, *GAPS):
            key = f"{name}, {grouping}"
            for arm in ARMS:
                beside = float(self._alone[arm][key].mean())
                limit = {"ceiling" if name == WORST else "floor": beside}
                found.append(
                    self._score(f"{key}, {arm}", self._lines[arm][key], arm, name == WORST, of_extremes=True, **limit)
                )
            found.append(self.change(name, grouping, f"{key}, change"))
        return found

    def change(self, name: str, grouping: str, title: str) -> Score:
        """With synthetic images less without."""
        key = f"{name}, {grouping}"
        return self._score(title, self._lines[BOTH][key] - self._lines[REAL_ONLY][key], BOTH, name == WORST, least=-1.0)

    def of_groups(self, grouping: Grouping) -> list[Score]:
        """Balanced accuracy, true and false positive rate of each group; why it is not scored, where it is not."""
        found = []
        for arm, name in ARMS.items():
            each = group_scores(self._asked.said[name], self._label, grouping, self._draws)
            for group in grouping.groups:
                about: dict[str, Any] = {
                    "group": f"{grouping.name}: {group.name}",
                    "n_real": group.sick + group.healthy,
                }
                if group.refused:
                    found.append(absent(f"balanced accuracy, {arm}", group.refused, better="high", **about))
                    continue
                found += [
                    self._score(f"{measure}, {arm}", drawn, arm, measure != "FPR", **about)
                    for measure, drawn in each[group.name].items()
                ]
        return found

    def _score(
        self,
        name: str,
        drawn: Floats,
        arm: str,
        high: bool,
        least: float = 0.0,
        of_extremes: bool = False,
        **more: Any,
    ) -> Score:
        one = estimate(drawn, least, 1.0, self._told.settings.level, of_extremes)
        learned = 0 if arm == REAL_ONLY else len(self._people.synthetic)
        about = {"n_real": len(self._label), "n_synthetic": learned, "extractor": self._hash} | more
        better = "high" if high else "low"
        return Score(name=name, value=one.value, low=one.low, high=one.high, better=better, **about)
