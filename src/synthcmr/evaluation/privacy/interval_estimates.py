"""Estimates with a 95 % interval over subjects as the part privacy stores them, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from synthcmr.config import Settings
from synthcmr.statistics import roc
from synthcmr.statistics.bootstrap import share_estimate
from synthcmr.statistics.exceedance import chance_of_exceeding, exceeds, supported_rate, surely_exceeding
from synthcmr.statistics.intervals import LEVEL, Estimate
from synthcmr.statistics.proportions import exact_share

Floats = npt.NDArray[np.float64]
RATES = {"1 %": 0.01, "0.1 %": 0.001}
STRICT = 0.01  # false positive rate at which members are identified, where there are held-out subjects enough
ERROR = (
    1 - LEVEL
) / 2  # chance that an innocent generator is said to expose anyone: that of a 95 % interval to begin too high
ALARM = 0.05  # share of held-out subjects that score above a member who is called exposed


class IntervalEstimate(Settings):
    """What was measured, its 95 % interval, and on how many."""

    value: float
    low: float
    high: float
    n: int  # independent units: subjects, unless said otherwise
    unit: str = "subjects"

    @classmethod
    def of(cls, estimate: Estimate, n: int, unit: str = "subjects") -> Self:
        """An estimate on so many units."""
        return cls(value=estimate.value, low=estimate.low, high=estimate.high, n=n, unit=unit)


class Absent(Settings):
    """What could not be measured, and why."""

    reason: str


EstimateOrReason = IntervalEstimate | Absent


class MemberRisk(Settings):
    """How a single member stands out."""

    subject: str
    outdone_by: float  # share of held-out subjects that look more like members; the smaller the worse


class Identification(Settings):
    """How many members an attack identifies at a strict false positive rate."""

    rate: float  # 1 %, or the strictest that so many held-out subjects support
    identified: int  # members above the threshold
    members: int
    others: int

    @classmethod
    def of(cls, member: Floats, other: Floats) -> Self:
        """Of members and held-out subjects by their scores."""
        rate = supported_rate(len(other), STRICT)
        hits = int(exceeds(member, other, rate).sum())
        return cls(rate=rate, identified=hits, members=len(member), others=len(other))

    def exposed(self, tried: int) -> int:
        """Members who are identified and whom chance does not explain, the best of so many attacks (Bonferroni)."""
        return surely_exceeding(self.identified, self.members, self.others, self.rate, ERROR / tried)

    def share(self, tried: int) -> IntervalEstimate:
        """The share of members who are identified; its interval ends below at those whom chance does not explain.

        The upper end is not widened for the number of attacks: that none of them identifies more is a claim about each.
        """
        upper = exact_share(self.identified, self.members).high
        low, value = self.exposed(tried) / self.members, self.identified / self.members
        return IntervalEstimate(value=value, low=low, high=upper, n=self.members + self.others)

    def could_show(self, tried: int) -> bool:
        """Whether so many subjects could expose anyone, were every member identified."""
        return chance_of_exceeding(self.members, self.members, self.others, self.rate) <= ERROR / tried


class Roc(Settings):
    """What a score of membership achieves."""

    auc: IntervalEstimate
    tpr: dict[str, EstimateOrReason]  # at a false positive rate
    curve: tuple[tuple[float, float], ...]  # false and true positive rate
    exposed: IntervalEstimate  # share of members who stand out from 95 % of the held-out; 0.05 by chance
    risks: tuple[MemberRisk, ...]  # of every member, the most exposed first
    detectable: float  # AUC that so many subjects tell from chance in four of five studies
    members: int
    others: int
    identified: Identification | None = None  # None: of a version that did not look


def membership_roc(member: Floats, other: Floats, names: Sequence[str], draws: int, seed: int) -> Roc:
    """What a score of membership achieves.

    Args:
        member: of each member, higher where membership is more likely.
        other: of each held-out subject.
        names: of the members.
        draws: resamples of members and others.
        seed: of them.
    """
    exceeded = _exceeded_by(member, other)
    order = np.argsort(exceeded, kind="stable")
    return Roc(
        auc=membership_auc(member, other, draws, seed),
        tpr={name: _true_positive_rate(member, other, rate, draws, seed) for name, rate in RATES.items()},
        curve=roc.roc_points(member, other),
        exposed=share_of_images(exceeded <= ALARM, np.asarray(names), draws, seed),
        risks=tuple(MemberRisk(subject=str(names[i]), outdone_by=round(float(exceeded[i]), 5)) for i in order),
        detectable=roc.detectable_auc(len(member), len(other)),
        members=len(member),
        others=len(other),
        identified=Identification.of(member, other),
    )


def membership_auc(member: Floats, other: Floats, draws: int, seed: int) -> IntervalEstimate:
    """The AUC; where members and others are apart, n is the size of the smaller side, which the interval rests on."""
    estimate = roc.auc_estimate(member, other, draws, seed)
    apart = estimate.value in (0.0, 1.0)
    sizes = len(member), len(other)
    return IntervalEstimate.of(estimate, min(sizes) if apart else sum(sizes))


def share_of_images(
    events: npt.NDArray[np.bool_], subject: npt.NDArray[np.str_], draws: int, seed: int
) -> IntervalEstimate:
    """The share of images with an event, resampled by the subject that each is of."""
    return IntervalEstimate.of(share_estimate(events, subject, draws, seed), len(np.unique(subject)))


def _true_positive_rate(member: Floats, other: Floats, rate: float, draws: int, seed: int) -> EstimateOrReason:
    """Share of members found at a false positive rate; absent where that is less than one subject."""
    if len(other) * rate < 1:
        return Absent(
            reason=f"a false positive rate of {rate:.1%} needs at least {round(1 / rate)} held-out subjects, there are {len(other)}"
        )
    estimate = roc.true_positive_rate_estimate(member, other, rate, draws, seed)
    return IntervalEstimate.of(estimate, len(member) + len(other))


def _exceeded_by(member: Floats, other: Floats) -> Floats:
    """Share of others that score as high as each member or higher, counted as if there were one more (a p-value)."""
    higher = len(other) - np.searchsorted(np.sort(other), member, side="left")
    return (1 + higher) / (1 + len(other))
