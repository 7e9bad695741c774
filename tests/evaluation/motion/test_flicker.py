"""Flicker of cines that are made: still, moving, and drawn anew in every phase."""

import numpy as np
import pytest

from synthcmr.evaluation.motion.flicker import FLICKERS, closure, flicker, regions, unsteady

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
    base, grain, bright = (dict(zip(FLICKERS, flicker(c, HEART, AROUND), strict=True)) for c in (calm, grainy, uneven))
    assert grain["around, as it is"] > 5 * base["around, as it is"]
    assert grain["around, brightness"] < 5 * base["around, brightness"] + 0.01
    assert bright["around, brightness"] > 20 * base["around, brightness"]
    assert bright["around, blurred"] > 5 * base["around, blurred"]


def test_a_cine_that_loops_closes_and_half_a_cycle_does_not() -> None:
    whole = beating()
    assert closure(whole, HEART) == pytest.approx(1.0, abs=0.99), "at end-diastole the heart moves least"
    assert closure(np.roll(whole, 5, axis=0), HEART) < 2
    assert closure(whole[:10], HEART) > 5
    assert np.isnan(closure(np.repeat(whole[:1], 10, axis=0), HEART))


def test_regions_lie_around_the_cavity_in_millimetres() -> None:
    cavity = np.broadcast_to(AWAY < 8, (3, 64, 64))
    there = regions(cavity, 2.0)
    assert there is not None
    assert there.heart.sum() == pytest.approx(np.pi * (45 / 2) ** 2, rel=0.02)
    assert not (there.heart & there.around).any()
    assert regions(np.zeros((3, 64, 64), dtype=bool), 2.0) is None


def test_without_pixels_away_from_the_heart_nothing_is_said_of_them() -> None:
    values = flicker(beating(), HEART, np.zeros_like(HEART))
    assert np.isfinite(values[:3]).all()
    assert np.isnan(values[3:]).all()
