import numpy as np
import pytest

from synthcmr.training.sample_order import Order, balanced_weights, held_out_draws


def test_every_row_comes_once_per_epoch() -> None:
    order = Order(10, seed=3)
    assert sorted(order.row(i) for i in range(10)) == list(range(10))
    assert [order.row(i) for i in range(10)] != [order.row(i) for i in range(10, 20)]


def test_places_of_a_batch_are_the_same_however_it_is_shared() -> None:
    whole = list(Order(20, 0).draws(5, 8, range(8)))
    halves = [*Order(20, 0).draws(5, 8, range(4)), *Order(20, 0).draws(5, 8, range(4, 8))]
    assert [d.row for d in whole] == [d.row for d in halves]
    assert [d.rng.random() for d in whole] == [d.rng.random() for d in halves]


def test_no_two_places_share_their_random_numbers() -> None:
    drawn = [d.rng.random() for step in range(20) for d in Order(50, 0).draws(step, 8, range(8))]
    assert len(set(drawn)) == len(drawn)


def test_balance_is_inverse_frequency_within_its_cap() -> None:
    groups = [["a"] * 90 + ["b"] * 10]
    weights = balanced_weights(groups, cap=100.0)
    assert weights[:90].sum() == pytest.approx(weights[90:].sum())
    capped = balanced_weights(groups, cap=2.0)
    assert capped.max() == 2.0
    rows = [Order(100, 1, capped).row(i) for i in range(100)]
    assert len(rows) == 100


def test_the_held_out_loss_looks_at_the_same_images_every_time() -> None:
    first, again = held_out_draws(100, 7, 0), held_out_draws(100, 7, 0)
    assert [d.row for d in first] == [d.row for d in again]
    assert np.array_equal([d.rng.random() for d in first], [d.rng.random() for d in again])
