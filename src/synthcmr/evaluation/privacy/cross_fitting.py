"""Attacks that learn: no subject is on both sides of the split that they learn and answer by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.privacy.figures import Floats

FOLDS = 5
STRENGTH = 1.0  # of the pull of weights to zero


def cross_fitted(numbers: Floats, member: npt.NDArray[np.bool_], seed: int) -> Floats:
    """What a logistic regression says of each subject that learned from others alone.

    Args:
        numbers: one row for each subject, so that folds of rows are folds of subjects.
        member: of each subject.
        seed: of the folds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = min(FOLDS, int(member.sum()), int((~member).sum()))
    found = np.zeros(len(member))
    for learned, answered in StratifiedKFold(folds, shuffle=True, random_state=seed).split(numbers, member):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000))
        model.fit(numbers[learned], member[learned])
        found[answered] = model.decision_function(numbers[answered])
    return found
