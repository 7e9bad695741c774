"""Mechanisms: noise that hides one subject. Neighbours differ in one subject, added or removed, with all of its images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

UNIT = "subject"
RELATION = "add or remove one subject, with all of its images"


@dataclass(frozen=True)
class GaussianMechanism:
    """Sums of subjects with Gaussian noise; each subject takes part with a chance of its own (Poisson sampling)."""

    kind: ClassVar[str] = "gaussian"

    sigma: float  # standard deviation of the noise over the most that one subject changes a sum by
    q: float = 1.0  # chance of a subject to take part in a sum
    releases: int = 1  # sums that are made

    @property
    def words(self) -> str:
        """Such as "sampled Gaussian, sigma 1.1, q 0.1, 500 releases"."""
        if self.q == 1.0 and self.releases == 1:
            return f"Gaussian, sigma {self.sigma:.4g}"
        return f"Poisson-sampled Gaussian, sigma {self.sigma:.4g}, q {self.q:.4g}, {self.releases} releases"


@dataclass(frozen=True)
class LaplaceMechanism:
    """A count or sum with Laplace noise."""

    kind: ClassVar[str] = "laplace"

    scale: float  # of the noise over the most that one subject changes the number by

    @property
    def words(self) -> str:
        """Such as "Laplace, scale 1.25"."""
        return f"Laplace, scale {self.scale:.4g}"


Mechanism = GaussianMechanism | LaplaceMechanism
KINDS: dict[str, type[GaussianMechanism | LaplaceMechanism]] = {
    kind.kind: kind for kind in (GaussianMechanism, LaplaceMechanism)
}


def mechanism_row(mechanism: Mechanism) -> dict[str, Any]:
    """As plain values."""
    return {"kind": mechanism.kind, **asdict(mechanism)}


def mechanism_of(row: Mapping[str, Any]) -> Mechanism:
    """From what `mechanism_row` gave.

    Raises:
        KeyError: it is of no kind that this version knows.
        TypeError: a number of it is missing.
    """
    return KINDS[str(row["kind"])](**{name: value for name, value in row.items() if name != "kind"})
