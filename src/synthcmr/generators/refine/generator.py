"""The refine family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import LOOK, Condition
from synthcmr.generators.conditional.generator import ConditionalGenerator
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.family_settings import REFINE_PRESETS, RefineSettings
from synthcmr.generators.refine.network import RefineNetwork
from synthcmr.generators.refine.training_task import (
    RefineTrainee,
    frame_weights,
    load_frame_splits,
    look_counts,
    usual_look,
)
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.images import TrainingImages
from synthcmr.training.settings import LoopSettings


class RefineGenerator(ConditionalGenerator[RefineNetwork]):
    """A phantom of whoever is asked for, finished by a network that learned the looks of images."""

    family = "refine"
    settings_kind = RefineSettings
    network_kind: ClassVar[type[Any]] = RefineNetwork
    trainee_kind = RefineTrainee
    presets: ClassVar[Presets] = REFINE_PRESETS

    @classmethod
    def images(cls, cohort: Cohort, settings: RefineSettings) -> tuple[TrainingImages, TrainingImages | None]:
        """Every frame is an image of its own."""
        return load_frame_splits(cohort)

    @classmethod
    def weights(
        cls, training: TrainingImages, settings: RefineSettings, loop: LoopSettings
    ) -> npt.NDArray[np.float64] | None:
        """Phantoms make up a share of what is seen, however many there are; otherwise as the loop balances."""
        if loop.balance:
            return super().weights(training, settings, loop)
        return frame_weights(training, settings.phantoms)

    @classmethod
    def header(cls, training: TrainingImages) -> dict[str, Any]:
        """Which looks were learned, and of how many frames."""
        return {"looks": look_counts(training)}

    @property
    def looks(self) -> tuple[str, ...]:
        """The looks it can give."""
        return tuple(self._look_counts)

    @property
    def usual_look(self) -> str:
        """The look it gives where none is requested."""
        return usual_look(self._look_counts) if self._look_counts else ""

    @property
    def usual_begin(self) -> float:
        """Where on the way phantoms begin, unless asked otherwise."""
        return self.network.settings.begin

    def sample(
        self, conditions: Sequence[Condition], seeds: Sequence[int], settings: SamplerSettings
    ) -> npt.NDArray[np.float32]:
        """One image per condition and seed; in the look of real images where none is asked."""
        return super().sample([self._with_look(c) for c in conditions], seeds, settings)

    def errors(
        self, images: npt.NDArray[np.floating], conditions: Sequence[Condition], time: float, seeds: Sequence[int]
    ) -> npt.NDArray[np.float32]:
        """How wrong it is about given images, number by number; on the part of the way that it learned."""
        later = max(time, self.network.settings.earliest)
        return super().errors(images, [self._with_look(c) for c in conditions], later, seeds)

    def noise_estimates(
        self,
        images: npt.NDArray[np.floating],
        conditions: Sequence[Condition],
        time: float,
        noise: npt.NDArray[np.float32] | None,
    ) -> npt.NDArray[np.float32] | None:
        """The noise that it believes to be in images; on the part of the way that it learned."""
        later = max(time, self.network.settings.earliest)
        return super().noise_estimates(images, [self._with_look(c) for c in conditions], later, noise)

    @property
    def _look_counts(self) -> dict[str, int]:
        known = self.facts.get("looks")
        return {str(k): int(v) for k, v in known.items()} if isinstance(known, dict) else {}

    def _with_look(self, condition: Condition) -> Condition:
        if LOOK in condition.attributes or not self._look_counts:
            return condition
        return replace(condition, attributes={**condition.attributes, LOOK: self.usual_look})
