"""Can a straight line tell real from synthetic by their spectra alone? The plainest measure of a bias."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.frequency.plane import Floats
from synthcmr.frequency.spectrum.distance import LEVEL, Interval

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


def auc(score: Floats, label: npt.NDArray[np.int64], weight: Floats | None = None) -> float:
    """Chance that a synthetic row looks more synthetic than a real one."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(label, score, sample_weight=weight))


def auc_interval(
    score: Floats, label: npt.NDArray[np.int64], subject: npt.NDArray[np.object_], draws: int, rng: np.random.Generator
) -> Interval:
    """The AUC with its interval over subjects, drawn on either side for itself."""
    found = []
    names, which = np.unique(subject.astype(str), return_inverse=True)
    synthetic = np.bincount(which, label) > 0
    for _ in range(draws):
        taken = np.zeros(len(names))
        for side in (synthetic, ~synthetic):
            n = int(side.sum())
            taken[side] = rng.multinomial(n, np.full(n, 1 / n))
        found.append(auc(score, label, taken[which] + 1e-9))
    low, high = np.percentile(found, LEVEL)
    return Interval(auc(score, label), float(low), float(high))


def both_sides(
    real: Floats, made: Floats, real_subject: npt.NDArray[np.object_], made_subject: npt.NDArray[np.object_]
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """Rows, labels (1: synthetic) and subjects of two sets; names are kept apart."""
    label = np.repeat([0, 1], [len(real), len(made)]).astype(np.int64)
    subject = np.array([f"real/{s}" for s in real_subject] + [f"made/{s}" for s in made_subject], dtype=object)
    return np.concatenate([real, made]), label, subject
