"""What a generator must answer for attacks that ask it, or look inside; whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary


class Answers(Protocol):
    """A generator that can be asked for images: what the grey-box attack needs."""

    @property
    def frames(self) -> int:
        """Of every image."""
        ...

    @property
    def vocabulary(self) -> Vocabulary:
        """The attributes it can be told."""
        ...

    def draw(self, conditions: Sequence[Condition], seeds: Sequence[int]) -> npt.NDArray[np.float32]:
        """One image per condition and seed, (images, frames, rows, columns), 0 to 1."""
        ...


class TellsErrors(Protocol):
    """A generator that says how wrong it is about given images: what white-box attacks need."""

    @property
    def frames(self) -> int:
        """Of every image."""
        ...

    @property
    def vocabulary(self) -> Vocabulary:
        """The attributes it can be told."""
        ...

    def errors(
        self, images: npt.NDArray[np.floating], conditions: Sequence[Condition], time: float, seeds: Sequence[int]
    ) -> npt.NDArray[np.float32]:
        """The error itself, number by number, (images, channels, rows, columns).

        Of flows and diffusions: what the field says at a time between noise (0) and image (1), less what it should say; the seed decides
        the noise. Of families that know no time: of the image as it is given back.
        """
        ...
