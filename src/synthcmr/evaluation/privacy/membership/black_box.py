"""Membership from the images alone: whoever was learned from may have synthetic images nearer than others have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthcmr.evaluation.privacy.copies.calibration import planted_copies
from synthcmr.evaluation.privacy.copies.copy_search import search
from synthcmr.evaluation.privacy.distances import KernelDensity, VectorScaling, kernel_density
from synthcmr.evaluation.privacy.image_index import (
    Features,
    ImageIndex,
    Report,
    SplitIndexes,
    build_index,
    index_selection,
    silent,
)
from synthcmr.evaluation.privacy.image_selection import ImageSelection, MemberSplit
from synthcmr.evaluation.privacy.interval_estimates import Floats
from synthcmr.evaluation.privacy.membership.membership_attack import (
    Attacks,
    Lookalikes,
    SideScores,
    SubjectScores,
    assess,
    divide,
    find_lookalikes,
    with_combined,
)
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings

LEAK = "noised"  # what is planted: of every other held-out subject, one image with noise


@dataclass(frozen=True)
class AttackedImages:
    """The images that are attacked, and what is known of them whatever the access."""

    members: ImageIndex
    others: ImageIndex
    alike: Lookalikes
    selections: tuple[ImageSelection, ImageSelection]  # of members, of others
    extractor: Features | None

    @property
    def space(self) -> str:
        """Where distances are taken."""
        return "pixels" if self.extractor is None else "features"


@dataclass(frozen=True)
class Proximity:
    """How near the images of one side are to the synthetic ones."""

    to_synthetic: KernelDensity
    to_reference: KernelDensity  # held-out subjects that are on neither side: how common an image is
    registered: Floats  # correlation with the best match among synthetic images after registration

    def scores(self, index: ImageIndex) -> SubjectScores:
        """One number for each subject and attack."""
        near, common = self.to_synthetic, self.to_reference
        return {
            "nearest synthetic image": _by_subject(index, -near.nearest, np.mean),
            "nearest, against the nearest held-out image": _by_subject(index, common.nearest - near.nearest, np.mean),
            "Monte Carlo": _by_subject(index, near.within, np.mean),
            "density ratio": _by_subject(index, near.density - common.density, np.mean),
            "registered": _by_subject(index, self.registered, np.max),
        }


def sample_attacked(
    split: MemberSplit, settings: PrivacyPartSettings, work: Path, extractor: Features | None
) -> AttackedImages:
    """Some subjects of either side, with the same number of images each where they have them."""
    own = settings.membership
    members, others = (side.sample(own.subjects, own.images, settings.seed) for side in (split.members, split.judged))
    member_index = index_selection(members, work / "attacked-members", extractor)
    other_index = index_selection(others, work / "attacked-others", extractor)
    alike = find_lookalikes(member_index, other_index, "pixels" if extractor is None else "features", settings.seed)
    return AttackedImages(member_index, other_index, alike, (members, others), extractor)


def black_box(
    attacked: AttackedImages,
    indexes: SplitIndexes,
    settings: PrivacyPartSettings,
    work: Path,
    report: Report = silent,
) -> Attacks:
    """All attacks on images alone; what is planted lies in a folder of `work`."""
    measure = _ProximityMeasure(attacked, indexes, settings)
    proximity = []
    for k, index in enumerate((attacked.members, attacked.others)):
        proximity.append(measure(index))
        report(k + 1, 2, "attacking from images alone")
    member, other = proximity
    scores = member.scores(attacked.members), other.scores(attacked.others)
    planted = _plant_leak(attacked, measure, other, work, settings)
    scores, planted = (with_combined(sides, sides, settings.seed) for sides in (scores, planted))
    return assess("images", scores, planted, attacked.members.subjects.tolist(), attacked.alike, settings)


def _by_subject(index: ImageIndex, values: Floats, summary: Callable[[Floats], np.floating]) -> Floats:
    """The mean, or the most, of each subject's images, in the order of `index.subjects`."""
    return np.array([float(summary(values[index.subject == name])) for name in index.subjects])


class _ProximityMeasure:
    """How near images are to the synthetic ones and to the reference, always by the same measure."""

    def __init__(self, attacked: AttackedImages, indexes: SplitIndexes, settings: PrivacyPartSettings) -> None:
        self.synthetic, self.reference, self.space = indexes.synthetic, indexes.reference, attacked.space
        self.search, self.scaling = settings.copies.search, VectorScaling.of(indexes.members, self.space)
        first = kernel_density(self.reference, self.synthetic, self.space, self.scaling, width=1.0)
        self.width = float(np.median(first.nearest)) or 1.0  # Hilprecht et al.'s heuristic, from neither side

    def __call__(self, index: ImageIndex) -> Proximity:
        to_synthetic, to_reference = (self.density(index, keys) for keys in (self.synthetic, self.reference))
        return Proximity(to_synthetic, to_reference, self.registered(index, self.synthetic))

    def density(self, index: ImageIndex, keys: ImageIndex) -> KernelDensity:
        """By distances to a set."""
        return kernel_density(index, keys, self.space, self.scaling, self.width)

    def registered(self, index: ImageIndex, keys: ImageIndex) -> Floats:
        """Correlation with the best match of a set after registration."""
        return search(index, keys, self.search).correlations


def _plant_leak(
    attacked: AttackedImages, measure: _ProximityMeasure, before: Proximity, work: Path, settings: PrivacyPartSettings
) -> SideScores:
    """Scores of held-out subjects of whom an image was planted among the synthetic ones, and of the rest."""
    others = attacked.others
    names = np.random.default_rng([settings.seed, 8]).permutation(others.subjects)
    leaked = np.isin(others.subjects, names[: len(names) // 2])
    some = attacked.selections[1].of_subjects(others.subjects[leaked]).sample(len(names), 1, settings.seed)
    copies = planted_copies(some.blocks(), LEAK, settings.seed)
    leak = build_index(work / "leak", copies, some.subject, some.subject, attacked.extractor)
    after = Proximity(
        before.to_synthetic.joined(measure.density(others, leak)),
        before.to_reference,
        np.maximum(before.registered, measure.registered(others, leak)),
    )
    return divide(after.scores(others), leaked)
