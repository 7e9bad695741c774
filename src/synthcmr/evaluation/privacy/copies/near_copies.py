"""Near-copies: synthetic images that are a training image after registration, more than any held-out image is by chance."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.copies.calibration import KINDS, ChanceCorrelations, copy_limits, planted_copies
from synthcmr.evaluation.privacy.copies.copy_search import Matches, search
from synthcmr.evaluation.privacy.copies.partial_copies import PartialCopies, partial_copies
from synthcmr.evaluation.privacy.copies.registration import Variant
from synthcmr.evaluation.privacy.distances import training_proximity
from synthcmr.evaluation.privacy.image_index import (
    ImageIndex,
    Report,
    SplitIndexes,
    build_index,
    index_selection,
    silent,
)
from synthcmr.evaluation.privacy.image_selection import ImageSelection, MemberSplit, Names, Rows
from synthcmr.evaluation.privacy.interval_estimates import (
    Absent,
    EstimateOrReason,
    Floats,
    IntervalEstimate,
    share_of_images,
)
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings

MEMBERS = 1500  # images of members at most that help to calibrate
LIKEST = 6  # images that are shown whether they are copies or not
HISTOGRAM = 500  # correlations of each side that are kept for figures


class NearCopy(Settings):
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
    """The search for copies: its matches, and whether planted ones are among them."""

    threshold: float  # correlation above which an image counts as a near-copy
    certain: float  # above which hardly one of all synthetic images would lie by chance: a copy for certain
    calibrated_on: int  # held-out images
    and_members: int = 0  # images of members, each against other members, where held-out ones are too few
    copied: IntervalEstimate  # share of synthetic images
    false_alarms: IntervalEstimate  # the same, of held-out real images that the threshold does not know
    planted: dict[str, IntervalEstimate]  # share found of each kind of planted copies
    weak: tuple[str, ...]  # kinds of which too few were found
    closer: dict[str, EstimateOrReason]  # space -> share of synthetic images closer to members than to as many others
    copies: tuple[NearCopy, ...]  # the likest first
    likest: tuple[NearCopy, ...]  # the images that are most like a training image, copies or not
    subjects: dict[str, int]  # training subjects that were copied, and into how many synthetic images
    for_certain: dict[str, int]  # those copied for certain
    partial: PartialCopies | None = None  # copies of parts; None: of a version that did not look
    correlations: dict[str, tuple[float, ...]]  # synthetic, held out: evenly from all, sorted, for figures

    @property
    def sentence(self) -> str:
        """The result in a sentence."""
        copied = (
            f"{len(self.subjects)} training subject(s) are copied, into {self.copied.value:.1%} of the synthetic images"
        )
        if not self.subjects:
            copied = "no synthetic image is a copy of a training image, by a threshold that held-out images keep to"
        weak = f"; too weak to find copies that are {' or '.join(self.weak)}" if self.weak else ""
        return copied + weak


def near_copies(
    split: MemberSplit, indexes: SplitIndexes, settings: PrivacyPartSettings, work: Path, report: Report = silent
) -> NearCopies:
    """Search for copies of members, with a threshold from held-out images; copies planted in `work` say what the search misses."""
    own, members, synthetic, held_out = settings.copies, indexes.members, indexes.synthetic, indexes.held_out
    matches = search(synthetic, members, own.search, report, "searching for synthetic images")
    chance = search(held_out, members, own.search, report, "searching for held-out images").correlations
    innocent = ChanceCorrelations(chance, held_out.subject)
    among_members = partial(_chance_among_members, split.members, members, settings, work / "apart")
    limits = copy_limits(innocent, indexes.calibrating, among_members, own.false_alarms, len(synthetic))
    copied, judged = matches.correlations > limits.threshold, innocent.where(~indexes.calibrating)
    planted = {}
    for k, kind in enumerate(KINDS):
        planted[kind] = _share_found(kind, split.members, members, limits.threshold, settings, work / "planted")
        report(k + 1, len(KINDS), "searching for planted copies")
    chosen = split.members.with_rows(split.members.rows[one_of_each(split.members.subject, own.planted, settings.seed)])
    side = int(split.members.cohort.images["height"].iloc[int(split.members.rows[0])])
    copies = _copies(matches, copied, synthetic, members, side)
    return NearCopies(
        threshold=limits.threshold,
        certain=limits.certain,
        calibrated_on=int(indexes.calibrating.sum()),
        and_members=limits.members,
        copied=share_of_images(copied, synthetic.subject, settings.draws, settings.seed),
        false_alarms=share_of_images(
            judged.correlation > limits.threshold, judged.subject, settings.draws, settings.seed
        ),
        planted=planted,
        weak=tuple(kind for kind, share in planted.items() if share.value < own.found),
        closer=_training_proximity(indexes, settings.seed),
        copies=tuple(copies[: own.shown]),
        likest=tuple(_copies(matches, _likest(matches, synthetic), synthetic, members, side)),
        subjects=_images_per_subject(copies),
        for_certain=_images_per_subject([copy for copy in copies if copy.correlation > limits.certain]),
        partial=partial_copies(split, indexes, settings, chosen, work / "planted-parts"),
        correlations={"synthetic": _evenly(matches.correlations), "held out": _evenly(chance)},
    )


def _chance_among_members(
    side: ImageSelection, members: ImageIndex, settings: PrivacyPartSettings, folder: Path
) -> ChanceCorrelations:
    """Members, each against the others: all images of a few members, and of many as many as a rank needs."""
    some = side.with_rows(side.rows[one_of_each(side.subject, MEMBERS, settings.seed)])
    matches = search(index_selection(some, folder), members, settings.copies.search, apart=True)
    return ChanceCorrelations(matches.correlations, some.subject)


def _share_found(
    kind: str, side: ImageSelection, members: ImageIndex, threshold: float, settings: PrivacyPartSettings, folder: Path
) -> IntervalEstimate:
    """Share of planted copies that are found, with the subject they are of."""
    some = side.with_rows(side.rows[one_of_each(side.subject, settings.copies.planted, settings.seed)])
    index = build_index(folder, planted_copies(some.blocks(), kind, settings.seed), some.subject, some.image, None)
    matches = search(index, members, settings.copies.search)
    hits = (matches.correlations > threshold) & (members.subject[matches.key.numpy()] == some.subject)
    return share_of_images(hits, some.subject, settings.draws, settings.seed)


def one_of_each(subject: Names, count: int, seed: int) -> Rows:
    """Images of as many subjects as there are, and further ones where they are too few."""
    order = np.random.default_rng([seed, 4]).permutation(len(subject))
    _, first = np.unique(subject[order], return_index=True)
    ahead = np.concatenate([np.sort(first), np.setdiff1d(np.arange(len(order)), first)])
    return np.sort(order[ahead[:count]])


def _images_per_subject(copies: list[NearCopy]) -> dict[str, int]:
    return dict(Counter(copy.training_subject for copy in copies).most_common())


def _likest(matches: Matches, synthetic: ImageIndex) -> npt.NDArray[np.bool_]:
    """The image of each synthetic subject that is most like a training image; of the subjects with the likest."""
    order = np.argsort(-matches.correlations, kind="stable")
    _, first = np.unique(synthetic.subject[order], return_index=True)
    return np.isin(np.arange(len(order)), order[np.sort(first)[:LIKEST]])


def _copies(
    matches: Matches, flagged: npt.NDArray[np.bool_], synthetic: ImageIndex, members: ImageIndex, side: int
) -> list[NearCopy]:
    """What was flagged, the likest first; `side` is that of images in pixels."""
    rows = np.flatnonzero(flagged)
    order = rows[np.argsort(-matches.correlations[rows], kind="stable")]
    return [
        NearCopy(
            synthetic_image=str(synthetic.image[i]),
            synthetic_subject=str(synthetic.subject[i]),
            training_image=str(members.image[int(matches.key[i])]),
            training_subject=str(members.subject[int(matches.key[i])]),
            correlation=round(float(matches.correlation[i]), 4),
            done=Variant.of(matches.variant[i]),
            down=round(float(matches.down[i]) * side, 1),
            right=round(float(matches.right[i]) * side, 1),
        )
        for i in order
    ]


def _training_proximity(indexes: SplitIndexes, seed: int) -> dict[str, EstimateOrReason]:
    shares: dict[str, EstimateOrReason] = {
        space: training_proximity(indexes.synthetic, indexes.members, indexes.held_out, space, seed)
        for space in indexes.members.spaces
    }
    return {"features": Absent(reason="no feature extractor was given")} | shares


def _evenly(values: Floats) -> tuple[float, ...]:
    ordered = np.sort(values)
    chosen = np.unique(np.linspace(0, len(ordered) - 1, HISTOGRAM).astype(int))
    return tuple(round(float(v), 4) for v in ordered[chosen])
