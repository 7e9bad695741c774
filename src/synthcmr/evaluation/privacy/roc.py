"""How well a score tells members from others: ROC, its area, and how many members are found where hardly anyone else is accused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.figures import (
    Absent,
    Figure,
    Floats,
    Measured,
    exact_share,
    interval_of,
    resampled,
    share_of,
)

POINTS = 200  # of a curve that is kept
RATES = {"1 %": 0.01, "0.1 %": 0.001}
ALARM = 0.05  # share of held-out subjects that outdo a member whom we call exposed
NORMAL_80, NORMAL_95 = 0.8416, 1.96  # quantiles: of the power and of the interval


class Risk(Settings):
    """How a single member stands out."""

    subject: str
    outdone_by: float  # share of held-out subjects that look more like members; the smaller the worse


class Roc(Settings):
    """What a score of membership achieves."""

    auc: Figure
    tpr: dict[str, Measured]  # at a false positive rate
    curve: tuple[tuple[float, float], ...]  # false and true positive rate
    exposed: Figure  # share of members who stand out from 95 % of the held-out; 0.05 by chance
    risks: tuple[Risk, ...]  # of every member, the most exposed first
    detectable: float  # area that so many subjects would tell from chance in four of five studies
    members: int
    others: int


def roc(member: Floats, other: Floats, names: Sequence[str], draws: int, seed: int) -> Roc:
    """Score a score.

    Args:
        member: of each member, higher where membership is more likely.
        other: of each held-out subject.
        names: of the members.
        draws: resamples of members and others.
        seed: of them.
    """
    ranks = _outdone(member, other)
    order = np.argsort(ranks, kind="stable")
    standing = share_of(ranks <= ALARM, np.asarray(names), draws, seed)
    return Roc(
        auc=auc(member, other, draws, seed),
        tpr={name: tpr_at(member, other, rate, draws, seed) for name, rate in RATES.items()},
        curve=_curve(member, other),
        exposed=standing,
        risks=tuple(Risk(subject=str(names[i]), outdone_by=round(float(ranks[i]), 5)) for i in order),
        detectable=detectable(len(member), len(other)),
        members=len(member),
        others=len(other),
    )


def auc(member: Floats, other: Floats, draws: int, seed: int) -> Figure:
    """Area under the curve: the chance that a member scores higher than another, ties counting half.

    Where the two are apart, resampling sees no spread; then the interval is that of a share of all, of as many as the smaller side has.
    """
    above = (member[:, None] > other).astype(float) + 0.5 * (member[:, None] == other)
    value, fewer = float(above.mean()), min(len(member), len(other))
    if value in (0.0, 1.0):
        return exact_share(fewer * round(value), fewer)
    ours, theirs = resampled(len(member), draws, seed), resampled(len(other), draws, seed + 1)
    drawn = ((ours @ above) * theirs).sum(axis=1) / (len(member) * len(other))
    return interval_of(value, drawn, len(member) + len(other))


def tpr_at(member: Floats, other: Floats, rate: float, draws: int, seed: int) -> Measured:
    """Share of members found at a false positive rate; absent where that is less than one subject."""
    if len(other) * rate < 1:
        return Absent(
            reason=f"a false positive rate of {rate:.1%} needs at least {round(1 / rate)} held-out subjects, there are {len(other)}"
        )
    rng = np.random.default_rng([seed, 5])
    found = [_found(member, other, rate)]
    for _ in range(draws):
        found.append(_found(rng.choice(member, len(member)), rng.choice(other, len(other)), rate))
    return interval_of(found[0], np.array(found[1:]), len(member) + len(other))


def detectable(members: int, others: int) -> float:
    """The smallest area that stands out of chance with a power of 80 %, by Hanley and McNeil's error (1982)."""
    found = 0.5
    while found < 0.999:
        found += 0.001
        if (found - 0.5) > NORMAL_95 * _error(0.5, members, others) + NORMAL_80 * _error(found, members, others):
            return round(found, 3)
    return 1.0


def _error(area: float, members: int, others: int) -> float:
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    square = area * (1 - area) + (members - 1) * (q1 - area**2) + (others - 1) * (q2 - area**2)
    return float(np.sqrt(square / (members * others)))


def _found(member: Floats, other: Floats, rate: float) -> float:
    """Share of members above all but the allowed number of others."""
    allowed = int(np.floor(rate * len(other) + 1e-9))
    threshold = np.sort(other)[len(other) - 1 - allowed]
    return float(np.mean(member > threshold))


def _outdone(member: Floats, other: Floats) -> Floats:
    """Share of others that score as high as each member or higher, counted as if there were one more (a p-value)."""
    higher = len(other) - np.searchsorted(np.sort(other), member, side="left")
    return (1 + higher) / (1 + len(other))


def _curve(member: Floats, other: Floats) -> tuple[tuple[float, float], ...]:
    steps: npt.NDArray[np.float64] = np.unique(np.concatenate([member, other]))[::-1]
    chosen = steps[np.unique(np.linspace(0, len(steps) - 1, POINTS).astype(int))]
    points = [(float(np.mean(other >= c)), float(np.mean(member >= c))) for c in chosen]
    return ((0.0, 0.0), *((round(x, 5), round(y, 5)) for x, y in points))
