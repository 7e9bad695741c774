"""Scores of classifiers in many draws at once: rates of groups, and the worst group and gaps that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.experiments.comparison import Draws, Floats, Ints
from synthcmr.experiments.subjects import Grouping
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
