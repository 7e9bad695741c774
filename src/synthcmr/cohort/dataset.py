"""A cohort as a map-style dataset for torch's DataLoader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from synthcmr.cohort.cohort import Cohort


class CohortDataset:
    """`dataset[i]` gives `image` float32 and `mask` uint8, both (frames, rows, columns), and `index` into the cohort.

    It needs no torch itself: torch's DataLoader takes any object with a length and items, and turns the arrays into
    tensors. Pixels are read on access, so memory does not grow with the cohort; it pickles into worker processes.
    """

    def __init__(self, cohort: Cohort) -> None:
        """Take the images of a cohort or of a selection from one."""
        self.cohort = cohort
        self._size = len(cohort)

    def __len__(self) -> int:
        """Number of images."""
        return self._size

    def __getitem__(self, index: int) -> dict[str, npt.NDArray[np.generic] | int]:
        """Read one image with its mask."""
        if not -self._size <= index < self._size:
            raise IndexError(f"expected an image index below {self._size}, got {index}")
        index %= self._size
        return {"image": self.cohort.image(index), "mask": self.cohort.mask(index), "index": index}
