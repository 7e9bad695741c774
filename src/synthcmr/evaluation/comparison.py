"""What every part is given: two cohorts, settings, and a folder for what takes long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.evaluation.features.store import features_of, features_together
from synthcmr.evaluation.features.stream import Extractor, Values
from synthcmr.evaluation.groups import ComparedGroup, groups_of
from synthcmr.evaluation.settings import EvaluateSettings

if TYPE_CHECKING:
    from synthcmr.evaluation.privacy.attack_target import AttackTarget

Report = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Comparison:
    """A real and a synthetic cohort."""

    real: Cohort
    synthetic: Cohort
    out: Path
    settings: EvaluateSettings
    report: Report | None = None
    everyone: Cohort | None = None  # the real cohort with all its splits, where `real` is one of them
    attack_target: AttackTarget | None = None  # what generated the synthetic images, as far as it is at hand
    workers: int = 1  # processes, for what is trained

    @property
    def whole(self) -> Cohort:
        """The real cohort with all its splits."""
        return self.everyone or self.real

    @cached_property
    def frames(self) -> int:
        """Frames shown of an image: ED and ES where every image of both cohorts has them, else one."""
        least = min(int(c.images["n_frames"].min()) for c in (self.real, self.synthetic))
        return min(least, 2)

    def features(self, extractor: Extractor) -> tuple[Values, Values]:
        """The numbers of all real and all synthetic images."""
        return self.features_of(self.real, extractor), self.features_of(self.synthetic, extractor)

    def features_of(self, cohort: Cohort, extractor: Extractor) -> Values:
        """The numbers of all images of a cohort, computed once."""
        return features_of(cohort, extractor, self.frames, self.out, self.report)

    def prepare(self, extractors: Sequence[Extractor]) -> None:
        """Have the numbers of several extractors computed while images are read once."""
        for cohort in (self.real, self.synthetic):
            features_together(cohort, extractors, self.frames, self.out, self.report)

    @cached_property
    def groups(self) -> tuple[ComparedGroup, ...]:
        """Everybody, then the groups of each attribute, then a crossing."""
        return groups_of(self.real, self.synthetic, self.settings)


def subject_places(cohort: Cohort) -> npt.NDArray[np.intp]:
    """For each image, the row of its subject in `cohort.subjects`."""
    order = {name: k for k, name in enumerate(cohort.subjects["subject_id"])}
    return np.array([order[name] for name in cohort.images["subject_id"]], dtype=np.intp)
