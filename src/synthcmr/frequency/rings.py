"""Power of images by frequency, in rings of equal width; mean and covariance of such profiles, gathered in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from synthcmr.errors import SettingsError
from synthcmr.frequency.fourier import Floats, Plane, Spectra

EVERYONE = ""


@dataclass
class RingMoments:
    """Count, mean and scatter, which grow batch by batch (Chan et al. 1983)."""

    n: int
    mean: Floats
    scatter: Floats  # sum of outer products of deviations

    @classmethod
    def empty(cls, width: int) -> RingMoments:
        """Of nothing yet."""
        return cls(0, np.zeros(width), np.zeros((width, width)))

    def add(self, rows: Floats) -> None:
        """Take further profiles in, (profiles, rings)."""
        if not len(rows):
            return
        mean = rows.mean(axis=0)
        centred, step, n = rows - mean, mean - self.mean, self.n + len(rows)
        self.scatter += centred.T @ centred + np.outer(step, step) * (self.n * len(rows) / n)
        self.mean = self.mean + step * (len(rows) / n)
        self.n = n

    @property
    def covariance(self) -> Floats:
        """Between rings; zero where a single profile was seen."""
        return self.scatter / max(self.n - 1, 1)


@dataclass(frozen=True)
class Profile:
    """What ring profiles of a group are like."""

    mean: Floats
    covariance: Floats

    @property
    def spread(self) -> Floats:
        """Standard deviation of each ring."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0))


@dataclass
class GroupMoments:
    """Moments of everyone (under the empty name) and of each group, and how many subjects each has."""

    width: int
    groups: dict[str, RingMoments] = field(default_factory=dict)
    subjects: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, set[str]] = field(default_factory=dict)

    def add(self, profiles: Floats, groups: Sequence[str], subjects: Sequence[str]) -> None:
        """Take in profiles with the group and the subject of each."""
        names = np.asarray(groups, dtype=object)
        for name in {EVERYONE, *groups}:
            rows = np.ones(len(names), dtype=bool) if name == EVERYONE else names == name
            self.groups.setdefault(name, RingMoments.empty(self.width)).add(profiles[rows])
            seen = self._seen.setdefault(name, set())
            seen.update(s for s, mine in zip(subjects, rows, strict=True) if mine)
            self.subjects[name] = len(seen)

    @property
    def named(self) -> list[str]:
        """The groups, without everyone."""
        return sorted(name for name in self.groups if name != EVERYONE)

    def weight(self, group: str, shrinkage: float) -> float:
        """How far a group speaks for itself: n / (n + k)."""
        n = self.subjects.get(group, 0)
        return n / (n + shrinkage) if n and group != EVERYONE else 0.0

    def profile(self, group: str, weight: float) -> Profile:
        """A group's profile, drawn towards everyone's."""
        everyone = self.groups[EVERYONE]
        if group not in self.groups or weight == 0:
            return Profile(everyone.mean, everyone.covariance)
        own = self.groups[group]
        mean = weight * own.mean + (1 - weight) * everyone.mean
        return Profile(mean, weight * own.covariance + (1 - weight) * everyone.covariance)

    def arrays(self, prefix: str) -> Iterator[tuple[str, Floats]]:
        """Everything as arrays by name, to be stored."""
        for k, name in enumerate([EVERYONE, *self.named]):
            one = self.groups[name]
            yield f"{prefix}{k}", np.vstack([one.mean, one.scatter])

    def counts(self) -> list[dict[str, object]]:
        """Names and numbers of what `arrays` holds, in the same order."""
        return [
            {"group": name, "images": self.groups[name].n, "subjects": self.subjects[name]}
            for name in [EVERYONE, *self.named]
        ]

    @classmethod
    def of(cls, arrays: Mapping[str, Floats], prefix: str, counts: Sequence[Mapping[str, object]]) -> GroupMoments:
        """From what `arrays` and `counts` gave."""
        moments = cls(arrays[f"{prefix}0"].shape[1])
        for k, record in enumerate(counts):
            name, stored = str(record["group"]), arrays[f"{prefix}{k}"]
            moments.groups[name] = RingMoments(int(str(record["images"])), stored[0], stored[1:])
            moments.subjects[name] = int(str(record["subjects"]))
        return moments


LEAST = 1e-12  # power below which a frequency is taken to be empty
OUTER = 0.96  # of the way to the corner: the few frequencies beyond belong to the last ring
MOST = 64


@dataclass(frozen=True)
class Rings:
    """Rings of equal width from zero frequency to the corner of the plane.

    The same rings serve images of other sizes and pixels, because radii are in cycles per millimetre (or per pixel where no
    spacing is known) and power is a density.
    """

    count: int
    highest: float  # outer edge of the last ring but for the corner
    unit: Literal["mm", "pixel"]

    @classmethod
    def of(cls, plane: Plane, count: int | None = None) -> Self:
        """Rings that suit images of one size: at most one for each frequency along the shorter side."""
        return cls(count or min(MOST, min(plane.rows, plane.columns) // 2), OUTER * plane.corner, plane.unit)

    @property
    def centres(self) -> Floats:
        """Radius in the middle of each ring."""
        return (np.arange(self.count) + 0.5) * self.highest / self.count

    def log_power(self, spectra: Spectra) -> Floats:
        """Log of the mean power density in each ring, (images, rings); a ring that an image lacks is taken from its neighbours."""
        return np.log(np.maximum(self.mean(spectra.power, spectra.plane) * spectra.plane.area, LEAST))

    def mean(self, values: Floats, plane: Plane) -> Floats:
        """Mean over each ring of the whole plane, (images, rows, half) to (images, rings)."""
        self.check(plane)
        matrix, _, known = _means(self, plane)
        return _filled((matrix @ values.reshape(len(values), -1).T).T, known)

    def mass(self, plane: Plane) -> Floats:
        """How many frequencies of the whole plane lie in each ring."""
        counts: Floats = _means(self, plane)[1]
        return counts

    def ring_of(self, plane: Plane) -> npt.NDArray[np.intp]:
        """The ring of every frequency, (rows, half)."""
        return np.minimum(plane.radius / self.highest * self.count, self.count - 1).astype(np.intp)

    def on_plane(self, profile: Floats, plane: Plane) -> Floats:
        """Values of rings at every frequency, on straight lines between the middles of rings: (..., rings) to (..., rows, half)."""
        low, share = _places(self, plane)
        interpolated: Floats = profile[..., low] * (1 - share) + profile[..., low + 1] * share
        return interpolated

    def check(self, plane: Plane) -> None:
        """Refuse to take pixels for millimetres.

        Raises:
            SettingsError: one side knows the pixel spacing and the other does not.
        """
        if plane.unit != self.unit:
            raise SettingsError(
                f"expected images whose frequencies count in cycles per {self.unit}, got cycles per {plane.unit}: the pixel "
                "spacing is known on one side only; state it with --spacing"
            )

    def row(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@lru_cache(maxsize=32)
def _means(rings: Rings, plane: Plane) -> tuple[Any, Floats, npt.NDArray[np.bool_]]:
    """The sparse matrix that takes values to their means in rings, frequencies in each, and which have any. Zero is in none."""
    from scipy.sparse import csr_array

    which = rings.ring_of(plane).ravel()
    weight = np.broadcast_to(plane.weight, plane.radius.shape).ravel().copy()
    weight[0] = 0.0
    total = np.bincount(which, weight, minlength=rings.count).astype(np.float64)
    share = weight / np.maximum(total[which], 1.0)
    matrix = csr_array((share, (which, np.arange(which.size))), shape=(rings.count, which.size))
    return matrix, total, total > 0


@lru_cache(maxsize=32)
def _places(rings: Rings, plane: Plane) -> tuple[npt.NDArray[np.intp], Floats]:
    """Between which rings each frequency lies, and how far on the way; beyond the outer ones, their values hold."""
    place = np.clip(plane.radius / rings.highest * rings.count - 0.5, 0, rings.count - 1)
    low = np.minimum(place.astype(np.intp), max(rings.count - 2, 0))
    return low, place - low


def _filled(profile: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    if known.all():
        return profile
    there, every = np.flatnonzero(known), np.arange(len(known))
    return np.stack([np.interp(every, there, row[there]) for row in profile])
