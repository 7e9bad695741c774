"""Images go where images have gained most, and what they gain is learned from what rounds did."""

import numpy as np
import pytest

from synthcmr.fairness.gains import PRIOR_RATE, Kind, KindLosses, Rate, allocate, rates

WOMEN, MEN = ("sex", "female", 1), ("sex", "male", 1)
CELLS = [(1, {"sex": "female"}), (1, {"sex": "male"}), (0, {"sex": "female"})]


def measured(women: float, men: float, variance: float = 0.01) -> KindLosses:
    return KindLosses({WOMEN: women, MEN: men}, {WOMEN: variance, MEN: variance})


def test_at_first_images_go_to_those_who_are_classified_worst() -> None:
    given = allocate(CELLS, {WOMEN: 0.6, MEN: 0.1, ("sex", "female", 0): 0.05}, {}, 100)
    assert sum(given) == 100
    assert given[0] == 100  # even after 100 images at one percent each, women are still the worst: 0.6 / e > 0.1
    more = allocate(CELLS, {WOMEN: 0.6, MEN: 0.1, ("sex", "female", 0): 0.05}, {}, 1000)
    assert more[0] > more[1] > more[2] > 0


def test_equal_gains_are_shared_so_that_what_is_left_is_equal() -> None:
    loss = {WOMEN: 0.4, MEN: 0.2}
    given = allocate(CELLS[:2], loss, {}, 300)
    left = [was * np.exp(-PRIOR_RATE * n) for was, n in zip(loss.values(), given, strict=True)]
    assert left[0] == pytest.approx(left[1], rel=0.02)


@pytest.mark.parametrize("truth", [0.002, 0.02])
def test_rates_are_found_again(truth: float) -> None:
    before, history = 0.5, []
    for _ in range(4):
        after = before * float(np.exp(-truth * 50))
        history.append((measured(before, 0.3, 1e-4), {WOMEN: 50.0}, measured(after, 0.3, 1e-4)))
        before = after
    assert rates(history)[WOMEN].mean == pytest.approx(truth, rel=0.05)


def test_where_images_did_not_help_they_stop_going() -> None:
    history = [(measured(0.6, 0.5, 1e-4), {WOMEN: 50.0, MEN: 50.0}, measured(0.6, 0.25, 1e-4))]
    found = rates(history)
    assert found[MEN].mean > 5 * abs(found[WOMEN].mean)
    given = allocate(CELLS[:2], {WOMEN: 0.6, MEN: 0.25}, found, 20)
    assert given[1] == 20


def test_noise_leaves_the_shared_rate() -> None:
    certain = [(measured(0.6, 0.5, 1e-4), {MEN: 50.0}, measured(0.6, 0.4, 1e-4))]
    noisy = [(measured(0.6, 0.5, 100.0), {WOMEN: 50.0}, measured(1.2, 0.5, 100.0))]
    found = rates(certain + noisy)
    assert found[WOMEN].mean == pytest.approx(found[MEN].mean, rel=0.3)
    assert found[WOMEN].spread > found[MEN].spread


def test_nothing_to_gain_makes_nothing() -> None:
    none: dict[Kind, Rate] = {WOMEN: Rate(0.0, 0.001), MEN: Rate(-0.01, 0.001)}
    assert allocate(CELLS[:2], {WOMEN: 0.5, MEN: 0.5}, none, 10) == [0, 0]
