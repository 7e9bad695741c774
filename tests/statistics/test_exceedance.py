"""How many positives exceed a threshold by chance: closed forms, and a lower bound that is seldom wrong."""

import numpy as np
import pytest

from synthcmr.statistics.exceedance import (
    allowed_above,
    chance_of_exceeding,
    exceeds,
    supported_rate,
    surely_exceeding,
)


def test_the_highest_are_all_positives_with_the_chance_of_a_draw_without_replacement() -> None:
    rate = supported_rate(15, 0.01)
    assert chance_of_exceeding(3, 10, 15, rate) == pytest.approx(10 * 9 * 8 / (25 * 24 * 23))
    assert chance_of_exceeding(0, 10, 15, rate) == 1.0
    assert chance_of_exceeding(11, 10, 15, rate) == 0.0


def test_the_strictest_rate_is_that_of_one_negative_and_a_newcomer() -> None:
    assert supported_rate(15, 0.01) == 1 / 16
    assert supported_rate(99, 0.01) == supported_rate(500, 0.01) == 0.01
    assert [allowed_above(n, supported_rate(n, 0.01)) for n in (15, 99, 198, 199, 299)] == [0, 0, 0, 1, 2]


def test_a_newcomer_exceeds_the_threshold_at_the_rate() -> None:
    rng = np.random.default_rng(0)
    above = [exceeds(rng.normal(size=200), rng.normal(size=99), 0.01).mean() for _ in range(2000)]
    assert np.mean(above) == pytest.approx(0.01, rel=0.1)


def test_ties_do_not_exceed() -> None:
    assert exceeds(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0]), 1 / 3).tolist() == [False, False, True]


@pytest.mark.parametrize("exposed", [0, 5])
def test_the_lower_bound_is_above_the_truth_in_one_of_twenty_at_most(exposed: int) -> None:
    """Of thirty members, some stand above everybody, and the others are like held-out subjects."""
    rng = np.random.default_rng(exposed)
    bounds = []
    for _ in range(2000):
        member, other = rng.normal(size=30), rng.normal(size=40)
        member[:exposed] += 100
        hits = int(exceeds(member, other, 1 / 41).sum())
        bounds.append(surely_exceeding(hits, 30, 40, 1 / 41, 0.05))
    assert np.mean(np.array(bounds) > exposed) <= 0.06
    assert np.mean(bounds) > 0.5 * exposed  # and it is not bought by saying nothing


def test_who_is_told_apart_entirely_is_exposed_but_for_what_chance_might_do() -> None:
    assert surely_exceeding(10, 10, 15, 1 / 16, 0.025) >= 7
    assert surely_exceeding(100, 100, 120, 0.01, 0.025 / 20) >= 90
    assert surely_exceeding(1, 100, 120, 0.01, 0.025) == 0
