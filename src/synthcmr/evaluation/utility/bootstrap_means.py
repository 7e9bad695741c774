"""Means over test subjects and seeds with intervals: both are drawn again, and arms that are compared share the draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.score import Score
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.fairness.debias.bootstrap_rates import draw, estimate

Numbers = npt.NDArray[np.float64]


def mean_score(name: str, values: Numbers, settings: EvaluateSettings, **about: Any) -> Score:
    """Mean of a number of test subjects; refused below the minimum n.

    Args:
        name: of the score.
        values: (seeds, subjects); subjects that lack one in any seed are left out.
        settings: of the evaluation.
        **about: further fields of the score.
    """
    known = values[:, np.isfinite(values).all(axis=0)]
    count = known.shape[1]
    if count < settings.min_subjects:
        why = f"{count} test subjects; at least {settings.min_subjects} are needed"
        return Score(name=name, n_real=count, absent=why, **about)
    mean = estimate(means(known, settings), level=settings.level)
    return Score(name=name, value=mean.value, low=mean.low, high=mean.high, n_real=count, **about)


def means(values: Numbers, settings: EvaluateSettings, cell: npt.NDArray[np.int64] | None = None) -> Numbers:
    """Mean over subjects and seeds in each draw, the first of which is the data as they are."""
    strata = np.zeros(values.shape[1], dtype=np.int64) if cell is None else cell
    draws = draw(strata, len(values), settings.draws, settings.seed)
    found: Numbers = np.einsum("bs,sn,bn->b", draws.seed, values, draws.subject, optimize=True) / values.shape[1]
    return found


def group_means(values: Numbers, groups: Sequence[npt.NDArray[np.bool_]], settings: EvaluateSettings) -> Numbers:
    """Mean of each group in each draw, (draws, groups); groups keep their size."""
    member = np.stack(groups).astype(float)
    _, cell = np.unique(member.T, axis=0, return_inverse=True)
    draws = draw(cell.ravel(), len(values), settings.draws, settings.seed)
    total = np.einsum("bs,sn,bn,gn->bg", draws.seed, values, draws.subject, member, optimize=True)
    found: Numbers = total / member.sum(axis=1)
    return found
