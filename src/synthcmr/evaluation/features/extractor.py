"""What turns images into rows of numbers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.features.stream import Batch

Values = npt.NDArray[np.float32]


class Extractor(Protocol):
    """A row of numbers for each image; NaN where an image has none."""

    @property
    def name(self) -> str:
        """As it is called on the command line and in scores."""

    @property
    def hash(self) -> str:
        """SHA-256 of all that decides its numbers."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What the numbers are."""

    def of(self, batch: Batch) -> Values:
        """Numbers of a batch, (images, columns)."""
