"""ROC and AUC of a score that should be higher for positives, with intervals over subjects."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.statistics.bootstrap import subject_counts
from synthcmr.statistics.intervals import LEVEL, Estimate, exact_share, percentile

Numbers = npt.NDArray[np.float64]
Points = tuple[tuple[float, float], ...]
CURVE_POINTS = 200  # of a curve that is kept
NORMAL_80, NORMAL_95 = 0.8416, 1.96  # quantiles: of the power and of the interval


def auc(
    positive: npt.NDArray[np.floating],
    negative: npt.NDArray[np.floating],
    positive_counts: npt.NDArray[np.number] | None = None,
    negative_counts: npt.NDArray[np.number] | None = None,
) -> Numbers:
    """Probability that a positive scores higher than a negative (Mann and Whitney), ties counting half.

    scikit-learn's `roc_auc_score` takes one weighting at a time; a bootstrap has hundreds, and this takes them together.

    Args:
        positive: score of each positive.
        negative: score of each negative.
        positive_counts: how often each positive counts, (draws, positives); None: once, in a single draw.
        negative_counts: the same of the negatives.

    Returns:
        (draws,).
    """
    up = np.ones((1, len(positive))) if positive_counts is None else positive_counts
    down = np.ones((1, len(negative))) if negative_counts is None else negative_counts
    order = np.argsort(negative, kind="stable")
    below, upto = (np.searchsorted(negative[order], positive, side) for side in ("left", "right"))
    area = np.zeros(max(len(up), len(down)))
    cumulated = np.concatenate([np.zeros((len(down), 1)), np.cumsum(down[:, order], axis=1)], axis=1)
    area += (up * (cumulated[:, below] + cumulated[:, upto])).sum(axis=1) / 2
    pairs = up.sum(axis=1) * down.sum(axis=1)
    return np.asarray(area / np.maximum(pairs, 1e-9))


def auc_estimate(positive: Numbers, negative: Numbers, draws: int, seed: int, level: float = LEVEL) -> Estimate:
    """The AUC with its interval over positives and negatives.

    Where the two are apart, resampling sees no spread; then the interval is that of a share of all, of as many as the smaller side has.
    """
    value, fewer = float(auc(positive, negative)[0]), min(len(positive), len(negative))
    if value in (0.0, 1.0):
        return exact_share(fewer * round(value), fewer, level)
    counts = [subject_counts(len(side), draws, seed + k) for k, side in enumerate((positive, negative))]
    return Estimate.of(value, percentile(auc(positive, negative, *counts), level).including(value))


def image_auc_estimate(
    score: Numbers,
    label: npt.NDArray[np.int64],
    subject: npt.NDArray[np.object_],
    draws: int,
    rng: np.random.Generator,
) -> Estimate:
    """The AUC over images with its 95 % interval over subjects, who are drawn on either side for itself."""
    which = np.unique(subject.astype(str), return_inverse=True)[1]
    negative = (np.bincount(which, label) == 0).astype(np.int64)
    counts = np.concatenate([subject_counts(negative, 1, rng) for _ in range(draws)])[:, which]
    is_positive = label == 1
    sides = score[is_positive], score[~is_positive]
    areas = auc(*sides, counts[:, is_positive], counts[:, ~is_positive])
    return Estimate.of(float(auc(*sides)[0]), percentile(areas))


def auc_of_labels(score: npt.NDArray[np.floating], label: npt.NDArray[np.int64]) -> float:
    """The AUC of scores whose labels are 1 (positive) and 0."""
    return float(auc(score[label == 1], score[label == 0])[0])


def true_positive_rate(positive: Numbers, negative: Numbers, false_positive_rate: float) -> float:
    """Share of positives above all but the allowed number of negatives."""
    allowed = int(np.floor(false_positive_rate * len(negative) + 1e-9))
    threshold = np.sort(negative)[len(negative) - 1 - allowed]
    return float(np.mean(positive > threshold))


def true_positive_rate_estimate(
    positive: Numbers, negative: Numbers, false_positive_rate: float, draws: int, seed: int
) -> Estimate:
    """The same with its 95 % interval over positives and negatives."""
    rng = np.random.default_rng([seed, 5])
    resamples = [
        true_positive_rate(
            rng.choice(positive, len(positive)), rng.choice(negative, len(negative)), false_positive_rate
        )
        for _ in range(draws)
    ]
    value = true_positive_rate(positive, negative, false_positive_rate)
    return Estimate.of(value, percentile(resamples).including(value))


def roc_points(positive: Numbers, negative: Numbers) -> Points:
    """False and true positive rates, evenly thinned out over all thresholds."""
    from sklearn.metrics import roc_curve

    is_positive = np.arange(len(positive) + len(negative)) < len(positive)
    scores = np.concatenate([positive, negative])
    false_rate, true_rate, _ = roc_curve(is_positive, scores, drop_intermediate=False)
    kept = 1 + np.unique(np.linspace(0, len(false_rate) - 2, CURVE_POINTS).astype(int))
    return ((0.0, 0.0), *((round(float(false_rate[k]), 5), round(float(true_rate[k]), 5)) for k in kept))


def detectable_auc(positives: int, negatives: int) -> float:
    """The smallest AUC that stands out of chance with a power of 80 %, by the error of Hanley and McNeil (1982)."""
    area = 0.5
    while area < 0.999:
        area += 0.001
        chance, own = (auc_error(value, positives, negatives) for value in (0.5, area))
        if area - 0.5 > NORMAL_95 * chance + NORMAL_80 * own:
            return round(area, 3)
    return 1.0


def auc_error(area: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC."""
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    square = area * (1 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    return float(np.sqrt(square / (positives * negatives)))
