"""What an attack on membership achieves, beside what looks alone achieve: the sides may differ before anything is learned from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.distances import VectorScaling
from synthcmr.evaluation.privacy.image_index import ImageIndex
from synthcmr.evaluation.privacy.interval_estimates import (
    Absent,
    EstimateOrReason,
    Floats,
    Identification,
    IntervalEstimate,
    Roc,
    membership_auc,
    membership_roc,
)
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings

Access = Literal["images", "asking", "weights"]
STRONG = 0.7  # area that an attack must reach on a leak that was planted, to be able to say that there is none
AGAINST, RMIA, LIRA = "error, against reference models", "RMIA", "LiRA, offline"
CALIBRATED = frozenset({AGAINST, RMIA, LIRA})  # each subject is compared with what reference models say of it
COMBINED = "all of these, weighed by what other subjects teach"
FOLDS = 5
STRENGTH = 1.0  # of the pull of weights to zero
DIRECTIONS = 10  # in which subjects differ most, that the control looks at
ROWS = 1024  # of vectors, at once


class MembershipAttack(Settings):
    """One attack."""

    name: str
    access: Access  # black, grey or white box
    result: Roc
    # What looks alone achieve: the area of the same attack on reference models, which saw nobody of either side; without any, the area
    # between members who look like others and the other members.
    control: EstimateOrReason
    planted: EstimateOrReason  # area on a leak that was planted among held-out subjects
    matched: Identification | None = None  # of those members alone who look like held-out subjects
    calibrated: bool = False  # whether each subject is compared with what reference models say of it

    @property
    def weak(self) -> bool:
        """Whether it could not even find what was planted."""
        return isinstance(self.planted, IntervalEstimate) and self.planted.value < STRONG


class Attacks(Settings):
    """The attacks of one access."""

    attacks: tuple[MembershipAttack, ...]

    @property
    def strongest(self) -> MembershipAttack:
        """The one that leaves the least doubt: the largest lower end of the area's interval."""
        return max(self.attacks, key=lambda a: a.result.auc.low)


SubjectScores = dict[str, Floats]  # attack -> of each subject
SideScores = tuple[SubjectScores, SubjectScores]  # of members, of others


@dataclass(frozen=True)
class Lookalikes:
    """What a classifier that sees nothing but who the subjects are says of each, and members who look like others."""

    member: Floats  # higher: looks like a member
    other: Floats
    chosen: npt.NDArray[np.bool_]  # members who look most like the others: as many, or half of the members

    @property
    def enough(self) -> bool:
        """Whether members are left on both sides."""
        return bool(2 <= self.chosen.sum() <= len(self.chosen) - 2)


def assess(
    access: Access,
    scores: SideScores,
    planted: SideScores,
    names: list[str],
    alike: Lookalikes,
    settings: PrivacyPartSettings,
    references: SideScores | None = None,
) -> Attacks:
    """What each score of members and others achieves, beside its control and a planted leak.

    Args:
        access: that the attacks have.
        scores: of each attack.
        planted: the same of held-out subjects about whom a leak was planted, and of other held-out subjects.
        names: of the members.
        alike: members who look like others, for the control.
        settings: of resamples.
        references: scores of the same subjects by reference models, for the control.
    """
    draws, seed = settings.draws, settings.seed
    attacks = []
    members, others = scores
    leaked, rest = planted
    for name, member in members.items():
        attacks.append(
            MembershipAttack(
                name=name,
                access=access,
                result=membership_roc(member, others[name], names, draws, seed),
                control=_control(name, member, alike, settings, references),
                planted=membership_auc(leaked[name], rest[name], draws, seed),
                matched=Identification.of(member[alike.chosen], others[name]) if alike.enough else None,
                calibrated=name in CALIBRATED,
            )
        )
    return Attacks(attacks=tuple(attacks))


def _control(
    name: str, member: Floats, alike: Lookalikes, settings: PrivacyPartSettings, references: SideScores | None
) -> EstimateOrReason:
    """What looks alone achieve; models that learned from others say it without absorbing any leak."""
    draws, seed = settings.draws, settings.seed
    if name in CALIBRATED:
        return Absent(reason="each subject is compared with what reference models say of it")
    if references is not None and name in references[0]:
        return membership_auc(references[0][name], references[1][name], draws, seed)
    if not alike.enough:
        return Absent(reason="too few members to set some apart who look like held-out subjects")
    return membership_auc(member[~alike.chosen], member[alike.chosen], draws, seed)


def divide(scores: SubjectScores, leaked: npt.NDArray[np.bool_]) -> SideScores:
    """Scores of some subjects, and of the rest."""
    some, rest = ({name: values[rows] for name, values in scores.items()} for rows in (leaked, ~leaked))
    return some, rest


def combine(scores: SideScores, seed: int) -> tuple[Floats, Floats]:
    """What all scores say together, to an attacker who learned how to weigh them on other subjects.

    Each points at members; a score that points at the others, as one against a reference that learned from members does, is given
    no weight rather than turned round.
    """
    members, others = (np.stack(list(side.values()), axis=1) for side in scores)
    is_member = np.arange(len(members) + len(others)) < len(members)
    together = cross_fit(np.concatenate([members, others]), is_member, seed, pointing=True)
    return together[is_member], together[~is_member]


def with_combined(scores: SideScores, numbers: SideScores, seed: int) -> SideScores:
    """Scores, and what some numbers of the same subjects say together."""
    members, others = combine(numbers, seed)
    return scores[0] | {COMBINED: members}, scores[1] | {COMBINED: others}


def find_lookalikes(members: ImageIndex, others: ImageIndex, space: str, seed: int) -> Lookalikes:
    """Tell members from others by their images alone, no generator asked, and match members to others by it."""
    means = [_subject_means(side, VectorScaling.of(members, space), space) for side in (members, others)]
    numbers = _directions(np.concatenate(means))
    is_member = np.arange(len(numbers)) < len(means[0])
    scores = cross_fit(numbers, is_member, seed)
    member, other = scores[is_member], scores[~is_member]
    return Lookalikes(member, other, _matched(member, other, seed))


def cross_fit(numbers: Floats, member: npt.NDArray[np.bool_], seed: int, pointing: bool = False) -> Floats:
    """What a logistic regression says of each subject that learned from others alone.

    Args:
        numbers: one row for each subject, so that folds of rows are folds of subjects.
        member: of each subject.
        seed: of the folds.
        pointing: each number is known to be higher for members, if anything; it is never taken the other way round.
    """
    from sklearn.model_selection import StratifiedKFold

    folds = min(FOLDS, int(member.sum()), int((~member).sum()))
    scores = np.zeros(len(member))
    for learned, answered in StratifiedKFold(folds, shuffle=True, random_state=seed).split(numbers, member):
        mean, spread = numbers[learned].mean(axis=0), numbers[learned].std(axis=0)
        x = (numbers - mean) / np.where(spread > 0, spread, 1)
        scores[answered] = x[answered] @ _fit(x[learned], member[learned], pointing)
    return scores


def _fit(x: Floats, member: npt.NDArray[np.bool_], pointing: bool) -> Floats:
    """Weights of a logistic regression in which both classes count the same; none below zero where the numbers point.

    The intercept is left out of what is answered: it says nothing of a subject, and differs from fold to fold.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    side = np.where(member, 1.0, -1.0)
    share = np.where(member, 1 / member.sum(), 1 / (~member).sum()) * len(member) / 2

    def loss(w: Floats) -> tuple[float, Floats]:
        margin = side * (x @ w[:-1] + w[-1])
        slope = -share * side * expit(-margin)
        value = share @ np.logaddexp(0, -margin) + w[:-1] @ w[:-1] / (2 * STRENGTH)
        return float(value), np.append(slope @ x + w[:-1] / STRENGTH, slope.sum())

    bounds = [(0.0 if pointing else None, None)] * x.shape[1] + [(None, None)]
    weights: Floats = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return weights[:-1]


def _subject_means(index: ImageIndex, scaling: VectorScaling, space: str) -> Floats:
    """The mean vector of each subject, in the order of `index.subjects`."""
    number, store = index.subject_number, index.spaces[space]
    total = np.zeros((len(index.subjects), *store.shape))
    for place, rows in store.chunks(ROWS):
        np.add.at(total, number[place], scaling(rows))
    return total / np.bincount(number)[:, None]


def _directions(vectors: Floats) -> Floats:
    around = vectors - vectors.mean(axis=0)
    u, s, _ = np.linalg.svd(around, full_matrices=False)
    count = min(DIRECTIONS, len(vectors) // 4)
    return u[:, :count] * s[:count]


def _matched(member: Floats, other: Floats, seed: int) -> npt.NDArray[np.bool_]:
    """For each of the others, in random order, the free member whose score is nearest."""
    free = np.ones(len(member), dtype=bool)
    order = np.random.default_rng([seed, 6]).permutation(len(other))[: len(member) // 2]
    for k in order:
        gap = np.where(free, np.abs(member - other[k]), np.inf)
        free[int(gap.argmin())] = False
    return ~free
