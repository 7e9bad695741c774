"""How arms are compared: test subjects and seeds are drawn again, and all arms see the same draws, so that differences are paired.

A draw takes the test subjects of each stratum with replacement, so that no group is ever empty, and the seeds with replacement. Row 0 is
the data as they are; what is computed for every row is the value and its draws at once:
rates of groups, and the worst group and gaps that follow from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.experiments.subjects import Grouping
from synthcmr.statistics.bootstrap import subject_counts
from synthcmr.statistics.intervals import LEVEL, Estimate, centred, extreme
from synthcmr.statistics.permutation import shuffled_group_means
from synthcmr.statistics.roc import auc

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
WORST = "worst group"
GAPS = ("equal opportunity gap", "equalised odds gap", "demographic parity gap")


@dataclass(frozen=True)
class Draws:
    """Weights of subjects and seeds; the first draw is the data as they are."""

    subject: Floats  # (draws, subjects)
    seed: Floats  # (draws, seeds), each row sums to one


def draw(stratum: Ints, seeds: int, count: int, seed: int) -> Draws:
    """Bootstrap weights: subjects within strata, and seeds."""
    rng = np.random.default_rng(seed)
    subject = subject_counts(stratum, count, rng, observed_first=True).astype(float)
    seed_weight = np.full((count + 1, seeds), 1 / seeds)
    seed_weight[1:] = subject_counts(seeds, count, rng) / seeds
    return Draws(subject, seed_weight)


def estimate(
    draws: Floats, least: float = -np.inf, most: float = np.inf, level: float = LEVEL, of_extremes: bool = False
) -> Estimate:
    """Value and interval, within what a score can be.

    Args:
        draws: the value itself, then that of each draw.
        least: end of the scale.
        most: end of the scale.
        level: of the interval.
        of_extremes: whether it is of the worst of several groups or of a gap between them, rather than a mean or a change.
    """
    value, rest = float(draws[0]), draws[1:]
    interval = extreme(value, rest, level) if of_extremes else centred(value, rest, level)
    return Estimate.of(value, interval.clipped(least, most))


def changes(arm: Mapping[str, Floats], against: Mapping[str, Floats]) -> dict[str, Estimate]:
    """Every score of an arm less that of another."""
    return {name: estimate(arm[name] - against[name]) for name in arm}


def mean_draws(values: Floats, count: int, seed: int) -> Floats:
    """Mean over subjects and seeds in each draw.

    Args:
        values: (seeds, subjects).
        count: of draws.
        seed: of the draws.
    """
    draws = draw(np.zeros(values.shape[1], dtype=np.int64), len(values), count, seed)
    total: Floats = np.einsum("bs,sn,bn->b", draws.seed, values, draws.subject, optimize=True)
    return total / values.shape[1]


def group_mean_draws(values: Floats, groups: Sequence[npt.NDArray[np.bool_]], count: int, seed: int) -> Floats:
    """Mean of each group in each draw, (draws, groups); groups keep their size."""
    member = np.stack(groups).astype(float)
    _, stratum = np.unique(member.T, axis=0, return_inverse=True)
    draws = draw(stratum.ravel(), len(values), count, seed)
    total: Floats = np.einsum("bs,sn,bn,gn->bg", draws.seed, values, draws.subject, member, optimize=True)
    return total / member.sum(axis=1)


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


def is_of_extremes(name: str) -> bool:
    """Whether a score of `headline` is the worst of several groups or a gap between them."""
    return name.startswith((WORST, *GAPS))


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


def headline(predictions: Predictions, label: Ints, groupings: tuple[Grouping, ...], draws: Draws) -> dict[str, Floats]:
    """Every score that is one number for an arm, in each draw."""
    everyone = np.ones((1, len(label)), dtype=bool)
    tpr, fpr = rates(predictions, label, everyone, draws)
    scores = {"balanced accuracy": ((tpr + 1 - fpr) / 2)[:, 0], "AUROC": auroc(predictions, label, draws)}
    for grouping in groupings:
        if len(grouping.scored) > 1:
            gaps = _gaps_of(grouping, predictions, label, draws)
            scores |= {f"{score}, {grouping.name}": value for score, value in gaps.items()}
    return scores


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
    for grouping in groupings:
        if len(grouping.scored) < 2:
            continue
        member = np.stack([group.member for group in grouping.scored])
        tpr, fpr = (shuffled_group_means(decided, member & (label == value), count, rng) for value in (1, 0))
        sick = (member & (label == 1)).sum(axis=1) / member.sum(axis=1)
        scores |= {f"{score}, {grouping.name}": value for score, value in _gaps(tpr, fpr, sick).items()}
    return scores


def _gaps_of(grouping: Grouping, predictions: Predictions, label: Ints, draws: Draws) -> dict[str, Floats]:
    member = np.stack([group.member for group in grouping.scored])
    tpr, fpr = rates(predictions, label, member, draws)
    return _gaps(tpr, fpr, draws.subject @ (member & (label == 1)).T / np.maximum(draws.subject @ member.T, 1e-9))


def _gaps(tpr: Floats, fpr: Floats, sick: Floats) -> dict[str, Floats]:
    """The worst group and the gaps between groups, from rates and shares of the sick: (draws, groups) each."""
    selected = tpr * sick + fpr * (1 - sick)
    opportunity, false_alarms, parity = (v.max(axis=1) - v.min(axis=1) for v in (tpr, fpr, selected))
    values = (opportunity, np.maximum(opportunity, false_alarms), parity)
    return {WORST: ((tpr + 1 - fpr) / 2).min(axis=1), **dict(zip(GAPS, values, strict=True))}
