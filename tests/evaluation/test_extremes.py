"""Nothing is shown twice."""

import numpy as np
import pytest

from synthcmr.evaluation.score import extremes

TITLES = ("best", "typical", "worst")


@pytest.mark.parametrize("n", [1, 6, 17])
def test_too_few_to_differ_are_shown_once(n: int) -> None:
    found = extremes(np.arange(n), TITLES, "all")
    assert list(found) == ["all"]
    assert found["all"].tolist() == list(range(n))


@pytest.mark.parametrize("n", [18, 19, 20, 101])
def test_best_typical_and_worst_are_others(n: int) -> None:
    found = extremes(np.arange(n), TITLES, "all")
    assert list(found) == list(TITLES)
    assert found["best"][0] == 0
    assert found["worst"][0] == n - 1
    assert len({*np.concatenate(list(found.values())).tolist()}) == 18
