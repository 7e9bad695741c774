"""From which correlation on an image is called a copy: what people who were not copied reach by chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.privacy.figures import Floats, resampled

BEYOND = 5  # images above a threshold, for its rank to be trusted
SAME = 0.99  # above, images of two members are one image; what lies below stays, or the tail would be cut off that is looked for
CONFIDENCE = 0.95  # that a threshold keeps to its false alarms
CHANCE = 0.05  # that any innocent synthetic image at all is called a copy for certain
DRAWS, TAIL = 400, 10  # resamples of people; how many times the share that is looked at, of the highest
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Innocent:
    """Correlations of images that are no copies, with whose they are."""

    correlation: Floats
    subject: Names

    def at(self, rows: npt.NDArray[np.bool_]) -> Innocent:
        """Some of them."""
        return Innocent(self.correlation[rows], self.subject[rows])

    def and_of(self, other: Innocent) -> Innocent:
        """Both, of different people."""
        correlation = np.concatenate([self.correlation, other.correlation])
        return Innocent(correlation, np.concatenate([self.subject, other.subject]))


@dataclass(frozen=True)
class Limits:
    """Where copies begin."""

    threshold: float  # correlation above which an image counts as a near-copy
    certain: float  # above which hardly one of all synthetic images would lie by chance
    members: int  # images of members that had to help


def limits(
    held_out: Innocent,
    calibrating: npt.NDArray[np.bool_],
    members: Callable[[], Innocent],
    false_alarms: float,
    synthetic: int,
) -> Limits:
    """Both limits, from held-out people and, where these are too few for a rank, from members as well.

    A member whom no other member was copied from is to the others what a held-out person is to all of them. Two members who are one
    and the same person are no measure of anybody: images that are one are left out.

    Args:
        held_out: against the members.
        calibrating: which of them the threshold may know.
        members: each against the other members; asked for where they are needed.
        false_alarms: share of held-out images that may be called copies.
        synthetic: images that are judged.
    """
    known = held_out.at(calibrating)
    threshold = threshold_of(known.correlation, known.subject, false_alarms)
    helped = 0
    if not ranked(len(known.correlation), false_alarms):
        found = members()
        found = found.at(found.correlation <= SAME)
        known, held_out, helped = known.and_of(found), held_out.and_of(found), len(found.correlation)
        threshold = threshold_of(known.correlation, known.subject, false_alarms)
    certain = beyond_chance(held_out.correlation, held_out.subject, CHANCE / synthetic)
    return Limits(threshold, max(threshold, certain), helped)


def threshold_of(correlations: Floats, subject: Names, false_alarms: float) -> float:
    """A correlation that innocent images exceed in half of the false alarms allowed, so that others keep within them.

    A rank among them, as conformal prediction takes it, with a margin for who they happen to be. Where they are too few for such a
    rank, not less than a tolerance limit by the number of subjects: few subjects know little of others.
    """
    ordered = np.sort(correlations)
    highest = float(ordered[_rank(len(ordered), false_alarms) - 1])
    if ranked(len(ordered), false_alarms):
        return max(highest, _surely_ranked(correlations, subject, false_alarms / 2))
    return max(highest, tolerated(ordered, subject, false_alarms / 2))


def _surely_ranked(correlations: Floats, subject: Names, rate: float) -> float:
    """The rank's value that other people, drawn again from these, hardly exceed: images of one person are high together."""
    people, number = np.unique(subject, return_inverse=True)
    highest = np.argsort(-correlations)[: int(np.ceil(TAIL * rate * len(correlations)))]
    weights = resampled(len(people), DRAWS, 0)
    above = np.cumsum(weights[:, number[highest]], axis=1) > rate * (weights @ np.bincount(number))[:, None]
    place = np.where(above.any(axis=1), above.argmax(axis=1), len(highest) - 1)
    return float(np.quantile(correlations[highest][place], CONFIDENCE))


def ranked(images: int, false_alarms: float) -> bool:
    """Whether so many images are enough for a rank."""
    return images - _rank(images, false_alarms) >= BEYOND


def tolerated(correlations: Floats, subject: Names, rate: float) -> float:
    """What hardly more than so small a share of further images exceeds, for certain: a normal tolerance limit, by Fisher's z."""
    from scipy.stats import nct, norm

    z, people = _fisher(correlations), len(np.unique(subject))
    factor = nct.ppf(CONFIDENCE, people - 1, norm.isf(rate) * np.sqrt(people)) / np.sqrt(people)
    return float(np.tanh(z.mean() + factor * z.std()))


def beyond_chance(correlations: Floats, subject: Names, rate: float) -> float:
    """Where Student's t, by the number of subjects, expects so small a share of further images, by Fisher's z."""
    from scipy.stats import t

    z, people = _fisher(correlations), len(np.unique(subject))
    return float(np.tanh(z.mean() + t.isf(rate, people - 1) * np.sqrt(1 + 1 / people) * z.std()))


def _fisher(correlations: Floats) -> Floats:
    found: Floats = np.arctanh(np.clip(correlations, -0.999, 0.999))
    return found


def _rank(images: int, false_alarms: float) -> int:
    return min(int(np.ceil((images + 1) * (1 - false_alarms / 2))), images)
