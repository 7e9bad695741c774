"""What hearts measure and how they are shaped, given who the person is: Gaussians that can be conditioned exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.generators.anatomy.settings import AnatomySettings

Floats = npt.NDArray[np.float64]
MEASURES = ("lv_edv_ml", "lv_ef_percent", "lv_mass_g", "rv_edv_ml", "rv_ef_percent", "wall_max_mm")
FRACTIONS = ("lv_ef_percent", "rv_ef_percent")
HEALTHY = "NOR"
SMALL = 3.0  # subjects' worth of the pooled covariance in every group's own


@dataclass(frozen=True)
class Hearts:
    """Measures y given person x, and shape c given y and x; both linear with Gaussian residuals."""

    diagnoses: tuple[str, ...]
    measure_weights: Floats  # (x, measures)
    measure_covariances: Floats  # (diagnoses, measures, measures)
    shape_weights: Floats  # (1 + measures + x, components)
    shape_root: Floats  # Cholesky factor of the residual covariance
    centre: Floats  # of age, log BMI, log height
    scale: Floats

    @classmethod
    def of(
        cls,
        people: Sequence[Mapping[str, object]],
        numbers: Sequence[Mapping[str, float]],
        shapes: Floats,
        settings: AnatomySettings,
    ) -> Hearts:
        """Fit to completed people, what their hearts measure and their shapes."""
        diagnoses = tuple(sorted({str(p.get("diagnosis", "")) for p in people}))
        body = np.array([_body(p) for p in people])
        centre, scale = body.mean(axis=0), body.std(axis=0) + 1e-3
        empty = np.zeros(0)
        blank = cls(diagnoses, empty, empty, empty, empty, centre, scale)
        x = np.stack([blank.design(p) for p in people])
        y = np.stack([to_free(n) for n in numbers])
        weights = _ridge(x, y, settings.ridge)
        covariances = _by_group(
            y - x @ weights, [str(p.get("diagnosis", "")) for p in people], diagnoses, settings.shrinkage
        )
        both = np.hstack([y, x])
        shape_weights = _ridge(both, shapes, settings.ridge)
        left = shapes - both @ shape_weights
        spread = left.T @ left / max(len(left) - both.shape[1] * 0.5, 1)
        root = np.linalg.cholesky(spread + 1e-6 * np.trace(spread) / len(spread) * np.eye(len(spread)))
        return cls(diagnoses, weights, covariances, shape_weights, root, centre, scale)

    def design(self, person: Mapping[str, object], severity: float = 1.0) -> Floats:
        """The row x of one person.

        Severity moves along the line from the same person without disease (0) to one with it (1), and beyond.
        """
        body = (_body(person) - self.centre) / self.scale
        woman = 1.0 if person.get("sex") == "female" else -1.0 if person.get("sex") == "male" else 0.0
        ill = np.array([1.0 if d == person.get("diagnosis", "") else 0.0 for d in self.diagnoses])
        if severity != 1.0 and HEALTHY in self.diagnoses:
            healthy = np.array([1.0 if d == HEALTHY else 0.0 for d in self.diagnoses])
            ill = healthy + severity * (ill - healthy)
        return np.concatenate([[1.0, woman], body, [body[0] * woman], ill, ill * woman])

    def draw(
        self, person: Mapping[str, object], asked: Mapping[str, float], severity: float, rng: np.random.Generator
    ) -> tuple[dict[str, float], Floats]:
        """Draw what a heart measures and its shape.

        The random numbers are drawn first and do not depend on what is asked, so that with the same seed everything
        that is not asked for is held.

        Returns:
            The measures, and the shape's coordinates.
        """
        z_y, z_c = rng.standard_normal(len(MEASURES)), rng.standard_normal(len(self.shape_root))
        x = self.design(person, severity)
        y = _conditioned(x @ self.measure_weights, self._covariance(person), to_free(asked), z_y)
        return from_free(y), self.shape(y, x) + self.shape_root @ z_c

    def log_likelihood(self, person: Mapping[str, object], asked: Mapping[str, float]) -> float:
        """How likely the asked measures are for a person."""
        given = to_free(asked)
        known = ~np.isnan(given)
        covariance = self._covariance(person)[np.ix_(known, known)]
        off = (given - self.design(person) @ self.measure_weights)[known]
        return float(-0.5 * (off @ np.linalg.solve(covariance, off) + np.linalg.slogdet(covariance)[1]))

    def _covariance(self, person: Mapping[str, object]) -> Floats:
        diagnosis = str(person.get("diagnosis", ""))
        if diagnosis in self.diagnoses:
            return self.measure_covariances[self.diagnoses.index(diagnosis)]
        return self.measure_covariances.mean(axis=0)

    def shape(self, y: Floats, x: Floats) -> Floats:
        """Mean shape given measures and person."""
        found: Floats = np.concatenate([y, x]) @ self.shape_weights
        return found


def to_free(numbers: Mapping[str, float]) -> Floats:
    """Measures on an unbounded scale: logarithms, and log-odds of fractions; NaN where absent."""
    found = np.full(len(MEASURES), np.nan)
    for i, name in enumerate(MEASURES):
        if name in numbers:
            value = float(numbers[name])
            share = min(max(value / 100.0, 0.03), 0.9)
            found[i] = np.log(share / (1 - share)) if name in FRACTIONS else np.log(max(value, 1e-3))
    return found


def from_free(y: Floats) -> dict[str, float]:
    """The inverse of `to_free`, with the end-systolic volumes that follow."""
    found = {
        n: float(100 / (1 + np.exp(-v)) if n in FRACTIONS else np.exp(v)) for n, v in zip(MEASURES, y, strict=True)
    }
    for side in ("lv", "rv"):
        found[f"{side}_esv_ml"] = found[f"{side}_edv_ml"] * (1 - found[f"{side}_ef_percent"] / 100)
    return found


def _conditioned(mean: Floats, covariance: Floats, given: Floats, z: Floats) -> Floats:
    """A Gaussian draw given some of its entries; with nothing given it is mean + root z."""
    known = ~np.isnan(given)
    free: Floats = mean + np.linalg.cholesky(covariance) @ z
    if not known.any():
        return free
    # Matheron's rule: correct the free draw by what it missed, so that the same z gives neighbouring hearts
    gain = covariance[:, known] @ np.linalg.inv(covariance[np.ix_(known, known)])
    drawn: Floats = free + gain @ (given - free)[known]
    met: Floats = np.where(known, given, drawn)
    return met


def _body(person: Mapping[str, object]) -> Floats:
    return np.array(
        [float(str(person["age"])), np.log(float(str(person["bmi"]))), np.log(float(str(person["height_cm"])))]
    )


def _ridge(x: Floats, y: Floats, strength: float) -> Floats:
    penalty: Floats = strength * np.eye(x.shape[1], dtype=np.float64)
    penalty[0, 0] = 1e-6
    found = np.linalg.solve(x.T @ x + penalty, x.T @ y)
    return found.astype(np.float64)


def _by_group(left: Floats, groups: list[str], names: tuple[str, ...], shrinkage: float) -> Floats:
    """Residual covariance of each group, leaning on the pooled one, more where the group is small."""
    pooled = left.T @ left / len(left)
    found = []
    for name in names:
        mine = left[[g == name for g in groups]]
        lean = max(shrinkage, SMALL / (SMALL + len(mine)))
        found.append((1 - lean) * (mine.T @ mine / len(mine)) + lean * pooled + 1e-6 * np.eye(len(pooled)))
    return np.stack(found)
