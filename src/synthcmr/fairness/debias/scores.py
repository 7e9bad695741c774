"""The scores of an experiment: per remedy, per group through fairlearn, and what differs from doing nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.experiments.classifier_scores import (
    Predictions,
    by_chance,
    changes,
    group_scores,
    headline,
    headline_estimates,
)
from synthcmr.experiments.comparison import Draws, Floats, Ints, draw, estimate
from synthcmr.experiments.jobs import Arm
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.experiments.subjects import Grouping, cells, groupings
from synthcmr.fairness.debias.remedies import NOTHING, ON_TOP
from synthcmr.statistics.intervals import Estimate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Chance:
    """A score of groups that were filled at random."""

    mean: float
    high: float  # 95th percentile


@dataclass(frozen=True)
class RemedyScores:
    """Everything about one remedy."""

    remedy: Arm
    validation_loss: float  # mean over seeds; rare cells count as much as frequent ones
    steps: tuple[int, ...]  # of the best network, seed by seed
    scores: dict[str, Estimate]
    to_nothing: dict[str, Estimate]
    to_best: dict[str, Estimate]  # to the best cheap remedy
    groups: dict[str, dict[str, dict[str, Estimate | float]]]  # grouping -> group -> score
    chance: dict[str, Chance]  # what worst group and gaps are where groups do not matter


@dataclass(frozen=True)
class Results:
    """The scores of all remedies on the same test subjects."""

    remedies: tuple[RemedyScores, ...]
    groupings: tuple[Grouping, ...]
    best_cheap: str  # by validation loss; 'nothing' where no cheap remedy was tried
    subjects: int
    seeds: int
    notes: tuple[str, ...] = ()  # what to bear in mind

    @property
    def main(self) -> str:
        """The grouping that the page speaks of: the crossing where at least two of its groups can be scored."""
        usable = [g.name for g in self.groupings if len(g.scored) > 1]
        return usable[-1] if usable else ""

    def of(self, name: str) -> RemedyScores:
        """The scores of a remedy."""
        return next(r for r in self.remedies if r.remedy.name == name)


def score(
    results: Mapping[str, Sequence[pd.DataFrame]],
    remedies: Sequence[Arm],
    people: pd.DataFrame,
    settings: DebiasSettings,
) -> Results:
    """Score all remedies on the test subjects.

    Args:
        results: per remedy, one table for each seed, as jobs write them.
        remedies: that were trained.
        people: test subjects with label and groups, in any order.
        settings: of the experiment.
    """
    label = people["label"].to_numpy(dtype=np.int64)
    result = groupings(people, settings.sensitive, settings.min_group)
    _, cell = np.unique(cells(people, settings.sensitive), return_inverse=True)
    draws = draw(cell, settings.repeats, settings.draws, settings.seed)
    predicted = {r.name: _test_predictions(results[r.name], people) for r in remedies}
    loss = {r.name: float(np.mean([t["loss"].iloc[0] for t in results[r.name]])) for r in remedies}
    best = best_cheap(remedies, loss)
    lines = {name: headline(one, label, result, draws) for name, one in predicted.items()}
    scored = tuple(
        RemedyScores(
            remedy=r,
            validation_loss=loss[r.name],
            steps=tuple(int(t["step"].iloc[0]) for t in results[r.name]),
            scores=headline_estimates(predicted[r.name], label, result, draws),
            to_nothing=changes(lines[r.name], lines[NOTHING]) if r.name != NOTHING else {},
            to_best=changes(lines[r.name], lines[best]) if r.name != best else {},
            groups={g.name: _groups(predicted[r.name], label, people, g, draws) for g in result},
            chance={
                k: Chance(float(v.mean()), float(np.percentile(v, 95)))
                for k, v in by_chance(predicted[r.name], label, result, settings.draws, settings.seed).items()
            },
        )
        for r in remedies
    )
    return Results(scored, result, best, len(people), settings.repeats)


def best_cheap(remedies: Sequence[Arm], loss: Mapping[str, float]) -> str:
    """The cheap remedy with the lowest loss on the validation split.

    One that only moves thresholds has the probabilities, and the loss, of 'nothing'.
    """
    cheap = [r.name for r in remedies if r.kind == "cheap" and r.name != ON_TOP]
    return min(cheap, key=lambda name: loss[name]) if cheap else NOTHING


def _test_predictions(tables: Sequence[pd.DataFrame], people: pd.DataFrame) -> Predictions:
    return Predictions.of([table[table["split"] == "test"] for table in tables], people["subject_id"])


def _groups(
    predicted: Predictions, label: Ints, people: pd.DataFrame, grouping: Grouping, draws: Draws
) -> dict[str, dict[str, Estimate | float]]:
    frames = [
        group_frame(label, p, d, people, grouping)
        for p, d in zip(predicted.probability, predicted.decision, strict=True)
    ]
    drawn = group_scores(predicted, label, grouping, draws)
    return {
        group.name: {name: float(np.mean([f[name][group.name] for f in frames])) for name in frames[0]}
        | {name: estimate(v, 0.0, 1.0) for name, v in drawn[group.name].items()}
        for group in grouping.scored
    }


def group_frame(
    label: Ints, probability: Floats, decision: Ints, people: pd.DataFrame, grouping: Grouping
) -> dict[str, Any]:
    """Fairlearn's scores of each scored group: score -> group -> value."""
    from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import balanced_accuracy_score, brier_score_loss, roc_auc_score

    if not grouping.scored:
        return {}
    group = np.full(len(label), "", dtype=object)
    for one in grouping.scored:
        group[one.member] = one.name
    kept = group != ""
    decided = {
        "balanced accuracy": balanced_accuracy_score,
        "TPR": true_positive_rate,
        "FPR": false_positive_rate,
        "selection rate": selection_rate,
    }
    record = {"AUROC": roc_auc_score, "Brier": brier_score_loss, "calibration": miscalibration}
    results: dict[str, Any] = {}
    for metrics, values in ((decided, decision), (record, probability)):
        frame = MetricFrame(
            metrics=metrics, y_true=label[kept], y_pred=values[kept], sensitive_features=group[kept]
        ).by_group
        results |= {name: frame[name].to_dict() for name in metrics}
    return results


def miscalibration(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> float:
    """Mean probability less the share of the sick: above zero where disease is overstated."""
    return float(np.mean(np.asarray(y_pred, dtype=float)) - np.mean(np.asarray(y_true, dtype=float)))
