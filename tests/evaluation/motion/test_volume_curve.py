"""Curves of hearts that contract once, twice, never, or in the wrong order."""

import numpy as np
import pytest

from synthcmr.evaluation.motion.volume_curve import contractions, from_end_diastole, plausible, roughness, systole
from synthcmr.phantom.anatomy.heart import volume_at

COUNT = 20
BEAT = np.array([volume_at(k / COUNT, 50, 65, 150.0, 60.0) for k in range(COUNT)])


@pytest.mark.parametrize("start", range(0, COUNT, 3))
def test_a_heartbeat_is_plausible_from_whatever_phase_it_begins(start: int) -> None:
    curve = np.roll(BEAT, -start)
    assert contractions(curve) == 1
    assert 0.25 < systole(curve) < 0.5
    assert plausible(curve)
    assert np.allclose(from_end_diastole(curve), from_end_diastole(BEAT))
    assert roughness(curve) < 0.1


def test_two_beats_no_beat_and_half_a_beat_are_not() -> None:
    twice = np.tile(BEAT[::2], 2)
    assert contractions(twice) == 2
    assert not plausible(twice)
    still = 150 + 0.5 * np.random.default_rng(0).standard_normal(COUNT)
    assert contractions(still) == 0
    assert not plausible(still)
    assert np.isnan(roughness(still))
    half = np.interp(np.linspace(0, 7, COUNT), np.arange(8), BEAT[:8])  # from end-diastole to end-systole, then a jump
    assert contractions(half) == 1
    assert not plausible(half), "it is smallest when the cycle ends"


def test_shuffled_phases_are_rough() -> None:
    shuffled = np.random.default_rng(1).permutation(BEAT)
    assert contractions(shuffled) > 1
    assert roughness(shuffled) > 4 * roughness(BEAT)
