"""Ridge regression whose strength the data choose: a cohort of twenty is leant on less than one of a thousand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # in subjects' worth of evidence that nothing depends on anything
LEAST_LEFT = 0.05  # of a subject's own say in its fitted value; guards a division


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
        constant: which predictor is 1 for everybody; it is not shrunk.
        ridge: a strength to use instead.
    """
    strengths = STRENGTHS if ridge is None else (ridge,)
    fits = [_ridge(x, y, strength, constant) for strength in strengths]
    return min(fits, key=lambda fit: float(np.square(fit.left).sum()))


def _ridge(x: Floats, y: Floats, strength: float, constant: int) -> Regression:
    middle, spread = x.mean(axis=0), x.std(axis=0)
    free = spread > 1e-9  # a predictor that is the same for everybody says nothing; the constant stands for it
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
