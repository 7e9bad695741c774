"""What remains is said by each step's share, corrected by how fast the machine is."""

import pytest

from synthcmr.demo.run import REPORT
from synthcmr.demo.steps import STEPS
from synthcmr.demo.time_left import FULL_S, QUICK_S, in_words, seconds_left

EXPECTED = {"first": 100.0, "second": 300.0}


def test_before_anything_ran_the_shares_alone_are_told() -> None:
    assert seconds_left(["first", "second"], {}, EXPECTED, cores=2) == pytest.approx(200)
    assert seconds_left(["first", "second"], {}, EXPECTED, cores=1) == pytest.approx(400)


def test_a_machine_that_was_slow_so_far_is_expected_to_stay_slow() -> None:
    slow = seconds_left(["second"], {"first": 500.0}, EXPECTED, cores=2)
    fast = seconds_left(["second"], {"first": 20.0}, EXPECTED, cores=2)
    assert slow == pytest.approx((500 + 20) / (50 + 20) * 150)
    assert fast < 150 < slow


def test_every_step_has_its_share() -> None:
    names = {step.name for step in STEPS} | {REPORT}
    assert set(FULL_S) == names
    assert set(QUICK_S) == names


@pytest.mark.parametrize(
    ("seconds", "words"), [(3, "less than a minute"), (61, "about 1 minute"), (500, "about 8 minutes")]
)
def test_durations_are_told_as_people_do(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
