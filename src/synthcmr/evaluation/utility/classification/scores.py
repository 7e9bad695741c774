"""Scores of classifiers: AUROC and balanced accuracy of each arm, and what synthetic images add."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.score import Score
from synthcmr.evaluation.utility.classification.answers import Answers, Asked
from synthcmr.evaluation.utility.people import OTHER, REAL, SYNTHETIC, People
from synthcmr.evaluation.utility.segmentation.arms import BOTH, ONLY, REAL_ONLY, label
from synthcmr.experiments.comparison import Floats, draw, estimate
from synthcmr.experiments.rates import headline
from synthcmr.experiments.subjects import cells

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
