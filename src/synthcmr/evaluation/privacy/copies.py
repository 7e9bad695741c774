"""Near-copies: synthetic images that are a training image once laid over it, more than any held-out image is by chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.calibrating import Innocent, limits
from synthcmr.evaluation.privacy.closeness import closer_to_members
from synthcmr.evaluation.privacy.figures import Absent, Figure, Measured, share_of
from synthcmr.evaluation.privacy.people import People, Piles, Report
from synthcmr.evaluation.privacy.pile import Pile, Side, heap
from synthcmr.evaluation.privacy.planting import KINDS, planted
from synthcmr.evaluation.privacy.searching import Matches, search
from synthcmr.evaluation.privacy.settings import PrivacySettings
from synthcmr.evaluation.privacy.variants import Variant

MEMBERS = 1500  # images of members at most that help to calibrate
LIKEST = 6  # images that are shown whether they are copies or not
HISTOGRAM = 500  # correlations of each side that are kept for figures


class Copy(Settings):
    """A synthetic image beside the training image that it is most like, or a copy of."""

    synthetic_image: str
    synthetic_subject: str
    training_image: str
    training_subject: str
    correlation: float
    done: Variant  # to the training image, to make the copy
    down: float  # pixels by which the copy's middle, with that undone, lies lower in the training image
    right: float


class NearCopies(Settings):
    """What was searched for copies, what was found, and whether planted ones are."""

    threshold: float  # correlation above which an image counts as a near-copy
    certain: float  # above which hardly one of all synthetic images would lie by chance: a copy for certain
    calibrated_on: int  # held-out images
    and_members: int = 0  # images of members, each against other members, where held-out ones are too few
    copied: Figure  # share of synthetic images
    false_alarms: Figure  # the same, of held-out real images that the threshold does not know
    planted: dict[str, Figure]  # share found of each kind of planted copies
    weak: tuple[str, ...]  # kinds of which too few were found
    closer: dict[str, Measured]  # space -> share of synthetic images closer to members than to as many others
    copies: tuple[Copy, ...]  # the likest first
    likest: tuple[Copy, ...]  # the images that are most like a training image, copies or not
    subjects: dict[str, int]  # training subjects that were copied, and into how many synthetic images
    for_certain: dict[str, int]  # those copied for certain
    correlations: dict[str, tuple[float, ...]]  # synthetic, held out: evenly from all, sorted, for figures

    @property
    def told(self) -> str:
        """In a sentence."""
        found = (
            f"{len(self.subjects)} training subject(s) are copied, into {self.copied.value:.1%} of the synthetic images"
        )
        if not self.subjects:
            found = "no synthetic image is a copy of a training image, by a threshold that held-out images keep to"
        weak = f"; too weak to find copies that are {' or '.join(self.weak)}" if self.weak else ""
        return found + weak


def near_copies(
    who: People, piles: Piles, settings: PrivacySettings, work: Path, report: Report | None = None
) -> NearCopies:
    """Search, with a threshold from held-out images and with planted copies.

    Args:
        who: the real images.
        piles: all images as they are compared.
        settings: of the search, the threshold and the planting.
        work: folder for planted copies.
        report: called with (done, total, what).
    """
    own, members, synthetic, held_out = settings.copies, piles.members, piles.synthetic, piles.held_out
    made = search(synthetic, members, own.search, _step(report, "searching for synthetic images"))
    others = search(held_out, members, own.search, _step(report, "searching for held-out images"))
    innocent, judged = Innocent(_numbers(others), held_out.subject), ~piles.calibrating
    ours = partial(_innocent, who.members, members, settings, work / "apart")
    limit = limits(innocent, piles.calibrating, ours, own.false_alarms, len(synthetic))
    copied, alarms = _numbers(made) > limit.threshold, innocent.at(judged).correlation > limit.threshold
    found = {}
    for k, kind in enumerate(KINDS):
        found[kind] = _found_of(kind, who.members, members, limit.threshold, settings, work / "planted")
        if report is not None:
            report(k + 1, len(KINDS), "searching for planted copies")
    pairs = _copies(made, copied, synthetic, members, _side(who.members))
    sure = [pair for pair in pairs if pair.correlation > limit.certain]
    return NearCopies(
        threshold=limit.threshold,
        certain=limit.certain,
        calibrated_on=int(piles.calibrating.sum()),
        and_members=limit.members,
        copied=share_of(copied, synthetic.subject, settings.draws, settings.seed),
        false_alarms=share_of(alarms, held_out.subject[judged], settings.draws, settings.seed),
        planted=found,
        weak=tuple(kind for kind, figure in found.items() if figure.value < own.found),
        closer=_closer(piles, settings.seed),
        copies=tuple(pairs[: own.shown]),
        likest=tuple(_likest(made, synthetic, members, _side(who.members))),
        subjects=_counted(pairs),
        for_certain=_counted(sure),
        correlations={"synthetic": _evenly(_numbers(made)), "held out": _evenly(_numbers(others))},
    )


def _innocent(side: Side, members: Pile, settings: PrivacySettings, folder: Path) -> Innocent:
    """Members, each against the others: all images of a few members, and of many as many as a rank needs."""
    some = side.at(side.rows[_one_of_each(side.subject, MEMBERS, settings.seed)])
    match = search(some.pile(folder, None), members, settings.copies.search, apart=True)
    return Innocent(_numbers(match), some.subject)


def _found_of(
    kind: str, side: Side, members: Pile, threshold: float, settings: PrivacySettings, folder: Path
) -> Figure:
    """Share of planted copies that are found, with the subject they are of."""
    rows = _one_of_each(side.subject, settings.copies.planted, settings.seed)
    some = side.at(side.rows[rows])
    pile = heap(folder, planted(some.blocks(), kind, settings.seed), some.subject, members.image[rows], None)
    match = search(pile, members, settings.copies.search)
    hit = (_numbers(match) > threshold) & (members.subject[match.key.numpy()] == some.subject)
    return share_of(hit, some.subject, settings.draws, settings.seed)


def _one_of_each(subject: npt.NDArray[np.str_], count: int, seed: int) -> npt.NDArray[np.intp]:
    """Images of as many subjects as there are, and further ones where they are too few."""
    order = np.random.default_rng([seed, 4]).permutation(len(subject))
    _, first = np.unique(subject[order], return_index=True)
    ahead = np.concatenate([np.sort(first), np.setdiff1d(np.arange(len(order)), first)])
    return np.sort(order[ahead[:count]])


def _counted(pairs: list[Copy]) -> dict[str, int]:
    return dict(Counter(pair.training_subject for pair in pairs).most_common())


def _likest(match: Matches, synthetic: Pile, members: Pile, side: int) -> list[Copy]:
    """The image of each synthetic subject that is most like a training image; of the subjects with the likest."""
    numbers = _numbers(match)
    order = np.argsort(-numbers, kind="stable")
    _, first = np.unique(synthetic.subject[order], return_index=True)
    chosen = np.isin(np.arange(len(numbers)), order[np.sort(first)[:LIKEST]])
    return _copies(match, chosen, synthetic, members, side)


def _copies(match: Matches, flagged: npt.NDArray[np.bool_], synthetic: Pile, members: Pile, side: int) -> list[Copy]:
    """What was flagged, the likest first."""
    rows = np.flatnonzero(flagged)
    order = rows[np.argsort(-_numbers(match)[rows], kind="stable")]
    return [
        Copy(
            synthetic_image=str(synthetic.image[i]),
            synthetic_subject=str(synthetic.subject[i]),
            training_image=str(members.image[int(match.key[i])]),
            training_subject=str(members.subject[int(match.key[i])]),
            correlation=round(float(match.correlation[i]), 4),
            done=Variant.of(match.variant[i]),
            down=round(float(match.down[i]) * side, 1),
            right=round(float(match.right[i]) * side, 1),
        )
        for i in order
    ]


def _closer(piles: Piles, seed: int) -> dict[str, Measured]:
    found: dict[str, Measured] = {
        space: closer_to_members(piles.synthetic, piles.members, piles.held_out, space, seed)
        for space in piles.members.spaces
    }
    return {"features": Absent(reason="no feature extractor was given")} | found


def _numbers(match: Matches) -> npt.NDArray[np.float64]:
    return match.correlation.numpy().astype(np.float64)


def _evenly(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    ordered = np.sort(values)
    chosen = np.unique(np.linspace(0, len(ordered) - 1, HISTOGRAM).astype(int))
    return tuple(round(float(v), 4) for v in ordered[chosen])


def _side(side: Side) -> int:
    return int(side.cohort.images["height"].iloc[int(side.rows[0])])


def _step(report: Report | None, what: str) -> Callable[[int, int], None] | None:
    return None if report is None else lambda done, total: report(done, total, what)
