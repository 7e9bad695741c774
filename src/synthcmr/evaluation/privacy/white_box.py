r"""Membership from a generator's errors: it is less wrong about what it learned from.

At time t, and with noise, the error of the field is e_t(x) = v(x_t, t) - v*. Its size is the negative log-likelihood of the image, but for
what all images share. Models of other people (reference models) say how hard an image is for anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthcmr.evaluation.privacy.attacked_images import Told, over_subjects, told
from synthcmr.evaluation.privacy.bands import log_power
from synthcmr.evaluation.privacy.black_box import COMBINED, Attacked
from synthcmr.evaluation.privacy.figures import Floats
from synthcmr.evaluation.privacy.membership import Attack, attack, combined
from synthcmr.evaluation.privacy.people import People, Report
from synthcmr.evaluation.privacy.pile import Side
from synthcmr.evaluation.privacy.protocol import TellsErrors
from synthcmr.evaluation.privacy.settings import MembershipSettings, PrivacySettings

BATCH = 16
LEAK = 0.1  # by how much a planted leak lowers the mean squared error of a subject's images
LEAST = 1e-3


@dataclass(frozen=True)
class Errors:
    """Logarithms of mean squared errors, (images, times): over all frequencies, and over the middle band."""

    whole: Floats
    middle: Floats

    def lowered(self, by: float) -> Errors:
        """As they would be if the model knew the images that much better."""
        return Errors(self.whole + np.log1p(-by), self.middle + np.log1p(-by))


@dataclass(frozen=True)
class Known:
    """The errors of one side: of the model that is attacked, and of reference models."""

    subject: tuple[str, ...]
    of: Errors
    references: tuple[Errors, ...]


def known(
    side: Side, model: TellsErrors, references: Sequence[TellsErrors], settings: MembershipSettings, seed: int
) -> Known:
    """Ask all models about the images of a side, always with the same noise."""
    images = told(side, model.vocabulary, model.frames)
    others = tuple(_errors(told(side, r.vocabulary, r.frames), r, settings, seed) for r in references)
    return Known(tuple(images.subject.tolist()), _errors(images, model, settings, seed), others)


def white_box(
    these: Attacked,
    who: People,
    model: TellsErrors,
    references: Sequence[TellsErrors],
    settings: PrivacySettings,
    report: Report | None = None,
) -> tuple[Attack, ...]:
    """All attacks on the errors of a model.

    Args:
        these: the images that are attacked.
        who: the real images; those held out to calibrate on are the population of RMIA.
        model: that is attacked.
        references: models like it that learned from others.
        settings: of the attacks.
        report: called with (done, total, what).
    """
    own = settings.membership
    population = who.calibrating.some(own.subjects, own.images, settings.seed)
    found = []
    for k, side in enumerate((*these.sides, population)):
        found.append(known(side, model, references, own, settings.seed))
        if report is not None:
            report(k + 1, 3, "attacking the weights")
    member, other, others = found
    ours, theirs = scores(member, others), scores(other, others)
    pairs = {name: (ours[name], theirs[name]) for name in ours}
    leak = _leak(other, others, settings.seed)
    pairs[COMBINED] = combined(_by_time(member, other), settings.seed)
    names = sorted(set(member.subject))
    draws, seed = settings.draws, settings.seed
    return tuple(
        attack(name, "weights", pair, names, these.alike, leak[name], draws, seed) for name, pair in pairs.items()
    )


def scores(side: Known, population: Known) -> dict[str, Floats]:
    """One number for each subject and attack, subjects in alphabetical order; higher where membership is likelier."""
    found = {"error": -side.of.whole.mean(axis=1), "mid-band error": -side.of.middle.mean(axis=1)}
    if side.references:
        ratio, usual = _log_ratio(side), _log_ratio(population)
        found["error, against reference models"] = ratio.mean(axis=1)
        found["RMIA"] = np.stack([_outdoing(ratio[:, t], usual[:, t]) for t in range(ratio.shape[1])]).mean(axis=0)
    if len(side.references) > 1:
        found["LiRA, offline"] = _deviation(side)
    subject = np.asarray(side.subject)
    return {name: over_subjects(subject, values)[1] for name, values in found.items()}


def _errors(images: Told, model: TellsErrors, settings: MembershipSettings, seed: int) -> Errors:
    whole, middle = (np.zeros((len(images), len(settings.times))) for _ in range(2))
    for start in range(0, len(images), BATCH):
        some = slice(start, start + BATCH)
        count = len(images.image[some])
        for t, time in enumerate(settings.times):
            for noise in range(settings.noises):
                seeds = [seed + settings.noises * (start + i) + noise for i in range(count)]
                error = model.errors(images.image[some], images.conditions[some], time, seeds)
                whole[some, t] += log_power(error) / settings.noises
                middle[some, t] += log_power(error, settings.band) / settings.noises
    return Errors(whole, middle)


def _log_ratio(side: Known) -> Floats:
    """How much less wrong the model is than the reference models are, on average: log p(x | model) - log p(x), but for a factor."""
    return np.mean([r.whole for r in side.references], axis=0) - side.of.whole


def _outdoing(ratio: Floats, usual: Floats) -> Floats:
    """Share of the population whose ratio an image's own exceeds (RMIA with gamma = 1)."""
    return np.searchsorted(np.sort(usual), ratio, side="right") / len(usual)


def _deviation(side: Known) -> Floats:
    """Standard deviations below the errors of models that did not learn from the image."""
    each = np.stack([r.whole.mean(axis=1) for r in side.references])
    spread = np.sqrt(each.var(axis=0, ddof=1).mean()) + LEAST  # one for all: few models say little of each image
    return (each.mean(axis=0) - side.of.whole.mean(axis=1)) / spread


def _by_time(member: Known, other: Known) -> dict[str, tuple[Floats, Floats]]:
    """Of each subject at each time and band, how small the errors are: what an attacker learns to weigh."""
    columns = []
    for side in (member, other):
        ratio = [_log_ratio(side)] if side.references else []
        values = np.concatenate([-side.of.whole, -side.of.middle, *ratio], axis=1)
        columns.append(over_subjects(np.asarray(side.subject), values)[1])
    return {str(k): (columns[0][:, k], columns[1][:, k]) for k in range(columns[0].shape[1])}


def _leak(side: Known, population: Known, seed: int) -> dict[str, tuple[Floats, Floats]]:
    """Scores of held-out subjects about whom the model is made to seem less wrong, and of the rest."""
    names = np.unique(side.subject)
    chosen = np.random.default_rng([seed, 9]).permutation(names)[: len(names) // 2]
    rows = np.isin(np.asarray(side.subject), chosen)
    ours, theirs = _part(side, rows, LEAK), _part(side, ~rows, 0.0)
    found, rest = scores(ours, population), scores(theirs, population)
    return {name: (found[name], rest[name]) for name in found} | {COMBINED: combined(_by_time(ours, theirs), seed)}


def _part(side: Known, rows: np.ndarray, lowered: float) -> Known:
    of = Errors(side.of.whole[rows], side.of.middle[rows]).lowered(lowered)
    subject = tuple(np.asarray(side.subject)[rows].tolist())
    return Known(subject, of, tuple(Errors(r.whole[rows], r.middle[rows]) for r in side.references))
