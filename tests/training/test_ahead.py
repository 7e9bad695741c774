"""Batches that are made while the card computes are those that would have been made without."""

import threading

import pytest

from synthcmr.training.prefetch import Ahead


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
