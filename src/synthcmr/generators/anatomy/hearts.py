"""What hearts measure and how they are shaped, given who the person is: Gaussians that can be conditioned exactly.

Their means are ridge regressions whose strength the data choose: a cohort of twenty is leant on less than one of a thousand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.conditioning.heart_numbers import HEART_NUMBERS
from synthcmr.generators.anatomy.shape_space import AnatomySettings

Floats = npt.NDArray[np.float64]
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # in subjects' worth of evidence that nothing depends on anything
LEAST_LEFT = 0.05  # of a subject's own say in its fitted value; guards a division
MEASURES = ("lv_edv_ml", "lv_ef_percent", "lv_mass_g", "rv_edv_ml", "rv_ef_percent", "wall_max_mm")
FRACTIONS = ("lv_ef_percent", "rv_ef_percent")
HEALTHY = "NOR"
NEWTON, MET = 12, 1e-9  # steps towards what is asked, and when it is met
CALM = 20.0  # subjects' worth of evidence that shapes do not vary: the spread of a few hearts is mostly noise
SMALL = 3.0  # subjects' worth of the pooled covariance in every group's own


@dataclass(frozen=True)
class Regression:
    """Weights, and what each subject misses when the others predict it."""

    weights: Floats  # (predictors, outputs)
    left: Floats  # (subjects, outputs): honest residuals, each predicted without itself


def regress(x: Floats, y: Floats, constant: int = 0, ridge: float | None = None) -> Regression:
    """Regress y on x with the strength that predicts left-out subjects best.

    Args:
        x: (subjects, predictors).
        y: (subjects, outputs); their units decide how much each counts in the choice.
        constant: which predictor is 1 for all subjects; it is not shrunk.
        ridge: a strength to use instead.
    """
    strengths = STRENGTHS if ridge is None else (ridge,)
    fits = [_ridge(x, y, strength, constant) for strength in strengths]
    return min(fits, key=lambda fit: float(np.square(fit.left).sum()))


def _ridge(x: Floats, y: Floats, strength: float, constant: int) -> Regression:
    middle, spread = x.mean(axis=0), x.std(axis=0)
    free = spread > 1e-9  # a predictor that is the same for all subjects says nothing; the constant stands for it
    scaled = np.where(free, (x - middle) / np.where(free, spread, 1.0), 0.0)
    scaled[:, constant] = 1.0
    penalty = strength * np.eye(x.shape[1])
    penalty[constant, constant] = 0.0
    solver = np.linalg.solve(scaled.T @ scaled + penalty, scaled.T)
    weights = solver @ y
    own = 1 - np.einsum("ij,ji->i", scaled, solver)
    left = (y - scaled @ weights) / own.clip(LEAST_LEFT)[:, None]
    unscaled = np.where(free[:, None], weights / np.where(free, spread, 1.0)[:, None], 0.0)
    unscaled[constant] = weights[constant] - middle[free] @ unscaled[free]
    return Regression(unscaled.astype(np.float64), left.astype(np.float64))


@dataclass(frozen=True)
class Hearts:
    """Measures y given person x, and shape c given y and x; both linear with Gaussian residuals."""

    diagnoses: tuple[str, ...]
    measure_weights: Floats  # (x, measures)
    measure_covariances: Floats  # (diagnoses, measures, measures)
    shape_weights: Floats  # (measures + x, components)
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
        unit = y.std(axis=0) + 1e-6
        measures = regress(x, y / unit, ridge=settings.ridge)
        covariances = _by_group(
            measures.left * unit, [str(p.get("diagnosis", "")) for p in people], diagnoses, settings.shrinkage
        )
        form = regress(np.hstack([y, x]), shapes, constant=len(MEASURES), ridge=settings.ridge)
        spread = form.left.T @ form.left / (len(form.left) + CALM)
        root = np.linalg.cholesky(spread + 1e-6 * np.trace(spread) / len(spread) * np.eye(len(spread)))
        return cls(diagnoses, measures.weights * unit, covariances, form.weights, root, centre, scale)

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
        self, person: Mapping[str, object], requested: Mapping[str, float], severity: float, rng: np.random.Generator
    ) -> tuple[dict[str, float], Floats]:
        """Draw what a heart measures and its shape.

        The random numbers are drawn first and do not depend on the request, so that with the same seed everything
        that is not requested is held.

        Returns:
            The measures, and the shape's coordinates.
        """
        z_y, z_c = rng.standard_normal(len(MEASURES)), rng.standard_normal(len(self.shape_root))
        x = self.design(person, severity)
        y = _conditioned(x @ self.measure_weights, self._root(person, severity), requested, z_y).clip(*LIMITS)
        return from_free(y), self.shape(y, x) + self.shape_root @ z_c

    def log_likelihood(self, person: Mapping[str, object], requested: Mapping[str, float]) -> float:
        """How likely the requested measures are for a person."""
        root = self._root(person, 1.0)
        rows, off = _misses(self.design(person) @ self.measure_weights, requested)
        covariance = rows @ root @ root.T @ rows.T
        return float(-0.5 * (off @ np.linalg.solve(covariance, off) + np.linalg.slogdet(covariance)[1]))

    def off(self, person: Mapping[str, object], name: str, value: float, severity: float) -> tuple[float, float, float]:
        """How many standard deviations a measure is from such people's mean, and between what 95 % of them lie."""
        i, mean = MEASURES.index(name), self.design(person, severity) @ self.measure_weights
        spread = float(np.linalg.norm(self._root(person, severity)[i]))
        low, high = (from_free(mean + k * spread)[name] for k in (-1.96, 1.96))
        return abs(float(to_free({name: value})[i] - mean[i])) / spread, low, high

    def _root(self, person: Mapping[str, object], severity: float) -> Floats:
        """Root of the measures' covariance; between health and disease it turns from one's into the other's."""
        ill = self.root(str(person.get("diagnosis", "")))
        if severity >= 1.0 or HEALTHY not in self.diagnoses:
            return ill
        return (1 - severity) * self.root(HEALTHY) + severity * ill

    def root(self, diagnosis: str) -> Floats:
        """Root of the measures' covariance with a diagnosis; of one that is not known, that of all together."""
        known = diagnosis in self.diagnoses
        covariance = (
            self.measure_covariances[self.diagnoses.index(diagnosis)]
            if known
            else self.measure_covariances.mean(axis=0)
        )
        root: Floats = np.linalg.cholesky(covariance)
        return root

    def shape(self, y: Floats, x: Floats) -> Floats:
        """Mean shape given measures and person."""
        coordinates: Floats = np.concatenate([y, x]) @ self.shape_weights
        return coordinates


def to_free(numbers: Mapping[str, float]) -> Floats:
    """Measures on an unbounded scale: logarithms, and log-odds of fractions; NaN where absent."""
    free = np.full(len(MEASURES), np.nan)
    for i, name in enumerate(MEASURES):
        if name in numbers:
            value = float(numbers[name])
            share = min(max(value / 100.0, 0.03), 0.9)
            free[i] = np.log(share / (1 - share)) if name in FRACTIONS else np.log(max(value, 1e-3))
    return free


def from_free(y: Floats) -> dict[str, float]:
    """The inverse of `to_free`, with the end-systolic volumes that follow."""
    numbers = {
        n: float(100 / (1 + np.exp(-v)) if n in FRACTIONS else np.exp(v)) for n, v in zip(MEASURES, y, strict=True)
    }
    for side in ("lv", "rv"):
        numbers[f"{side}_esv_ml"] = numbers[f"{side}_edv_ml"] * (1 - numbers[f"{side}_ef_percent"] / 100)
    return numbers


LIMITS = np.stack(
    [to_free({name: getattr(HEART_NUMBERS[name], end) for name in MEASURES}) for end in ("low", "high")]
)  # no heart is drawn beyond what hearts can be asked for


def _conditioned(mean: Floats, root: Floats, requested: Mapping[str, float], z: Floats) -> Floats:
    """A Gaussian draw that meets the request; without one it is mean + root z."""
    free: Floats = mean + root @ z
    y = free
    for _ in range(NEWTON):
        rows, off = _misses(y, requested)
        if not len(rows) or np.abs(off).max() < MET:
            break
        # Matheron's rule: correct the free draw by what it missed, so that the same z gives neighbouring hearts
        gain = root @ root.T @ rows.T @ np.linalg.inv(rows @ root @ root.T @ rows.T)
        y = free + gain @ (off + rows @ (y - free))
    return y


def _misses(y: Floats, requested: Mapping[str, float]) -> tuple[Floats, Floats]:
    """How each requested number changes with the measures, (requested, measures), and by how much they miss it, (requested,)."""
    targets = to_free(requested)
    known = ~np.isnan(targets)
    rows, off = list(np.eye(len(MEASURES))[known]), list((targets - y)[known])
    for side in ("lv", "rv"):
        volume, fraction = MEASURES.index(f"{side}_edv_ml"), MEASURES.index(f"{side}_ef_percent")
        if f"{side}_esv_ml" not in requested or known[[volume, fraction]].all():
            continue
        # ln ESV = ln EDV + ln(1 - EF), the one number that is not linear in the measures
        row = np.zeros(len(MEASURES))
        row[volume], row[fraction] = 1.0, -1 / (1 + np.exp(-y[fraction]))
        rows.append(row)
        off.append(np.log(requested[f"{side}_esv_ml"]) - y[volume] + np.logaddexp(0.0, y[fraction]))
    return np.array(rows).reshape(-1, len(MEASURES)), np.array(off)


def _body(person: Mapping[str, object]) -> Floats:
    return np.array(
        [float(str(person["age"])), np.log(float(str(person["bmi"]))), np.log(float(str(person["height_cm"])))]
    )


def _by_group(left: Floats, groups: list[str], names: tuple[str, ...], shrinkage: float) -> Floats:
    """Residual covariance of each group, leaning on the pooled one, more where the group is small."""
    pooled = left.T @ left / len(left)
    covariances = []
    for name in names:
        mine = left[[g == name for g in groups]]
        lean = max(shrinkage, SMALL / (SMALL + len(mine)))
        covariances.append((1 - lean) * (mine.T @ mine / len(mine)) + lean * pooled + 1e-6 * np.eye(len(pooled)))
    return np.stack(covariances)
