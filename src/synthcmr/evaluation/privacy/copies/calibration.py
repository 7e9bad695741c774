"""What a search for copies is worth: the correlation that images of others reach by chance, and copies that are planted to be found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import pad

from synthcmr.evaluation.privacy.copies.registration import apply_variants
from synthcmr.evaluation.privacy.image_selection import Images, Names
from synthcmr.evaluation.privacy.interval_estimates import Floats
from synthcmr.statistics.bootstrap import subject_counts

BEYOND = 5  # images above a threshold, for its rank to be trusted
SAME = 0.99  # above, images of two members are one image; what lies below stays, or the tail would be cut off that is looked for
CONFIDENCE = 0.95  # that a threshold keeps to its false alarms
CHANCE = 0.05  # that any innocent synthetic image at all is called a copy for certain
DRAWS, TAIL = 400, 10  # resamples of people; how many times the share that is looked at, of the highest
SHIFT = 0.125  # of the side, at most, either way
SCALE = (0.8, 1.25)
NOISE = (0.02, 0.08)  # of the range of intensities
GAMMA, GAIN = (0.75, 1.35), (0.7, 1.2)
Change = Callable[[Tensor, np.random.Generator], Tensor]


@dataclass(frozen=True)
class ChanceCorrelations:
    """Correlations of images that are no copies, with whose they are."""

    correlation: Floats
    subject: Names

    def where(self, rows: npt.NDArray[np.bool_]) -> ChanceCorrelations:
        """Some of them."""
        return ChanceCorrelations(self.correlation[rows], self.subject[rows])

    def joined(self, other: ChanceCorrelations) -> ChanceCorrelations:
        """Both, of different subjects."""
        correlation = np.concatenate([self.correlation, other.correlation])
        return ChanceCorrelations(correlation, np.concatenate([self.subject, other.subject]))


@dataclass(frozen=True)
class CopyLimits:
    """Where copies begin."""

    threshold: float  # correlation above which an image counts as a near-copy
    certain: float  # above which hardly one of all synthetic images would lie by chance
    members: int  # images of members that had to help


def copy_limits(
    held_out: ChanceCorrelations,
    calibrating: npt.NDArray[np.bool_],
    members: Callable[[], ChanceCorrelations],
    false_alarms: float,
    synthetic: int,
) -> CopyLimits:
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
    known, helped = held_out.where(calibrating), 0
    if not _enough_to_rank(len(known.correlation), false_alarms):
        further = members()
        further = further.where(further.correlation <= SAME)
        known, held_out, helped = known.joined(further), held_out.joined(further), len(further.correlation)
    threshold = threshold_of(known.correlation, known.subject, false_alarms)
    certain = _beyond_chance(held_out.correlation, held_out.subject, CHANCE / synthetic)
    return CopyLimits(threshold, max(threshold, certain), helped)


def threshold_of(correlations: Floats, subject: Names, false_alarms: float) -> float:
    """A correlation that innocent images exceed in half of the false alarms allowed, so that others keep within them.

    A rank among them, as conformal prediction takes it, with a margin for who they happen to be. Where they are too few for such a
    rank, not less than a tolerance limit by the number of subjects: few subjects know little of others.
    """
    ordered = np.sort(correlations)
    highest = float(ordered[_rank(len(ordered), false_alarms) - 1])
    if _enough_to_rank(len(ordered), false_alarms):
        return max(highest, _surely_ranked(correlations, subject, false_alarms / 2))
    return max(highest, _tolerated(ordered, subject, false_alarms / 2))


def _surely_ranked(correlations: Floats, subject: Names, rate: float) -> float:
    """The rank's value that other people, drawn again from these, hardly exceed: images of one person are high together."""
    names, number = np.unique(subject, return_inverse=True)
    highest = np.argsort(-correlations)[: int(np.ceil(TAIL * rate * len(correlations)))]
    weights = subject_counts(len(names), DRAWS, 0)
    above = np.cumsum(weights[:, number[highest]], axis=1) > rate * (weights @ np.bincount(number))[:, None]
    place = np.where(above.any(axis=1), above.argmax(axis=1), len(highest) - 1)
    return float(np.quantile(correlations[highest][place], CONFIDENCE))


def _enough_to_rank(images: int, false_alarms: float) -> bool:
    """Whether so many images are enough for a rank."""
    return images - _rank(images, false_alarms) >= BEYOND


def _tolerated(correlations: Floats, subject: Names, rate: float) -> float:
    """What hardly more than so small a share of further images exceeds, for certain: a normal tolerance limit, by Fisher's z."""
    from scipy.stats import nct, norm

    z, subjects = _fisher(correlations), len(np.unique(subject))
    factor = nct.ppf(CONFIDENCE, subjects - 1, norm.isf(rate) * np.sqrt(subjects)) / np.sqrt(subjects)
    return float(np.tanh(z.mean() + factor * z.std()))


def _beyond_chance(correlations: Floats, subject: Names, rate: float) -> float:
    """Where Student's t, by the number of subjects, expects so small a share of further images, by Fisher's z."""
    from scipy.stats import t

    z, subjects = _fisher(correlations), len(np.unique(subject))
    return float(np.tanh(z.mean() + t.isf(rate, subjects - 1) * np.sqrt(1 + 1 / subjects) * z.std()))


def _fisher(correlations: Floats) -> Floats:
    z: Floats = np.arctanh(np.clip(correlations, -0.999, 0.999))
    return z


def _rank(images: int, false_alarms: float) -> int:
    return min(int(np.ceil((images + 1) * (1 - false_alarms / 2))), images)


def mirrored(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Left to right, top to bottom, or both."""
    which = int(rng.integers(3))
    return x.flip([(-1,), (-2,), (-2, -1)][which])


def shifted(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Up to an eighth of the side down and right; borders are mirrored in."""
    most = int(SHIFT * x.shape[-1])
    down, right = rng.integers(-most, most + 1, size=2)
    wide = pad(x, (most, most, most, most), mode="reflect")
    rows, columns = x.shape[-2:]
    return wide[..., most - down : most - down + rows, most - right : most - right + columns]


def rescaled(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Up to a quarter larger or smaller."""
    scale = float(np.exp(rng.uniform(*np.log(SCALE))))
    return apply_variants(x, torch.tensor([[1.0, 1.0, scale, 0.0]]))


def noised(x: Tensor, rng: np.random.Generator) -> Tensor:
    """With white noise."""
    return x + torch.from_numpy(rng.normal(0, rng.uniform(*NOISE), x.shape)).to(x)


def brightened(x: Tensor, rng: np.random.Generator) -> Tensor:
    """With another brightness and contrast."""
    return x.clamp(min=0) ** float(rng.uniform(*GAMMA)) * float(rng.uniform(*GAIN))


def all_at_once(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Everything."""
    for change in (mirrored, shifted, rescaled, brightened, noised):
        x = change(x, rng)
    return x


KINDS: dict[str, Change] = {
    "exact": lambda x, rng: x,
    "mirrored": mirrored,
    "shifted": shifted,
    "rescaled": rescaled,
    "noised": noised,
    "brightened": brightened,
    "all at once": all_at_once,
}


def planted_copies(blocks: Iterator[Images], kind: str, seed: int) -> Iterator[Images]:
    """Copies of images, each changed in its own way."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    for block in blocks:
        changed = [KINDS[kind](torch.from_numpy(image[None].astype(np.float32)), rng) for image in block]
        yield torch.cat(changed).clamp(0, 1).numpy()
