r"""Membership from a generator's errors: it is less wrong about what it learned from.

At time t, and with noise, the error of the field is e_t(x) = v(x_t, t) - v*. Its size is the negative log-likelihood of the image, but for
what all images share. Models of other people (reference models) say how hard an image is for anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.privacy.attack_target import (
    ConditionedImages,
    ErrorAccess,
    load_conditioned,
    subject_means,
)
from synthcmr.evaluation.privacy.image_index import Report, silent
from synthcmr.evaluation.privacy.image_selection import ImageSelection, MemberSplit, Names
from synthcmr.evaluation.privacy.interval_estimates import Floats
from synthcmr.evaluation.privacy.membership.black_box import AttackedImages
from synthcmr.evaluation.privacy.membership.membership_attack import (
    Attacks,
    SideScores,
    SubjectScores,
    assess,
    with_combined,
)
from synthcmr.evaluation.privacy.settings import MembershipSettings, PrivacyPartSettings

BATCH = 16
LEAK = 0.1  # by how much a planted leak lowers the mean squared error of a subject's images
LEAST_SPREAD, LEAST_POWER = 1e-3, 1e-12
Band = tuple[float, float]


@dataclass(frozen=True)
class SideErrors:
    """Logarithms of the mean squared errors of one side's images at each time, (images, times)."""

    subject: Names
    whole: Floats  # of the model that is attacked, over all frequencies
    middle: Floats  # over the middle band
    references: tuple[Floats, ...]  # of reference models, over all frequencies

    def at(self, rows: npt.NDArray[np.bool_]) -> SideErrors:
        """Of some images."""
        references = tuple(errors[rows] for errors in self.references)
        return SideErrors(self.subject[rows], self.whole[rows], self.middle[rows], references)

    def lowered(self, by: float) -> SideErrors:
        """As they would be if the model knew the images that much better."""
        return replace(self, whole=self.whole + np.log1p(-by), middle=self.middle + np.log1p(-by))

    @property
    def log_ratio(self) -> Floats:
        """How much less wrong the model is than the reference models are, on average: log p(x | model) - log p(x), but for a factor."""
        return np.mean(self.references, axis=0) - self.whole


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
    sides = []
    for k, selection in enumerate((*attacked.selections, split.calibrating.sample(own.subjects, own.images, seed))):
        sides.append(_side_errors(selection, model, references, own, seed))
        report(k + 1, 3, "attacking the weights")
    member, other, population = sides
    scores = _all_scores(member, other, population, seed)
    planted = _all_scores(*_plant_leak(other, seed), population, seed)
    return assess("weights", scores, planted, np.unique(member.subject).tolist(), attacked.alike, settings)


def error_scores(side: SideErrors, population: SideErrors) -> SubjectScores:
    """One number for each subject and attack, subjects in alphabetical order; higher where membership is likelier."""
    scores = {"error": -side.whole.mean(axis=1), "mid-band error": -side.middle.mean(axis=1)}
    if side.references:
        ratio, usual = side.log_ratio, population.log_ratio
        scores["error, against reference models"] = ratio.mean(axis=1)
        scores["RMIA"] = np.stack([_outdoing(ratio[:, t], usual[:, t]) for t in range(ratio.shape[1])]).mean(axis=0)
    if len(side.references) > 1:
        scores["LiRA, offline"] = _deviation(side)
    return {name: subject_means(side.subject, values) for name, values in scores.items()}


def log_power(error: npt.NDArray[np.floating], band: Band | None = None) -> Floats:
    """Logarithm of the mean square of each error, (images,).

    Args:
        error: (images, channels, rows, columns).
        band: lowest and highest radius that counts, as shares of the highest frequency along an axis; None: all. The middle band is
            where what was learned by heart shows: low frequencies are known of anybody, and high ones of no other person.
    """
    if band is None:
        return np.log(np.square(error, dtype=np.float64).mean(axis=(1, 2, 3)) + LEAST_POWER)
    rows, columns = error.shape[2:]
    radius = 2 * np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None])
    kept = (radius >= band[0]) & (radius <= band[1])
    power = np.square(np.abs(np.fft.rfft2(error, norm="ortho"))[:, :, kept])
    return np.log(power.mean(axis=(1, 2)) + LEAST_POWER)


def _side_errors(
    selection: ImageSelection,
    model: ErrorAccess,
    references: Sequence[ErrorAccess],
    settings: MembershipSettings,
    seed: int,
) -> SideErrors:
    """Ask all models about the images of a side, always with the same noise."""
    images = load_conditioned(selection, model)
    whole, middle = _log_errors(images, model, settings, seed, (None, settings.band))
    others = [_log_errors(load_conditioned(selection, r), r, settings, seed, (None,))[0] for r in references]
    return SideErrors(images.subject, whole, middle, tuple(others))


def _log_errors(
    images: ConditionedImages, model: ErrorAccess, settings: MembershipSettings, seed: int, bands: Sequence[Band | None]
) -> Floats:
    """Logarithms of mean squared errors in each band, (bands, images, times)."""
    errors = np.zeros((len(bands), len(images), len(settings.times)))
    for start in range(0, len(images), BATCH):
        some = slice(start, start + BATCH)
        count = len(images.image[some])
        for t, time in enumerate(settings.times):
            for noise in range(settings.noises):
                seeds = [seed + settings.noises * (start + i) + noise for i in range(count)]
                error = model.errors(images.image[some], images.conditions[some], time, seeds)
                errors[:, some, t] += np.array([log_power(error, band) for band in bands]) / settings.noises
    return errors


def _all_scores(member: SideErrors, other: SideErrors, population: SideErrors, seed: int) -> SideScores:
    """Every score of both sides, and what errors at each time and band say together to an attacker who learned how to weigh them."""
    scores = error_scores(member, population), error_scores(other, population)
    return with_combined(scores, (_by_time(member), _by_time(other)), seed)


def _by_time(side: SideErrors) -> SubjectScores:
    """Of each subject at each time and band, how small the errors are."""
    ratio = [side.log_ratio] if side.references else []
    values = np.concatenate([-side.whole, -side.middle, *ratio], axis=1)
    return {str(k): column for k, column in enumerate(subject_means(side.subject, values).T)}


def _outdoing(ratio: Floats, usual: Floats) -> Floats:
    """Share of the population whose ratio an image's own exceeds (RMIA with gamma = 1)."""
    return np.searchsorted(np.sort(usual), ratio, side="right") / len(usual)


def _deviation(side: SideErrors) -> Floats:
    """Standard deviations below the errors of models that did not learn from the image."""
    each = np.mean(side.references, axis=2)
    spread = np.sqrt(each.var(axis=0, ddof=1).mean()) + LEAST_SPREAD  # one for all: few models say little of each image
    return (each.mean(axis=0) - side.whole.mean(axis=1)) / spread


def _plant_leak(side: SideErrors, seed: int) -> tuple[SideErrors, SideErrors]:
    """Held-out subjects about whom the model is made to seem less wrong, and the rest."""
    names = np.unique(side.subject)
    leaked = np.isin(side.subject, np.random.default_rng([seed, 9]).permutation(names)[: len(names) // 2])
    return side.at(leaked).lowered(LEAK), side.at(~leaked)
