"""Means over test subjects and seeds with intervals: both are drawn again, and arms that are compared share the draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.score import Score
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.experiments.comparison import estimate, mean_draws

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
    mean = estimate(mean_draws(known, settings.draws, settings.seed), level=settings.level)
    return Score(name=name, value=mean.value, low=mean.low, high=mean.high, n_real=count, **about)
