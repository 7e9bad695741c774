"""Mean and covariance of ring profiles, of everyone and of each group, gathered in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthcmr.frequency.plane import Floats

EVERYONE = ""


@dataclass
class Moments:
    """Count, mean and scatter, which grow batch by batch (Chan et al. 1983)."""

    n: int
    mean: Floats
    scatter: Floats  # sum of outer products of deviations

    @classmethod
    def empty(cls, width: int) -> Moments:
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
    groups: dict[str, Moments] = field(default_factory=dict)
    subjects: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, set[str]] = field(default_factory=dict)

    def add(self, profiles: Floats, groups: Sequence[str], subjects: Sequence[str]) -> None:
        """Take in profiles with the group and the subject of each."""
        names = np.asarray(groups, dtype=object)
        for name in {EVERYONE, *groups}:
            rows = np.ones(len(names), dtype=bool) if name == EVERYONE else names == name
            self.groups.setdefault(name, Moments.empty(self.width)).add(profiles[rows])
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
        made = cls(arrays[f"{prefix}0"].shape[1])
        for k, told in enumerate(counts):
            name, stored = str(told["group"]), arrays[f"{prefix}{k}"]
            made.groups[name] = Moments(int(str(told["images"])), stored[0], stored[1:])
            made.subjects[name] = int(str(told["subjects"]))
        return made
