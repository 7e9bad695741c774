"""What is at hand of the generator that is attacked, what it must answer, and the images that it is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.evaluation.privacy.dp_audit import PrivacyClaim
from synthcmr.evaluation.privacy.image_selection import ImageSelection, Names, Vectors
from synthcmr.evaluation.privacy.interval_estimates import Floats
from synthcmr.training.images import load_images


class AttackedGenerator(Protocol):
    """What every generator says of itself."""

    @property
    def frames(self) -> int:
        """Of every image."""
        ...

    @property
    def vocabulary(self) -> Vocabulary:
        """The attributes it can be told."""
        ...


class SamplingAccess(AttackedGenerator, Protocol):
    """A generator that can be asked for images: what the grey-box attack needs."""

    def draw(self, conditions: Sequence[Condition], seeds: Sequence[int]) -> npt.NDArray[np.float32]:
        """One image per condition and seed, (images, frames, rows, columns), 0 to 1."""
        ...


class ErrorAccess(AttackedGenerator, Protocol):
    """A generator that says how wrong it is about given images: what white-box attacks need."""

    def errors(
        self, images: npt.NDArray[np.floating], conditions: Sequence[Condition], time: float, seeds: Sequence[int]
    ) -> npt.NDArray[np.float32]:
        """The error itself, number by number, (images, channels, rows, columns).

        Of flows and diffusions: what the field says at a time between noise (0) and image (1), less what it should say; the seed decides
        the noise. Of families that know no time: of the image as it is given back.
        """
        ...


@runtime_checkable
class NoiseAccess(ErrorAccess, Protocol):
    """A generator that says which noise it believes to be in an image: what deterministic white-box attacks need beside errors."""

    def noise_estimates(
        self,
        images: npt.NDArray[np.floating],
        conditions: Sequence[Condition],
        time: float,
        noise: npt.NDArray[np.float32] | None,
    ) -> npt.NDArray[np.float32] | None:
        """Of images between noise (0) and image (1), given the noise; None as noise: none; None as answer: it knows no time."""
        ...


@dataclass(frozen=True)
class AttackTarget:
    """What is at hand of a generator. Each part is optional, and without it fewer attacks are made."""

    name: str = ""  # a hash of its weights, and of the references': with others, it is attacked anew
    sampling: SamplingAccess | None = None
    errors: ErrorAccess | None = None
    references: Sequence[ErrorAccess] = ()  # models like it that learned from others
    learned_from: tuple[str, ...] = ()  # hashes of cohorts, as far as its run tells
    claim: PrivacyClaim | None = None  # what a private run says that it did


@dataclass(frozen=True)
class ConditionedImages:
    """Images of attacked subjects, with the conditions under which a generator would make them."""

    image: Vectors
    conditions: list[Condition]
    subject: Names

    def __len__(self) -> int:
        """Number of images."""
        return len(self.image)


def load_conditioned(selection: ImageSelection, generator: AttackedGenerator) -> ConditionedImages:
    """Selected images; of their attributes those that the generator can be told."""
    images = load_images(selection.cohort.select(image_id=selection.image.tolist()), None, generator.frames)
    knows = generator.vocabulary.knows
    conditions = [
        Condition(mask, {name: value for name, value in attributes.items() if knows(name, value)})
        for mask, attributes in zip(images.mask, images.attributes, strict=True)
    ]
    return ConditionedImages(images.image.astype(np.float32), conditions, np.asarray(images.subject))


def subject_means(subject: Names, values: Floats) -> Floats:
    """The mean of the values of each subject, subjects in alphabetical order; values have images first."""
    names, number = np.unique(subject, return_inverse=True)
    total = np.zeros((len(names), *values.shape[1:]))
    np.add.at(total, number, values)
    count = np.bincount(number).reshape(-1, *[1] * (values.ndim - 1))
    return total / count
