"""Permutation tests against exact chances, and Holm's correction against an example worked by hand."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from synthcmr.statistics.permutation import holm, permutation_p, shuffled_group_means


def test_means_of_groups_filled_at_random_are_hypergeometric() -> None:
    values = np.repeat([0.0, 1.0], [30, 10])
    member = np.zeros((2, 45), dtype=bool)
    member[0, :12], member[1, 12:40] = True, True
    means = shuffled_group_means(np.append(values, np.full(5, 9.0)), member, 20000, np.random.default_rng(0))
    law = hypergeom(40, 10, 12)
    hits = np.round(means[:, 0] * 12).astype(int)
    assert np.bincount(hits, minlength=13)[:7] / 20000 == pytest.approx(law.pmf(np.arange(7)), abs=0.01)
    assert means @ np.array([12, 28]) == pytest.approx(10.0)  # who is of no group takes no part


def test_p_is_uniform_under_independence_and_least_where_x_is_y() -> None:
    rng = np.random.default_rng(1)

    def correlation(x: np.ndarray, y: np.ndarray) -> float:
        return float(abs(np.corrcoef(x, y)[0, 1]))

    p = [permutation_p(rng.normal(size=15), rng.normal(size=15), correlation, 99, rng) for _ in range(200)]
    assert 0.03 < np.mean(np.array(p) <= 0.1) < 0.18
    x = rng.normal(size=30)
    assert permutation_p(x, x, correlation, 99, rng) == 0.01


def test_holm_multiplies_by_the_tests_that_are_left() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
