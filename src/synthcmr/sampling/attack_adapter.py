"""A generator as the attacks on its privacy meet it: for images with the sampler that made the cohort, and for its errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.generators.interface import Generator
from synthcmr.generators.sampler import SamplerSettings


class _Errors(Protocol):
    def errors(
        self, images: npt.NDArray[np.floating], conditions: Sequence[Condition], time: float, seeds: Sequence[int]
    ) -> npt.NDArray[np.float32]: ...


class _NoiseEstimates(Protocol):
    def noise_estimates(
        self,
        images: npt.NDArray[np.floating],
        conditions: Sequence[Condition],
        time: float,
        noise: npt.NDArray[np.float32] | None,
    ) -> npt.NDArray[np.float32] | None: ...


@dataclass(frozen=True)
class Answering:
    """A generator and how it is sampled."""

    generator: Generator
    sampler: SamplerSettings

    @property
    def frames(self) -> int:
        """Of every image."""
        return self.generator.frames

    @property
    def vocabulary(self) -> Vocabulary:
        """The attributes that can be conditions."""
        return self.generator.vocabulary

    def draw(self, conditions: Sequence[Condition], seeds: Sequence[int]) -> npt.NDArray[np.float32]:
        """One image per condition and seed, (images, frames, rows, columns), 0 to 1."""
        return self.generator.sample(conditions, seeds, self.sampler)

    def errors(
        self, images: npt.NDArray[np.floating], conditions: Sequence[Condition], time: float, seeds: Sequence[int]
    ) -> npt.NDArray[np.float32]:
        """How wrong it is about given images, number by number.

        Raises:
            SettingsError: it does not tell.
        """
        if not hasattr(self.generator, "errors"):
            raise SettingsError(
                f"family '{self.generator.family}': expected one with a method 'errors', which this one lacks"
            )
        return cast(_Errors, self.generator).errors(images, conditions, time, seeds)

    def noise_estimates(
        self,
        images: npt.NDArray[np.floating],
        conditions: Sequence[Condition],
        time: float,
        noise: npt.NDArray[np.float32] | None,
    ) -> npt.NDArray[np.float32] | None:
        """The noise that it believes to be in images with given noise; None: it does not tell, or knows no time."""
        if not hasattr(self.generator, "noise_estimates"):
            return None
        return cast(_NoiseEstimates, self.generator).noise_estimates(images, conditions, time, noise)
