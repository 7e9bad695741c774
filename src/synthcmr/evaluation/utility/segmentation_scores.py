"""What networks that outline reached, trained or kept from before, and their scores.

Dice, HD95 and failures by arm, fraction, structure, phase and group, and what synthetic images add.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.score import OVERALL, Score
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.evaluation.utility.arms import AUGMENTED, BOTH, ONLY, REAL_ONLY, GridPoint, job_of, label
from synthcmr.evaluation.utility.participants import OTHER, REAL, SYNTHETIC, Names, Participants
from synthcmr.experiments.comparison import estimate, mean_draws
from synthcmr.experiments.jobs import run_jobs

if TYPE_CHECKING:
    import pandas as pd

WORK = "networks"
Numbers = npt.NDArray[np.float64]
KEYS = ["arm", "fraction", "without", "source"]
WORDS = {"lv": "LV", "myo": "myocardium", "rv": "RV"}
MEASURES = {
    "Dice": ("dice", "high", ""),
    "HD95": ("hd95_mm", "low", "mm"),
    "failed": ("failed", "low", "share of cases"),
}
ELSEWHERE = ", other cohort"


def trained(comparison: Comparison, people: Participants, wanted: Sequence[GridPoint]) -> pd.DataFrame:
    """Every case of every network: arm, fraction, repeat, without, source, subject_id, phase, structure, dice, hd95_mm, failed."""
    import pandas as pd

    settings = comparison.settings
    jobs = [
        job_of(task, people, settings.utility, settings.seed, comparison.out / WORK / "segmentation") for task in wanted
    ]
    run_jobs(jobs, comparison.workers, comparison.report)
    return pd.concat(
        [
            job.result().assign(arm=t.arm, fraction=t.fraction, repeat=t.repeat, without=t.without)
            for t, job in zip(wanted, jobs, strict=True)
        ],
        ignore_index=True,
    )


@dataclass(frozen=True)
class Outcomes:
    """Every case of every network."""

    table: pd.DataFrame

    @cached_property
    def _rows(self) -> dict[tuple[object, ...], npt.NDArray[np.intp]]:
        return dict(self.table.groupby(KEYS).indices)

    @cached_property
    def phases(self) -> tuple[str, ...]:
        """ED and ES, or what frames are called."""
        return tuple(sorted(self.table["phase"].unique()))

    def cases(self, arm: str, fraction: float, source: str = REAL, without: str = "") -> pd.DataFrame:
        """Those of all seeds of one arm."""
        return self.table.iloc[self._rows.get((arm, fraction, without, source), [])]

    def of(
        self,
        measure: str,
        arm: str,
        fraction: float,
        subjects: Sequence[str],
        source: str = REAL,
        without: str = "",
        structure: str = "",
        phase: str = "",
    ) -> Numbers:
        """Mean over a subject's cases, (seeds, subjects); NaN for those who have none."""
        chosen = self.cases(arm, fraction, source, without)
        for column, wanted in (("structure", structure), ("phase", phase)):
            if wanted:
                chosen = chosen[chosen[column] == wanted]
        wide = chosen.pivot_table(index="repeat", columns="subject_id", values=measure, aggfunc="mean")
        result: Numbers = wide.reindex(columns=list(subjects)).to_numpy(dtype=float)
        return result if len(result) else np.full((1, len(subjects)), np.nan)


def mean_score(name: str, values: Numbers, settings: EvaluateSettings, **about: Any) -> Score:
    """Mean of a number of test subjects; refused below the minimum n.

    Args:
        name: of the score.
        values: (seeds, subjects); subjects that lack one in any seed are left out.
        settings: of the evaluation.
        **about: further fields of the score.
    """
    known = values[:, np.isfinite(values).all(axis=0)]
    count = known.shape[1]
    if count < settings.min_subjects:
        why = f"{count} test subjects; at least {settings.min_subjects} are needed"
        return Score(name=name, n_real=count, absent=why, **about)
    mean = estimate(mean_draws(known, settings.draws, settings.seed), level=settings.level)
    return Score(name=name, value=mean.value, low=mean.low, high=mean.high, n_real=count, **about)


def named(measure: str, of: str, structure: str = "", phase: str = "") -> str:
    """Name of a score: 'Dice LV ES, real, 25 %'."""
    return " ".join(part for part in (measure, WORDS.get(structure, ""), phase) if part) + f", {of}"


@dataclass(frozen=True)
class Outlining:
    """All that is needed to score a grid."""

    comparison: Comparison
    people: Participants
    outcomes: Outcomes
    left_out: Names

    @property
    def arms(self) -> list[tuple[str, float]]:
        """Arms and fractions that are tested on real subjects."""
        fractions = self.comparison.settings.utility.fractions_tested
        return [*((arm, f) for f in fractions for arm in (REAL_ONLY, BOTH, AUGMENTED)), (ONLY, 1.0)]

    def scores(self) -> list[Score]:
        """Everything."""
        results = [score for arm in self.arms for score in self._of_arm(*arm)]
        results += [self._on_synthetic(measure) for measure in MEASURES]
        results += [s for f in self.comparison.settings.utility.fractions_tested for s in self._gains(f)]
        results += [s for name in self.people.groups[REAL] if name != OVERALL for s in self._of_group(name)]
        results += [s for name in self.left_out for s in self._left_out(name)]
        return [*results, *(self._elsewhere() if self.people.other else ())]

    def _of_arm(self, arm: str, fraction: float) -> list[Score]:
        """All structures and phases of all subjects."""
        phases = ("", *self.outcomes.phases) if len(self.outcomes.phases) > 1 else ("",)
        described = [
            self._score(measure, arm, fraction, self.people.test, structure=s, phase=p)
            for measure in MEASURES
            for s in ("", *STRUCTURES)
            for p in phases
        ]
        return [*described, self._failures(arm, fraction)]

    def _score(
        self, measure: str, arm: str, fraction: float, subjects: Sequence[str], group: str = OVERALL, **which: str
    ) -> Score:
        """One measure of one arm; what learning from all real subjects reaches stands beside what synthetic ones alone teach."""
        column, better, unit = MEASURES[measure]
        about: dict[str, Any] = {"group": group, "better": better, "unit": unit, **self._about(arm)}
        if arm == ONLY:
            beside = _mean(self.outcomes.of(column, REAL_ONLY, 1.0, subjects, **which))
            about["ceiling" if better == "high" else "floor"] = beside
        values = self.outcomes.of(column, arm, fraction, subjects, **which)
        return mean_score(named(measure, label(arm, fraction), **which), values, self.comparison.settings, **about)

    def _about(self, arm: str) -> dict[str, Any]:
        synthetic = arm in (BOTH, ONLY, SYNTHETIC)
        return {"n_synthetic": len(self.people.synthetic) if synthetic else 0, "extractor": self._hash}

    @property
    def _hash(self) -> str:
        """Of what decides the networks."""
        return hashlib.sha256(self.comparison.settings.utility.segmentation.model_dump_json().encode()).hexdigest()

    def _failures(self, arm: str, fraction: float) -> Score:
        """How many structures were missed altogether, of so many: the mean over seeds."""
        cases = self.outcomes.cases(arm, fraction)
        seeds = cases["repeat"].nunique()
        value = float(cases["failed"].sum()) / seeds
        each = cases.groupby(["repeat", "subject_id"])["failed"].sum().unstack().to_numpy(dtype=float)
        share = mean_score("", each, self.comparison.settings)
        count = each.shape[1]
        limits = {k: None if x is None else x * count for k, x in (("low", share.low), ("high", share.high))}
        return Score(
            name=f"failures, {label(arm, fraction)}",
            value=value,
            **limits,
            unit=f"of {len(cases) // seeds} structures",
            n_real=count,
            **self._about(arm),
        )

    def _on_synthetic(self, measure: str) -> Score:
        """Trained on all real subjects, tested on synthetic ones (TRTS)."""
        column, better, unit = MEASURES[measure]
        subjects = self.people.synthetic[: self.comparison.settings.utility.most_tested]
        values = self.outcomes.of(column, REAL_ONLY, 1.0, subjects, source=SYNTHETIC)
        beside = _mean(self.outcomes.of(column, REAL_ONLY, 1.0, self.people.test))
        result = mean_score(
            f"{measure}, real on synthetic",
            values,
            self.comparison.settings,
            better=better,
            unit=unit,
            extractor=self._hash,
            **{"ceiling" if better == "high" else "floor": beside},
        )
        return result.model_copy(update={"n_synthetic": result.n_real, "n_real": len(self.people.train)})

    def _gains(self, fraction: float) -> list[Score]:
        """What synthetic images, and classical augmentation, add to a fraction; subject by subject, seed by seed."""
        share = f"{100 * fraction:g} %"
        pairs = (
            (f"Dice gain, {share}", BOTH, REAL_ONLY),
            (f"Dice gain of augmentation, {share}", AUGMENTED, REAL_ONLY),
            (f"Dice gain over augmentation, {share}", BOTH, AUGMENTED),
        )
        scores = [self._gain(name, a, b, fraction, self.people.test) for name, a, b in pairs]
        far = self._gain(f"HD95 gain, {share}", BOTH, REAL_ONLY, fraction, self.people.test, "hd95_mm")
        return [*scores, far.model_copy(update={"unit": "mm", "better": "low"})]

    def _gain(
        self,
        name: str,
        arm: str,
        against: str,
        fraction: float,
        subjects: Sequence[str],
        column: str = "dice",
        group: str = OVERALL,
        **which: str,
    ) -> Score:
        a, b = (self.outcomes.of(column, one, fraction, subjects, **which) for one in (arm, against))
        return mean_score(name, a - b, self.comparison.settings, group=group, better="high", **self._about(arm))

    def _of_group(self, name: str) -> list[Score]:
        """Dice of a group, with all real subjects."""
        subjects = self.people.in_group(name)
        if len(subjects) < self.comparison.settings.min_subjects:
            why = f"{len(subjects)} test subjects; at least {self.comparison.settings.min_subjects} are needed"
            return [Score(name="Dice gain, 100 %", group=name, better="high", n_real=len(subjects), absent=why)]
        arms = [self._score("Dice", arm, 1.0, subjects, name) for arm in (REAL_ONLY, BOTH, ONLY)]
        return [*arms, self._gain("Dice gain, 100 %", BOTH, REAL_ONLY, 1.0, subjects, group=name)]

    def _left_out(self, name: str) -> list[Score]:
        """Dice of a group that was left out of training."""
        subjects = self.people.in_group(name)
        scores = []
        for arm in (REAL_ONLY, BOTH):
            values = self.outcomes.of("dice", arm, 1.0, subjects, without=name)
            about = {"group": name, "better": "high", **self._about(arm)}
            scores.append(mean_score(f"Dice where left out, {arm}", values, self.comparison.settings, **about))
        gain = self._gain("Dice gain where left out", BOTH, REAL_ONLY, 1.0, subjects, group=name, without=name)
        return [*scores, gain]

    def _elsewhere(self) -> list[Score]:
        """Dice and HD95 of the second real cohort."""
        scores = []
        for arm, fraction in self.arms:
            for measure, (column, better, unit) in MEASURES.items():
                values = self.outcomes.of(column, arm, fraction, self.people.other, source=OTHER)
                about = {"better": better, "unit": unit, **self._about(arm)}
                name = named(measure, label(arm, fraction)) + ELSEWHERE
                scores.append(mean_score(name, values, self.comparison.settings, **about))
        for fraction in self.comparison.settings.utility.fractions_tested:
            name = f"Dice gain, {100 * fraction:g} %{ELSEWHERE}"
            scores.append(self._gain(name, BOTH, REAL_ONLY, fraction, self.people.other, source=OTHER))
        return scores


def _mean(values: Numbers) -> float | None:
    """Of what is known; None where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
