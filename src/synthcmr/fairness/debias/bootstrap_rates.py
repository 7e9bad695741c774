"""Group rates of many bootstrap draws at once; every score of an experiment follows from them.

A draw takes the test subjects of each cell of label x groups with replacement, so that no group is ever empty, and the seeds with
replacement. All remedies see the same draws, so that differences between them are paired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.fairness.debias.groups import Grouping
from synthcmr.statistics.bootstrap import subject_counts
from synthcmr.statistics.intervals import LEVEL, Estimate, centred, extreme
from synthcmr.statistics.permutation import shuffled_group_means
from synthcmr.statistics.roc import auc

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
WORST = "worst group"
GAPS = ("equal opportunity gap", "equalised odds gap", "demographic parity gap")
EXTREMES = (WORST, *GAPS)


@dataclass(frozen=True)
class Draws:
    """Weights of subjects and seeds; the first draw is the data as they are."""

    subject: Floats  # (draws, subjects)
    seed: Floats  # (draws, seeds), each row sums to one


@dataclass(frozen=True)
class Said:
    """What one remedy said of the test subjects, seed by seed: (seeds, subjects)."""

    probability: Floats
    decision: Ints


def draw(cell: Ints, seeds: int, count: int, seed: int) -> Draws:
    """Bootstrap weights: subjects within cells, and seeds."""
    rng = np.random.default_rng(seed)
    subject = subject_counts(cell, count, rng, observed_first=True).astype(float)
    chosen = np.full((count + 1, seeds), 1 / seeds)
    chosen[1:] = subject_counts(seeds, count, rng) / seeds
    return Draws(subject, chosen)


def rates(said: Said, label: Ints, member: npt.NDArray[np.bool_], draws: Draws) -> tuple[Floats, Floats]:
    """True and false positive rate of each group, the mean over seeds: (draws, groups) each.

    Args:
        said: decisions.
        label: of each subject.
        member: (groups, subjects).
        draws: weights.
    """
    found = []
    for value in (1, 0):
        mine = member & (label == value)
        total = draws.subject @ mine.T
        hit = np.einsum("bn,sn,gn->bsg", draws.subject, said.decision.astype(float), mine.astype(float), optimize=True)
        found.append(np.einsum("bs,bsg->bg", draws.seed, hit / np.maximum(total, 1e-9)[:, None]))
    return found[0], found[1]


def headline(said: Said, label: Ints, groupings: tuple[Grouping, ...], draws: Draws) -> dict[str, Floats]:
    """Every score that is one number for a remedy, in each draw."""
    everyone = np.ones((1, len(label)), dtype=bool)
    tpr, fpr = rates(said, label, everyone, draws)
    found = {"balanced accuracy": ((tpr + 1 - fpr) / 2)[:, 0], "AUROC": auroc(said, label, draws)}
    for grouping in groupings:
        if len(grouping.scored) > 1:
            found |= {f"{score}, {grouping.name}": v for score, v in _of(grouping, said, label, draws).items()}
    return found


def group_scores(said: Said, label: Ints, grouping: Grouping, draws: Draws) -> dict[str, Mapping[str, Floats]]:
    """Scores of each scored group, in each draw."""
    if not grouping.scored:
        return {}
    tpr, fpr = rates(said, label, np.stack([g.member for g in grouping.scored]), draws)
    return {
        group.name: {"balanced accuracy": (t + 1 - f) / 2, "TPR": t, "FPR": f}
        for group, t, f in zip(grouping.scored, tpr.T, fpr.T, strict=True)
    }


def chance(said: Said, label: Ints, groupings: tuple[Grouping, ...], count: int, seed: int) -> dict[str, Floats]:
    """The same scores where groups do not matter: subjects change groups with others of the same label.

    The largest difference between several groups is above zero by chance alone, the more so the smaller they are.

    Args:
        said: decisions.
        label: of each subject.
        groupings: to compare within.
        count: shuffles.
        seed: of the shuffles.
    """
    rng = np.random.default_rng(seed)
    decided = said.decision.mean(axis=0)
    found: dict[str, Floats] = {}
    for grouping in groupings:
        if len(grouping.scored) < 2:
            continue
        member = np.stack([g.member for g in grouping.scored])
        tpr, fpr = (shuffled_group_means(decided, member & (label == value), count, rng) for value in (1, 0))
        sick = (member & (label == 1)).sum(axis=1) / member.sum(axis=1)
        found |= {f"{score}, {grouping.name}": v for score, v in _gaps(tpr, fpr, sick).items()}
    return found


def auroc(said: Said, label: Ints, draws: Draws) -> Floats:
    """Probability that a sick subject is given a higher one than a healthy subject, the mean over seeds."""
    sick, well = label == 1, label == 0
    counts = draws.subject[:, sick], draws.subject[:, well]
    each = np.stack([auc(p[sick], p[well], *counts) for p in said.probability], axis=1)
    mean: Floats = (draws.seed * each).sum(axis=1)
    return mean


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
    made = extreme if of_extremes else centred
    return Estimate.of(value, made(value, rest, level).clipped(least, most))


def is_of_extremes(name: str) -> bool:
    """Whether a score of `headline` is the worst of several groups or a gap between them."""
    return name.startswith(EXTREMES)


def _of(grouping: Grouping, said: Said, label: Ints, draws: Draws) -> dict[str, Floats]:
    member = np.stack([g.member for g in grouping.scored])
    tpr, fpr = rates(said, label, member, draws)
    return _gaps(tpr, fpr, draws.subject @ (member & (label == 1)).T / np.maximum(draws.subject @ member.T, 1e-9))


def _gaps(tpr: Floats, fpr: Floats, sick: Floats) -> dict[str, Floats]:
    """The worst group and the gaps between groups, from rates and shares of the sick: (draws, groups) each."""
    chosen = tpr * sick + fpr * (1 - sick)
    gaps = {name: values.max(axis=1) - values.min(axis=1) for name, values in (("t", tpr), ("f", fpr), ("s", chosen))}
    return {
        "worst group": ((tpr + 1 - fpr) / 2).min(axis=1),
        "equal opportunity gap": gaps["t"],
        "equalised odds gap": np.maximum(gaps["t"], gaps["f"]),
        "demographic parity gap": gaps["s"],
    }
