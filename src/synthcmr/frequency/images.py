"""Where images come from: a cohort, a folder of files, or arrays. All look the same from here on, and each has its own randomness."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from synthcmr.frequency.fourier import Floats, Plane
from synthcmr.frequency.rings import EVERYONE


def rng_of(seed: int, *words: object) -> np.random.Generator:
    """A source of random numbers for a seed and a name."""
    digest = hashlib.blake2b("/".join(map(str, words)).encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest)])


FRAMES_AT_ONCE = 64
SPACING_DIGITS = 6
LOW, HIGH = 0.5, 99.5  # percentiles that become 0 and 1, as at ingest


@dataclass(frozen=True)
class Item:
    """One image with its frames, in the scale in which images are compared."""

    name: str
    subject: str
    frames: npt.NDArray[np.floating]  # (frames, rows, columns)
    spacing_mm: tuple[float, float] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    ends: tuple[float, float] | None = None  # values that it cannot go below, or above; None: what `limits` says

    @property
    def plane(self) -> Plane:
        """Its frequencies; pixels that differ by rounding alone are alike."""
        dy, dx = self.spacing_mm or (None, None)
        spacing = None if dy is None or dx is None else (round(dy, SPACING_DIGITS), round(dx, SPACING_DIGITS))
        return Plane(self.frames.shape[1], self.frames.shape[2], spacing)

    @property
    def refused(self) -> str | None:
        """Why it holds no image; None where it does."""
        if not self.frames.size:
            return "it has no pixels"
        if min(self.frames.shape[1:]) < 8:
            return f"expected at least 8 x 8 pixels, got {self.frames.shape[1]} x {self.frames.shape[2]}"
        if not np.isfinite(self.frames).all():
            return f"expected finite intensities, got {int((~np.isfinite(self.frames)).sum())} NaN or infinite pixels"
        flat = np.ptp(self.frames, axis=(1, 2)) == 0
        if flat.any():
            return f"expected an image, got the same value everywhere in {int(flat.sum())} of {len(flat)} frame(s)"
        return None


class Images(Protocol):
    """A set of images that can be walked through more than once."""

    def __iter__(self) -> Iterator[Item]:
        """One after another; memory holds few at a time."""
        ...

    def __len__(self) -> int:
        """How many there are."""
        ...

    @property
    def hash(self) -> str:
        """Tells one set from another."""
        ...


@dataclass(frozen=True)
class ImageBatch:
    """Frames of one size, changed together."""

    images: Floats  # (frames, rows, columns)
    plane: Plane
    names: list[str]  # of each frame
    subjects: list[str]
    groups: list[str]
    low: Floats  # of each frame, (frames, 1, 1): values that its image cannot go below, or above
    high: Floats

    def with_images(self, images: Floats) -> ImageBatch:
        """The same frames with other pixels."""
        return replace(self, images=images)

    def cut(self, images: Floats) -> Floats:
        """Images with what lies outside of their range cut off."""
        cut: Floats = np.clip(images, self.low, self.high)
        return cut


def batches(
    items: Iterable[Item], by: Sequence[str], at_once: int = FRAMES_AT_ONCE
) -> Iterator[tuple[list[Item], ImageBatch]]:
    """Items that follow each other and have one size, together; those that hold no image are left out."""
    waiting: list[Item] = []
    for item in items:
        if item.refused:
            continue
        held = sum(len(i.frames) for i in waiting)
        if waiting and (waiting[0].plane != item.plane or held + len(item.frames) > at_once):
            yield waiting, batch_of(waiting, by)
            waiting = []
        waiting.append(item)
    if waiting:
        yield waiting, batch_of(waiting, by)


def batch_of(items: Sequence[Item], by: Sequence[str]) -> ImageBatch:
    """The frames of some items."""
    each = [i for i in items for _ in i.frames]
    low, high = np.array([i.ends or limits(i.frames) for i in items for _ in i.frames]).T
    return ImageBatch(
        np.concatenate([i.frames for i in items]).astype(np.float64),
        items[0].plane,
        [f"{i.name}#{k}" for i in items for k in range(len(i.frames))],
        [i.subject for i in each],
        [group_of(i.attributes, by) for i in each],
        low[:, None, None],
        high[:, None, None],
    )


def limits(frames: npt.NDArray[np.floating]) -> tuple[float, float]:
    """The range that an image's values can have: from 0 where none is negative, to 1 where none is larger."""
    return (0.0 if frames.min() >= 0 else -np.inf), (1.0 if frames.max() <= 1 else np.inf)


def group_of(attributes: dict[str, Any], by: Sequence[str]) -> str:
    """The name of the group, such as "Philips, 3.0"; everyone where an attribute is missing."""
    values = [attributes.get(name) for name in by]
    known = values and all(v is not None and v == v for v in values)
    return ", ".join(map(str, values)) if known else EVERYONE


def percentile_range(frames: npt.NDArray[np.generic]) -> tuple[float, float]:
    """Robust range of an image whose values have no scale of their own."""
    low, high = np.percentile(np.asarray(frames, dtype=np.float64), (LOW, HIGH))
    if not high > low:
        low, high = float(np.min(frames)), float(np.max(frames))
    return float(low), float(high)


def noting(images: Iterable[Item], refused: dict[str, str]) -> Iterator[Item]:
    """The same images; those that hold none are noted with the reason on the way."""
    for item in images:
        if (why := item.refused) is not None:
            refused[item.name] = why
        yield item
