"""What every family of generators offers: two methods, and its own settings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.config import Settings
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.loop import Observer
from synthcmr.training.settings import LoopSettings


@runtime_checkable
class Redraws(Protocol):
    """A generator that can show given images as another scanner, or of another patient, would have them."""

    def redraw(
        self,
        images: npt.NDArray[np.floating],
        before: Sequence[Condition],
        after: Sequence[Condition],
        settings: SamplerSettings,
    ) -> npt.NDArray[np.float32]:
        """Images, (images, frames, rows, columns), 0 to 1, as they would be under other conditions."""
        ...


@runtime_checkable
class Refines(Protocol):
    """A generator that finishes an image that it is given, such as a phantom, instead of drawing from noise."""

    usual_begin: float  # where on the way from noise (0) to image (1) the image is taken up, unless asked otherwise
    usual_look: str  # whose images they look like, unless asked otherwise
    looks: tuple[str, ...]  # that can be asked for


def refines(generator: object) -> bool:
    """Whether a generator finishes images."""
    return isinstance(generator, Refines)


class Generator(Protocol):
    """A trained family. `fit` makes one in a run folder, `sample` draws images from it."""

    family: str
    frames: int  # of every image
    multiple: int  # rows and columns of masks must be a multiple of this
    vocabulary: Vocabulary  # the attributes that condition it
    hash: str  # of its weights
    facts: dict[str, object]  # what it was trained on, and for how long

    @classmethod
    def settings(cls, preset: str) -> tuple[Settings, LoopSettings]:
        """Model and loop settings of a preset: cpu, 8g, 24g or 80g."""
        ...

    @classmethod
    def fit(
        cls, cohort: Cohort, run: Path, model: Settings, loop: LoopSettings, observe: Observer | None = None
    ) -> Self:
        """Train in a run folder; a run that was cut short goes on."""
        ...

    def sample(
        self, conditions: Sequence[Condition], seeds: Sequence[int], settings: SamplerSettings
    ) -> npt.NDArray[np.float32]:
        """One image per condition and seed, (images, frames, rows, columns), 0 to 1; independent of what is drawn with it."""
        ...

    @classmethod
    def load(cls, weights: Path) -> Self:
        """Load the weights of a finished or unfinished run."""
        ...
