"""Can a straight line tell real from synthetic by their spectra alone? The plainest measure of a bias."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.frequency.plane import Floats

FOLDS = 5


def probe_scores(rows: Floats, label: npt.NDArray[np.int64], subject: npt.NDArray[np.object_], seed: int) -> Floats:
    """How synthetic each row looks to a logistic regression that has not seen its subject."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, class_weight="balanced"))
    folds = StratifiedGroupKFold(folds_of(label, subject), shuffle=True, random_state=seed)
    with threadpool_limits(1):  # the problem is so small that threads wait for each other most of the time
        found: Floats = cross_val_predict(
            line, rows, label, groups=subject.astype(str), cv=folds, method="decision_function"
        )
    return found


def folds_of(label: npt.NDArray[np.int64], subject: npt.NDArray[np.object_], most: int = FOLDS) -> int:
    """As many folds as each side has subjects for."""
    return min(most, *(len(set(subject[label == k])) for k in (0, 1)))


def both_sides(
    real: Floats, made: Floats, real_subject: npt.NDArray[np.object_], made_subject: npt.NDArray[np.object_]
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """Rows, labels (1: synthetic) and subjects of two sets; names are kept apart."""
    label = np.repeat([0, 1], [len(real), len(made)]).astype(np.int64)
    subject = np.array([f"real/{s}" for s in real_subject] + [f"made/{s}" for s in made_subject], dtype=object)
    return np.concatenate([real, made]), label, subject
