"""Which images make up a batch; and batches that are made while the card computes are those that would have been made without."""

import threading

import numpy as np
import pytest

from synthcmr.training.batches import Ahead, Order, balanced_weights, held_out_draws


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


class Maker:
    """Notes what is asked for and where it is made."""

    def __init__(self) -> None:
        self.drawn: list[tuple[int, int]] = []
        self.made: list[tuple[int, int]] = []
        self.threads: set[int] = set()

    def __call__(self, step: int, part: int):
        self.drawn.append((step, part))

        def make() -> dict[str, tuple[int, int]]:
            self.made.append((step, part))
            self.threads.add(threading.get_ident())
            return {"place": (step, part)}

        return make


@pytest.mark.parametrize("card", [False, True])
def test_every_part_of_every_step_comes_in_order_and_turns_of_a_step_share_it(card: bool) -> None:
    maker = Maker()
    with Ahead(maker, parts=2, steps=5, card=card) as ahead:
        for step in range(5):
            first = [ahead.batch(step, part) for part in range(2)]
            again = [ahead.batch(step, part) for part in range(2)]
            assert [b["place"] for b in first] == [(step, 0), (step, 1)]
            assert all(a is b for a, b in zip(first, again, strict=True))
    wanted = [(step, part) for step in range(5) for part in range(2)]
    assert maker.drawn == wanted  # each once, in order, and none beyond the run
    assert sorted(maker.made) == wanted
    assert (threading.get_ident() in maker.threads) is not card


def test_a_run_can_begin_in_the_middle() -> None:
    with Ahead(Maker(), parts=1, steps=9, card=True) as ahead:
        assert ahead.batch(6, 0)["place"] == (6, 0)


def test_what_goes_wrong_is_told_where_the_batch_is_needed() -> None:
    def make(step: int, part: int):
        def fail() -> dict[str, object]:
            raise ValueError("no such row")

        return fail

    with Ahead(make, parts=1, steps=3, card=True) as ahead, pytest.raises(ValueError, match="no such row"):
        ahead.batch(0, 0)
