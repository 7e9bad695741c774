"""What models are asked about the images of one side: errors by time, deterministic errors, and how complex each image is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.privacy.attack_target import ConditionedImages, ErrorAccess
from synthcmr.evaluation.privacy.image_selection import Names, Vectors
from synthcmr.evaluation.privacy.interval_estimates import Floats
from synthcmr.evaluation.privacy.membership.deterministic_errors import DeterministicErrors, deterministic_errors
from synthcmr.evaluation.privacy.membership.error_power import LEAST_POWER, Band, log_power
from synthcmr.evaluation.privacy.settings import MembershipSettings

BATCH = 16


@dataclass(frozen=True)
class ModelErrors:
    """Logarithms of the mean squared errors of one model about some images."""

    whole: Floats  # over all frequencies, (images, times)
    middle: Floats  # over the middle band, (images, times)
    deterministic: DeterministicErrors | None = None  # of a model that knows time

    def at(self, rows: npt.NDArray[np.bool_]) -> ModelErrors:
        """Of some images."""
        own = self.deterministic
        some = None if own is None else DeterministicErrors(own.proximal[rows], own.step[rows])
        return ModelErrors(self.whole[rows], self.middle[rows], some)

    def lowered(self, by: float) -> ModelErrors:
        """As they would be if the model knew the images that much better."""
        change, own = np.log1p(-by), self.deterministic
        better = None if own is None else DeterministicErrors(own.proximal + change, own.step + change)
        return ModelErrors(self.whole + change, self.middle + change, better)


@dataclass(frozen=True)
class SideErrors:
    """What all models say of the images of one side, always with the same noise."""

    subject: Names
    times: Floats
    complexity: Floats  # (images, 2)
    model: ModelErrors  # that is attacked
    references: tuple[ModelErrors, ...] = ()  # models like it that learned from others

    def at(self, rows: npt.NDArray[np.bool_]) -> SideErrors:
        """Of some images."""
        references = tuple(errors.at(rows) for errors in self.references)
        return SideErrors(self.subject[rows], self.times, self.complexity[rows], self.model.at(rows), references)

    def lowered(self, by: float) -> SideErrors:
        """As they would be if the attacked model knew the images that much better."""
        return replace(self, model=self.model.lowered(by))

    def of_reference(self, number: int) -> SideErrors:
        """As if a reference model were attacked, without references."""
        return replace(self, model=self.references[number], references=())

    @property
    def log_ratio(self) -> Floats:
        """How much less wrong the model is than the reference models are, on average: log p(x | model) - log p(x), but for a factor."""
        return np.mean([errors.whole for errors in self.references], axis=0) - self.model.whole


def side_errors(
    images: ConditionedImages,
    by_reference: Sequence[ConditionedImages],
    model: ErrorAccess,
    references: Sequence[ErrorAccess],
    settings: MembershipSettings,
    seed: int,
) -> SideErrors:
    """Ask all models about the images of a side.

    Args:
        images: with the conditions that the attacked model knows.
        by_reference: the same images with those that each reference model knows.
        model: that is attacked.
        references: models like it that learned from others.
        settings: of times and noises.
        seed: of the noise.
    """
    return SideErrors(
        subject=images.subject,
        times=np.array(settings.times),
        complexity=complexity(images.image),
        model=_model_errors(images, model, settings, seed),
        references=tuple(
            _model_errors(own, reference, settings, seed)
            for own, reference in zip(by_reference, references, strict=True)
        ),
    )


def complexity(images: Vectors) -> Floats:
    """How hard images are for any model: logarithms of the mean square of their slopes and of their variance, (images, 2)."""
    slopes = sum(np.square(slope).mean(axis=(1, 2, 3)) for slope in np.gradient(images.astype(np.float64), axis=(2, 3)))
    return np.log(np.stack([slopes, images.var(axis=(1, 2, 3), dtype=np.float64)], axis=1) + LEAST_POWER)


def _model_errors(
    images: ConditionedImages, model: ErrorAccess, settings: MembershipSettings, seed: int
) -> ModelErrors:
    """Errors of one model, some images at a time."""
    bands: tuple[Band | None, Band] = (None, settings.band)
    errors, parts = np.zeros((2, len(images), len(settings.times))), []
    for start in range(0, len(images), BATCH):
        some = slice(start, start + BATCH)
        pixels, conditions = images.image[some], images.conditions[some]
        parts.append(deterministic_errors(pixels, conditions, model))
        for t, time in enumerate(settings.times):
            for noise in range(settings.noises):
                seeds = [seed + settings.noises * (start + i) + noise for i in range(len(pixels))]
                error = model.errors(pixels, conditions, time, seeds)
                errors[:, some, t] += np.array([log_power(error, band) for band in bands]) / settings.noises
    known = [part for part in parts if part is not None]
    joined = DeterministicErrors(*(np.concatenate(values) for values in zip(*known, strict=True))) if known else None
    return ModelErrors(errors[0], errors[1], joined)
