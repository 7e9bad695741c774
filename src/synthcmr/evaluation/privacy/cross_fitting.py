"""Attacks that learn: no subject is on both sides of the split that they learn and answer by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.privacy.figures import Floats

FOLDS = 5
STRENGTH = 1.0  # of the pull of weights to zero


def cross_fitted(numbers: Floats, member: npt.NDArray[np.bool_], seed: int, pointing: bool = False) -> Floats:
    """What a logistic regression says of each subject that learned from others alone.

    Args:
        numbers: one row for each subject, so that folds of rows are folds of subjects.
        member: of each subject.
        seed: of the folds.
        pointing: each number is known to be higher for members, if anything; it is never taken the other way round.
    """
    from sklearn.model_selection import StratifiedKFold

    folds = min(FOLDS, int(member.sum()), int((~member).sum()))
    found = np.zeros(len(member))
    for learned, answered in StratifiedKFold(folds, shuffle=True, random_state=seed).split(numbers, member):
        mean, spread = numbers[learned].mean(axis=0), numbers[learned].std(axis=0)
        x = (numbers - mean) / np.where(spread > 0, spread, 1)
        found[answered] = x[answered] @ fitted(x[learned], member[learned], pointing)
    return found


def fitted(x: Floats, member: npt.NDArray[np.bool_], pointing: bool) -> Floats:
    """Weights of a logistic regression in which both classes count the same; none below zero where the numbers point.

    The intercept is left out of what is answered: it says nothing of a subject, and differs from fold to fold.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    side = np.where(member, 1.0, -1.0)
    share = np.where(member, 1 / member.sum(), 1 / (~member).sum()) * len(member) / 2

    def loss(w: Floats) -> tuple[float, Floats]:
        margin = side * (x @ w[:-1] + w[-1])
        slope = -share * side * expit(-margin)
        value = share @ np.logaddexp(0, -margin) + w[:-1] @ w[:-1] / (2 * STRENGTH)
        return float(value), np.append(slope @ x + w[:-1] / STRENGTH, slope.sum())

    bounds = [(0.0 if pointing else None, None)] * x.shape[1] + [(None, None)]
    weights: Floats = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return weights[:-1]
