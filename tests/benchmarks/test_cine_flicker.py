"""Flicker of cines as shares of real ones."""

import numpy as np
import pytest
from benchmarks.cine_flicker import cohort_flicker, expect_as_many, shares

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from synthcmr.evaluation.motion.flicker import FLICKERS


def test_shares_are_of_the_real_cines_by_subject() -> None:
    real = (np.ones((6, len(FLICKERS))), np.array(["a", "a", "a", "b", "c", "c"]))
    made = (np.array([[3.0], [1.0], [1.0], [1.0]]) * np.ones(len(FLICKERS)), np.array(["x", "y", "y", "y"]))
    for share in shares(made, real).values():
        assert share.value == pytest.approx(2.0)  # of two subjects, not of four slices
        assert (share.low, share.high) == pytest.approx((1.0, 3.0))


def test_what_is_no_cine_is_refused(phantom_cohort: Cohort) -> None:
    with pytest.raises(CohortError, match="expected cines of one number of phases, 8 or more, got 2"):
        cohort_flicker(phantom_cohort)
    with pytest.raises(
        CohortError, match="as many phases in all sets, got real 20, made 25; generate with --frames 20"
    ):
        expect_as_many({"real": 20, "made": 25})
