"""Flicker of cines that are made: still, moving, and drawn anew in every phase."""

import numpy as np
import pytest
from benchmarks.cine_flicker import MEASURES, cohort_flicker, expect_as_many, flicker, shares, unsteady

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError

ROWS, COLUMNS = np.indices((64, 64))
AWAY = np.hypot(ROWS - 32, COLUMNS - 32)
HEART, AROUND = AWAY < 14, AWAY > 22


def beating(phases: int = 20) -> np.ndarray:
    """A bright disc with a soft border whose radius follows a cosine, on a ground that is uneven and still."""
    radius = 8 + 2 * np.cos(2 * np.pi * np.arange(phases) / phases)
    ground = 0.3 + 0.1 * np.sin(ROWS / 5.0) * np.cos(COLUMNS / 7.0)
    return ground + 0.5 / (1 + np.exp((AWAY - radius[:, None, None]) / 2.0))


def test_what_stands_still_does_not_flicker_and_the_cine_is_a_circle() -> None:
    assert flicker(np.repeat(beating(1), 12, axis=0), HEART, AROUND).max() < 1e-6
    wave = np.cos(2 * np.pi * np.arange(12) / 12)[:, None, None] * np.ones((1, 2, 2))
    assert np.allclose(unsteady(wave), wave * (1 - np.cos(2 * np.pi / 12)))


def test_steady_motion_counts_little_and_each_kind_of_flicker_shows_in_its_measure() -> None:
    rng = np.random.default_rng(0)
    calm = beating() + 0.005 * rng.standard_normal((20, 64, 64))
    grainy = calm + 0.05 * rng.standard_normal(calm.shape)
    uneven = calm + 0.05 * rng.standard_normal((20, 1, 1))
    base, grain, bright = (dict(zip(MEASURES, flicker(c, HEART, AROUND), strict=True)) for c in (calm, grainy, uneven))
    assert grain["around, as it is"] > 5 * base["around, as it is"]
    assert grain["around, brightness"] < 5 * base["around, brightness"] + 0.01
    assert bright["around, brightness"] > 20 * base["around, brightness"]
    assert bright["around, blurred"] > 5 * base["around, blurred"]


def test_shares_are_of_the_real_cines_by_subject() -> None:
    real = (np.ones((6, len(MEASURES))), np.array(["a", "a", "a", "b", "c", "c"]))
    made = (np.array([[3.0], [1.0], [1.0], [1.0]]) * np.ones(len(MEASURES)), np.array(["x", "y", "y", "y"]))
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
