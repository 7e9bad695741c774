"""The attack finds what was planted, and nothing where there is nothing."""

import numpy as np

from synthcmr.frequency.detail_leak import attack
from synthcmr.frequency.images import ImageBatch, batch_of
from synthcmr.frequency.sources import ArrayImages
from tests.frequency.making import clouds


def batch(images: np.ndarray) -> ImageBatch:
    return batch_of(list(ArrayImages(images)), ())


def test_a_copied_and_shifted_detail_is_found_and_strangers_are_not() -> None:
    members, others, made = (clouds(20, (32, 32), slope=1.0, seed=s) for s in (1, 2, 3))
    carried = 0.3 * made + 0.7 * np.roll(members, (5, -3), axis=(1, 2))
    told = attack(batch(carried), batch(members), batch(others), draws=100)
    assert told.pattern.low > 0.9
    assert told.magnitude.value > 0.9
    clean = attack(batch(made), batch(members), batch(others), draws=100)
    assert clean.pattern.low < 0.5 < clean.pattern.high
    assert clean.magnitude.low < 0.5 < clean.magnitude.high
