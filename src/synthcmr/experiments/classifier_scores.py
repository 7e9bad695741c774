"""Scores of classifiers in many draws at once: rates of groups, and the worst group and gaps that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.experiments.comparison import Draws, Floats, Ints, estimate
from synthcmr.experiments.subjects import Grouping
from synthcmr.statistics.group_extremes import change_of_extreme, largest_gap, lowest_group
from synthcmr.statistics.intervals import LEVEL, Estimate
from synthcmr.statistics.permutation import shuffled_group_means
from synthcmr.statistics.roc import auc

if TYPE_CHECKING:
    import pandas as pd

WORST = "worst group"
GAPS = ("equal opportunity gap", "equalised odds gap", "demographic parity gap")


@dataclass(frozen=True)
class Predictions:
    """What the networks of one arm predict for the test subjects, seed by seed: (seeds, subjects)."""

    probability: Floats
    decision: Ints

    @classmethod
    def of(cls, tables: Sequence[pd.DataFrame], names: pd.Series) -> Predictions:
        """From the results of jobs, one for each seed, in the order of some subjects."""
        rows = [table.set_index("subject_id").loc[names] for table in tables]
        return cls(
            np.stack([table["probability"].to_numpy(dtype=float) for table in rows]),
            np.stack([table["decision"].to_numpy(dtype=np.int64) for table in rows]),
        )


def rates(predictions: Predictions, label: Ints, member: npt.NDArray[np.bool_], draws: Draws) -> tuple[Floats, Floats]:
    """True and false positive rate of each group, the mean over seeds: (draws, groups) each.

    Args:
        predictions: decisions.
        label: of each subject.
        member: (groups, subjects).
        draws: weights.
    """
    decision = predictions.decision.astype(float)
    positive_rates = []
    for value in (1, 0):
        chosen = (member & (label == value)).astype(float)
        total = draws.subject @ chosen.T
        hits = np.einsum("bn,sn,gn->bsg", draws.subject, decision, chosen, optimize=True)
        positive_rates.append(np.einsum("bs,bsg->bg", draws.seed, hits / np.maximum(total, 1e-9)[:, None]))
    return positive_rates[0], positive_rates[1]


@dataclass(frozen=True)
class GroupRates:
    """Rates of the groups of one grouping, and the share of the sick in each: (draws, groups)."""

    tpr: Floats
    fpr: Floats
    sick: Floats

    @classmethod
    def of(cls, predictions: Predictions, label: Ints, grouping: Grouping, draws: Draws) -> GroupRates:
        """Of the groups that are scored."""
        member = np.stack([group.member for group in grouping.scored])
        tpr, fpr = rates(predictions, label, member, draws)
        sick = draws.subject @ (member & (label == 1)).T / np.maximum(draws.subject @ member.T, 1e-9)
        return cls(tpr, fpr, sick)

    @property
    def balanced_accuracy(self) -> Floats:
        """The mean of the rates at which sick and healthy subjects are classified correctly."""
        return (self.tpr + 1 - self.fpr) / 2

    def _families(self) -> dict[str, tuple[Floats, ...]]:
        """The kinds of rates that each gap looks at."""
        selected = self.tpr * self.sick + self.fpr * (1 - self.sick)
        return dict(zip(GAPS, ((self.tpr,), (self.tpr, self.fpr), (selected,)), strict=True))

    def extremes(self) -> dict[str, Floats]:
        """The worst group and the gaps between groups, in each draw."""
        gaps = {name: np.max([np.ptp(r, axis=1) for r in kinds], axis=0) for name, kinds in self._families().items()}
        return {WORST: self.balanced_accuracy.min(axis=1), **gaps}

    def estimates(self, level: float = LEVEL) -> dict[str, Estimate]:
        """The same with their intervals."""
        each = {name: largest_gap(*kinds, level=level) for name, kinds in self._families().items()}
        each[WORST] = lowest_group(self.balanced_accuracy, level)
        return {name: Estimate.of(one.value, one.interval.clipped(0.0, 1.0)) for name, one in each.items()}


def headline(predictions: Predictions, label: Ints, groupings: tuple[Grouping, ...], draws: Draws) -> dict[str, Floats]:
    """Every score that is one number for an arm, in each draw: what changes between arms are made of."""
    scores = _of_all(predictions, label, draws)
    for grouping in _comparable(groupings):
        each = GroupRates.of(predictions, label, grouping, draws)
        scores |= {f"{score}, {grouping.name}": value for score, value in each.extremes().items()}
    return scores


def changes(arm: Mapping[str, Floats], against: Mapping[str, Floats]) -> dict[str, Estimate]:
    """Every score of `headline` of an arm less that of another."""
    return {name: change(name, arm[name] - against[name]) for name in arm}


def change(name: str, draws: Floats, level: float = LEVEL) -> Estimate:
    """The change of one score of `headline`, with its interval.

    Args:
        name: of the score.
        draws: the change itself, then that of each draw.
        level: of the interval.
    """
    if not name.startswith((WORST, *GAPS)):
        return estimate(draws, -1.0, 1.0, level)
    one = change_of_extreme(draws, level)
    return Estimate.of(one.value, one.interval.clipped(-1.0, 1.0))


def headline_estimates(
    predictions: Predictions, label: Ints, groupings: tuple[Grouping, ...], draws: Draws, level: float = LEVEL
) -> dict[str, Estimate]:
    """The same scores, each with its interval."""
    scores = {name: estimate(drawn, 0.0, 1.0, level) for name, drawn in _of_all(predictions, label, draws).items()}
    for grouping in _comparable(groupings):
        each = GroupRates.of(predictions, label, grouping, draws)
        scores |= {f"{score}, {grouping.name}": value for score, value in each.estimates(level).items()}
    return scores


def _of_all(predictions: Predictions, label: Ints, draws: Draws) -> dict[str, Floats]:
    tpr, fpr = rates(predictions, label, np.ones((1, len(label)), dtype=bool), draws)
    return {"balanced accuracy": ((tpr + 1 - fpr) / 2)[:, 0], "AUROC": auroc(predictions, label, draws)}


def _comparable(groupings: tuple[Grouping, ...]) -> list[Grouping]:
    return [grouping for grouping in groupings if len(grouping.scored) > 1]


def auroc(predictions: Predictions, label: Ints, draws: Draws) -> Floats:
    """Probability that a sick subject is given a higher one than a healthy subject, the mean over seeds."""
    sick, well = label == 1, label == 0
    counts = draws.subject[:, sick], draws.subject[:, well]
    each = np.stack([auc(p[sick], p[well], *counts) for p in predictions.probability], axis=1)
    mean: Floats = (draws.seed * each).sum(axis=1)
    return mean


def group_scores(
    predictions: Predictions, label: Ints, grouping: Grouping, draws: Draws
) -> dict[str, Mapping[str, Floats]]:
    """Scores of each scored group, in each draw."""
    if not grouping.scored:
        return {}
    tpr, fpr = rates(predictions, label, np.stack([group.member for group in grouping.scored]), draws)
    return {
        group.name: {"balanced accuracy": (t + 1 - f) / 2, "TPR": t, "FPR": f}
        for group, t, f in zip(grouping.scored, tpr.T, fpr.T, strict=True)
    }


def by_chance(
    predictions: Predictions, label: Ints, groupings: tuple[Grouping, ...], count: int, seed: int
) -> dict[str, Floats]:
    """Worst group and gaps where groups do not matter: subjects change groups with others of the same label.

    The largest difference between several groups is above zero by chance alone, the more so the smaller they are.

    Args:
        predictions: decisions.
        label: of each subject.
        groupings: to compare within.
        count: shuffles.
        seed: of the shuffles.
    """
    rng = np.random.default_rng(seed)
    decided = predictions.decision.mean(axis=0)
    scores: dict[str, Floats] = {}
    for grouping in _comparable(groupings):
        member = np.stack([group.member for group in grouping.scored])
        tpr, fpr = (shuffled_group_means(decided, member & (label == value), count, rng) for value in (1, 0))
        sick = (member & (label == 1)).sum(axis=1) / member.sum(axis=1)
        each = GroupRates(tpr, fpr, sick)
        scores |= {f"{score}, {grouping.name}": value for score, value in each.extremes().items()}
    return scores
