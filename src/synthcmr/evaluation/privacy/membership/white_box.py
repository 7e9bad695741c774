r"""Membership from a generator's errors: it is less wrong about what it learned from.

At time t, and with noise, the error of the field is e_t(x) = v(x_t, t) - v*. Its size is the negative log-likelihood of the image, but for
what all images share. Models of other people (reference models) say how hard an image is for anybody; without any, its complexity does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthcmr.evaluation.privacy.attack_target import (
    ConditionedImages,
    ErrorAccess,
    load_conditioned,
    subject_means,
)
from synthcmr.evaluation.privacy.image_index import Report, silent
from synthcmr.evaluation.privacy.image_selection import ImageSelection, MemberSplit
from synthcmr.evaluation.privacy.interval_estimates import Floats
from synthcmr.evaluation.privacy.membership.black_box import AttackedImages
from synthcmr.evaluation.privacy.membership.membership_attack import (
    AGAINST,
    LIRA,
    RMIA,
    Attacks,
    Lookalikes,
    SideScores,
    SubjectScores,
    assess,
    with_combined,
)
from synthcmr.evaluation.privacy.membership.model_errors import SideErrors, side_errors
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings

LEAK = 0.1  # by how much a planted leak lowers the mean squared error of a subject's images
LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class ErrorSides:
    """What models say of members, of held-out subjects that are judged, and of the population: held-out subjects that calibrate."""

    member: SideErrors
    other: SideErrors
    population: SideErrors


def white_box(
    attacked: AttackedImages,
    split: MemberSplit,
    model: ErrorAccess,
    references: Sequence[ErrorAccess],
    settings: PrivacyPartSettings,
    report: Report = silent,
) -> Attacks:
    """All attacks on the errors of a model.

    Args:
        attacked: members and others.
        split: the real images; those held out to calibrate on are the population of RMIA.
        model: that is attacked.
        references: models like it that learned from others.
        settings: of the attacks.
        report: called with (done, total, what).
    """
    own, seed = settings.membership, settings.seed
    members, others = (
        side.of_subjects(np.unique(chosen.subject)).sample(own.subjects, own.slices, seed)
        for side, chosen in zip((split.members, split.judged), attacked.selections, strict=True)
    )
    sides = []
    for k, selection in enumerate((members, others, split.calibrating.sample(own.subjects, own.slices, seed))):
        images = _as_known(selection, (model, *references))
        sides.append(side_errors(images[0], images[1:], model, references, own, seed))
        report(k + 1, 3, "attacking the weights")
    return attack_errors(ErrorSides(*sides), attacked.alike, settings)


def attack_errors(sides: ErrorSides, alike: Lookalikes, settings: PrivacyPartSettings) -> Attacks:
    """What the errors of both sides achieve.

    Args:
        sides: what models said.
        alike: members who look like others, for the control where there is no reference model.
        settings: of the attacks.
    """
    seed = settings.seed
    scores = _all_scores(sides.member, sides.other, sides.population, seed)
    planted = _all_scores(*_plant_leak(sides.other, seed), sides.population, seed)
    names = np.unique(sides.member.subject).tolist()
    return assess("weights", scores, planted, names, alike, settings, _reference_scores(sides, seed))


def error_scores(side: SideErrors, population: SideErrors) -> SubjectScores:
    """One number for each subject and attack, subjects in alphabetical order; higher where membership is likelier.

    Each is the mean over all slices of a subject: a generator that saw a subject saw all of them, so that the leak is in every slice
    while noise averages out. The maximum would follow the noisiest slice, and would favour who has more of them.
    """
    model = side.model
    scores = {
        "error": -model.whole.mean(axis=1),
        "mid-band error": -model.middle.mean(axis=1),
        "error at mid-path, calibrated by complexity": -_beyond_complexity(side, population) @ mid_path(side.times),
    }
    if model.deterministic is not None:
        scores |= {"PIA": -model.deterministic.proximal, "SecMI": -model.deterministic.step}
    if side.references:
        ratio, usual = side.log_ratio, population.log_ratio
        scores[AGAINST] = ratio.mean(axis=1)
        scores[RMIA] = np.stack([_outdoing(ratio[:, t], usual[:, t]) for t in range(ratio.shape[1])]).mean(axis=0)
    if len(side.references) > 1:
        scores[LIRA] = _deviation(side)
    return {name: subject_means(side.subject, values) for name, values in scores.items()}


def mid_path(times: Floats) -> Floats:
    """How much each time counts: t (1 - t), as leaks peak in the middle where times were drawn evenly (Rao and Moyer 2026)."""
    weight = times * (1 - times)
    return np.asarray(weight / weight.sum() if weight.sum() > 0 else np.full(len(times), 1 / len(times)))


def _beyond_complexity(side: SideErrors, population: SideErrors) -> Floats:
    """Errors less what the population's regression on complexity expects, in standard deviations of it, (images, times)."""
    known, asked = (np.column_stack([np.ones(len(one.complexity)), one.complexity]) for one in (population, side))
    line = np.linalg.lstsq(known, population.model.whole, rcond=None)[0]
    spread = (population.model.whole - known @ line).std(axis=0) + LEAST_SPREAD
    return np.asarray((side.model.whole - asked @ line) / spread)


def _as_known(selection: ImageSelection, models: Sequence[ErrorAccess]) -> list[ConditionedImages]:
    """Selected images with the conditions that each model knows."""
    return [load_conditioned(selection, model) for model in models]


def _all_scores(member: SideErrors, other: SideErrors, population: SideErrors, seed: int) -> SideScores:
    """Every score of both sides, and what errors at each time and band say together to an attacker who learned how to weigh them."""
    scores = error_scores(member, population), error_scores(other, population)
    return with_combined(scores, (_by_time(member), _by_time(other)), seed)


def _reference_scores(sides: ErrorSides, seed: int) -> SideScores | None:
    """What the same attacks achieve on reference models, which saw nobody of either side: looks alone, and no leak."""
    each = [
        _all_scores(sides.member.of_reference(k), sides.other.of_reference(k), sides.population.of_reference(k), seed)
        for k in range(len(sides.member.references))
    ]
    if not each:
        return None
    members, others = (
        {name: np.mean([scores[k][name] for scores in each], axis=0) for name in each[0][k]} for k in (0, 1)
    )
    return members, others


def _by_time(side: SideErrors) -> SubjectScores:
    """Of each subject at each time and band, how small the errors are."""
    ratio = [side.log_ratio] if side.references else []
    values = np.concatenate([-side.model.whole, -side.model.middle, *ratio], axis=1)
    return {str(k): column for k, column in enumerate(subject_means(side.subject, values).T)}


def _outdoing(ratio: Floats, usual: Floats) -> Floats:
    """Share of the population whose ratio an image's own exceeds (RMIA with gamma = 1)."""
    return np.searchsorted(np.sort(usual), ratio, side="right") / len(usual)


def _deviation(side: SideErrors) -> Floats:
    """Standard deviations below the errors of models that did not learn from the image."""
    each = np.mean([errors.whole for errors in side.references], axis=2)
    spread = np.sqrt(each.var(axis=0, ddof=1).mean()) + LEAST_SPREAD  # one for all: few models say little of each image
    return (each.mean(axis=0) - side.model.whole.mean(axis=1)) / spread


def _plant_leak(side: SideErrors, seed: int) -> tuple[SideErrors, SideErrors]:
    """Held-out subjects about whom the model is made to seem less wrong, and the rest."""
    names = np.unique(side.subject)
    leaked = np.isin(side.subject, np.random.default_rng([seed, 9]).permutation(names)[: len(names) // 2])
    return side.at(leaked).lowered(LEAK), side.at(~leaked)
