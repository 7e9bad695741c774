"""The attacked subjects' images with what a generator would have been told of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.evaluation.privacy.figures import Floats
from synthcmr.evaluation.privacy.pile import Side
from synthcmr.training.images import TrainingImages, load_images


@dataclass(frozen=True)
class Told:
    """Images, and their conditions."""

    image: npt.NDArray[np.float32]
    conditions: list[Condition]
    subject: npt.NDArray[np.str_]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.image)


def told(side: Side, vocabulary: Vocabulary, frames: int) -> Told:
    """The images of a side; of their attributes what the generator can be told."""
    names = side.cohort.images["image_id"].to_numpy()[side.rows].tolist()
    images = load_images(side.cohort.select(image_id=names), None, frames)
    return Told(images.image.astype(np.float32), _conditions(images, vocabulary), np.asarray(images.subject))


def over_subjects(subject: npt.NDArray[np.str_], values: Floats) -> tuple[npt.NDArray[np.str_], Floats]:
    """Subjects in alphabetical order, and the mean of the values of each; values have images first."""
    names, number = np.unique(subject, return_inverse=True)
    total = np.zeros((len(names), *values.shape[1:]))
    np.add.at(total, number, values)
    count = np.bincount(number).reshape(-1, *[1] * (values.ndim - 1))
    return names, total / count


def _conditions(images: TrainingImages, vocabulary: Vocabulary) -> list[Condition]:
    return [
        Condition(mask, {k: v for k, v in attributes.items() if vocabulary.knows(k, v)})
        for mask, attributes in zip(images.mask, images.attributes, strict=True)
    ]
