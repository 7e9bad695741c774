"""Small fingerprints of training images, so that a near-copy among generated ones is found without the training data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.array_file import arrays_of
from synthcmr.training.images import TrainingImages

NAME = "fingerprints.npz"
SIDE = 8  # of a fingerprint, per frame
MIDDLE = 0.75  # share of the image that is compared
BLOCK = 2048
COMPARED = 2000  # images at most that are compared with those of other subjects


@dataclass(frozen=True)
class Fingerprints:
    """What was trained on, and how alike independent images get."""

    prints: npt.NDArray[np.int8]  # (images, frames x SIDE x SIDE)
    limit: float  # correlation that no real image of another subject reached with any training image

    @classmethod
    def of(cls, training: TrainingImages, held_out: TrainingImages | None) -> Fingerprints:
        """Take the fingerprints of training images.

        How alike independent images get is measured on held-out subjects, or else between training subjects.
        """
        prints = np.concatenate(
            [_quantised(fingerprint(training.image[k : k + BLOCK])) for k in range(0, len(training), BLOCK)]
        )
        mine = cls(prints, 1.0)
        alike = mine.between(training.subject) if held_out is None else mine.nearest(held_out.image)
        return cls(prints, float(alike.max(initial=0.0)))

    def between(self, subject: Sequence[str]) -> npt.NDArray[np.float32]:
        """Correlation of training images, evenly from all of them, with the most similar one of another subject.

        Args:
            subject: of each training image.
        """
        known, owner = self._units(), np.asarray(subject)
        chosen = np.arange(0, len(known), -(-len(known) // COMPARED))
        alike = known[chosen] @ known.T
        alike[owner[chosen][:, None] == owner[None, :]] = 0.0
        nearest: npt.NDArray[np.float32] = alike.max(axis=1)
        return nearest

    def _units(self) -> npt.NDArray[np.float32]:
        known = self.prints.astype(np.float32)
        units: npt.NDArray[np.float32] = known / (np.linalg.norm(known, axis=1, keepdims=True) + 1e-6)
        return units

    @property
    def frames(self) -> int:
        """Of each image that was fingerprinted."""
        return int(self.prints.shape[1] // SIDE**2)

    def fits(self, image: npt.NDArray[np.floating]) -> bool:
        """Whether images have as many frames as those that were fingerprinted, or can be taken frame by frame."""
        return self.frames in (1, image.shape[1])

    def nearest(self, image: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Correlation of each image with the most similar training image; of frames, where these were fingerprinted, the highest.

        Args:
            image: (images, frames, rows, columns).
        """
        if self.frames == 1 < image.shape[1]:
            frames = image.reshape(-1, 1, *image.shape[2:])
            return self.nearest(frames).reshape(image.shape[:2]).max(axis=1)
        known = self._units()
        nearest: npt.NDArray[np.float32] = np.concatenate(
            [(fingerprint(image[k : k + 256]) @ known.T).max(axis=1) for k in range(0, len(image), 256)]
        )
        return nearest

    def save(self, path: Path) -> None:
        """Write them."""
        with path.open("wb") as file:
            np.savez_compressed(file, prints=self.prints, limit=np.float64(self.limit))

    @classmethod
    def load(cls, path: Path) -> Fingerprints | None:
        """Read them; None where there are none."""
        if not path.exists():
            return None
        arrays = arrays_of(path.read_bytes(), path, "prints", "limit", what="fingerprints")
        return cls(arrays["prints"], float(arrays["limit"]))


def fingerprint(image: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Block means of the middle of every frame, standardised to unit length, (images, frames x SIDE x SIDE)."""
    n, frames, rows, columns = image.shape
    tall, wide = (int(side * MIDDLE) // SIDE * SIDE for side in (rows, columns))
    top, left = (rows - tall) // 2, (columns - wide) // 2
    middle = image[:, :, top : top + tall, left : left + wide].astype(np.float32)
    blocks = middle.reshape(n, frames, SIDE, tall // SIDE, SIDE, wide // SIDE).mean(axis=(3, 5))
    flat = blocks.reshape(n, -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6)
    return unit


def _quantised(prints: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    scaled = prints / (np.abs(prints).max(axis=1, keepdims=True) + 1e-6) * 127
    return np.rint(scaled).astype(np.int8)
