"""Estimates with a 95 % interval over subjects, or the reason why there is none: shares, and the ROC of a score of membership."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthcmr.config import Settings

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
TAILS = (100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2)
POINTS = 200  # of a curve that is kept
RATES = {"1 %": 0.01, "0.1 %": 0.001}
ALARM = 0.05  # share of held-out subjects that outdo a member whom we call exposed
NORMAL_80, NORMAL_95 = 0.8416, 1.96  # quantiles: of the power and of the interval


class IntervalEstimate(Settings):
    """What was measured, its 95 % interval, and on how many."""

    value: float
    low: float
    high: float
    n: int  # independent units: subjects, unless said otherwise
    unit: str = "subjects"


class Absent(Settings):
    """What could not be measured, and why."""

    reason: str


EstimateOrReason = IntervalEstimate | Absent


class MemberRisk(Settings):
    """How a single member stands out."""

    subject: str
    outdone_by: float  # share of held-out subjects that look more like members; the smaller the worse


class Roc(Settings):
    """What a score of membership achieves."""

    auc: IntervalEstimate
    tpr: dict[str, EstimateOrReason]  # at a false positive rate
    curve: tuple[tuple[float, float], ...]  # false and true positive rate
    exposed: IntervalEstimate  # share of members who stand out from 95 % of the held-out; 0.05 by chance
    risks: tuple[MemberRisk, ...]  # of every member, the most exposed first
    detectable: float  # area that so many subjects would tell from chance in four of five studies
    members: int
    others: int


def exact_share(hits: int, n: int, unit: str = "subjects") -> IntervalEstimate:
    """A share with Clopper and Pearson's interval."""
    from scipy.stats import beta

    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return IntervalEstimate(value=hits / n, low=low, high=high, n=n, unit=unit)


def share_of(events: npt.NDArray[np.bool_], subject: npt.NDArray[np.str_], draws: int, seed: int) -> IntervalEstimate:
    """The share of images with an event, resampled by the subject that each is of.

    Where no image has it, or all have, resampling sees no spread; then the interval is that of as many subjects.
    """
    names, number = np.unique(subject, return_inverse=True)
    hits = np.bincount(number, weights=events, minlength=len(names))
    images = np.bincount(number, minlength=len(names)).astype(float)
    value = float(hits.sum() / images.sum())
    if value in (0.0, 1.0):
        return exact_share(round(value * len(names)), len(names))
    weights = resample_counts(len(names), draws, seed)
    return interval_of(value, (weights @ hits) / np.maximum(weights @ images, 1e-9), len(names))


def resample_counts(subjects: int, draws: int, seed: int) -> Floats:
    """How often each subject is drawn in each resample, (draws, subjects)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(subjects, np.full(subjects, 1 / subjects), size=draws).astype(float)


def interval_of(value: float, resamples: Floats, n: int, unit: str = "subjects") -> IntervalEstimate:
    """An estimate with the percentiles of its resamples."""
    low, high = np.percentile(resamples, TAILS)
    return IntervalEstimate(value=value, low=float(min(low, value)), high=float(max(high, value)), n=n, unit=unit)


def roc(member: Floats, other: Floats, names: Sequence[str], draws: int, seed: int) -> Roc:
    """Score a score.

    Args:
        member: of each member, higher where membership is more likely.
        other: of each held-out subject.
        names: of the members.
        draws: resamples of members and others.
        seed: of them.
    """
    outdone = _outdone_by(member, other)
    order = np.argsort(outdone, kind="stable")
    return Roc(
        auc=auc(member, other, draws, seed),
        tpr={name: tpr_at(member, other, rate, draws, seed) for name, rate in RATES.items()},
        curve=_curve(member, other),
        exposed=share_of(outdone <= ALARM, np.asarray(names), draws, seed),
        risks=tuple(MemberRisk(subject=str(names[i]), outdone_by=round(float(outdone[i]), 5)) for i in order),
        detectable=detectable(len(member), len(other)),
        members=len(member),
        others=len(other),
    )


def auc(member: Floats, other: Floats, draws: int, seed: int) -> IntervalEstimate:
    """Area under the curve: the chance that a member scores higher than another, ties counting half.

    It is taken from all pairs, as its resamples are. Where the two are apart, resampling sees no spread; then the interval is that of a
    share of all, of as many as the smaller side has.
    """
    above = (member[:, None] > other).astype(float) + 0.5 * (member[:, None] == other)
    value, fewer = float(above.mean()), min(len(member), len(other))
    if value in (0.0, 1.0):
        return exact_share(fewer * round(value), fewer)
    member_counts, other_counts = (
        resample_counts(len(side), draws, seed + k) for k, side in enumerate((member, other))
    )
    areas = ((member_counts @ above) * other_counts).sum(axis=1) / (len(member) * len(other))
    return interval_of(value, areas, len(member) + len(other))


def tpr_at(member: Floats, other: Floats, rate: float, draws: int, seed: int) -> EstimateOrReason:
    """Share of members found at a false positive rate; absent where that is less than one subject."""
    if len(other) * rate < 1:
        return Absent(
            reason=f"a false positive rate of {rate:.1%} needs at least {round(1 / rate)} held-out subjects, there are {len(other)}"
        )
    rng = np.random.default_rng([seed, 5])
    resamples = [
        _true_positives(rng.choice(member, len(member)), rng.choice(other, len(other)), rate) for _ in range(draws)
    ]
    return interval_of(_true_positives(member, other, rate), np.array(resamples), len(member) + len(other))


def detectable(members: int, others: int) -> float:
    """The smallest area that stands out of chance with a power of 80 %, by Hanley and McNeil's error (1982)."""
    area = 0.5
    while area < 0.999:
        area += 0.001
        if (area - 0.5) > NORMAL_95 * _auc_error(0.5, members, others) + NORMAL_80 * _auc_error(area, members, others):
            return round(area, 3)
    return 1.0


def _auc_error(area: float, members: int, others: int) -> float:
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    square = area * (1 - area) + (members - 1) * (q1 - area**2) + (others - 1) * (q2 - area**2)
    return float(np.sqrt(square / (members * others)))


def _true_positives(member: Floats, other: Floats, rate: float) -> float:
    """Share of members above all but the allowed number of others."""
    allowed = int(np.floor(rate * len(other) + 1e-9))
    threshold = np.sort(other)[len(other) - 1 - allowed]
    return float(np.mean(member > threshold))


def _outdone_by(member: Floats, other: Floats) -> Floats:
    """Share of others that score as high as each member or higher, counted as if there were one more (a p-value)."""
    higher = len(other) - np.searchsorted(np.sort(other), member, side="left")
    return (1 + higher) / (1 + len(other))


def _curve(member: Floats, other: Floats) -> tuple[tuple[float, float], ...]:
    """False and true positive rates, evenly thinned out over all thresholds."""
    from sklearn.metrics import roc_curve

    is_member = np.arange(len(member) + len(other)) < len(member)
    false_rate, true_rate, _ = roc_curve(is_member, np.concatenate([member, other]), drop_intermediate=False)
    kept = 1 + np.unique(np.linspace(0, len(false_rate) - 2, POINTS).astype(int))
    return ((0.0, 0.0), *((round(float(false_rate[k]), 5), round(float(true_rate[k]), 5)) for k in kept))
