"""Association: against scipy, silent on independence, awake to planted ties."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association as scipy_association

from synthcmr.cohort.grouping import grouped
from synthcmr.fairness.association import associations
from synthcmr.statistics.association import cramers_v
from tests.fairness.making import people


@pytest.mark.parametrize("seed", range(5))
def test_uncorrected_v_equals_scipy(seed: int) -> None:
    table = np.random.default_rng(seed).integers(1, 30, size=(3, 4))
    assert cramers_v(table.astype(float), corrected=False) == pytest.approx(scipy_association(table, method="cramer"))


def test_v_is_one_where_one_tells_the_other_and_zero_where_it_says_nothing() -> None:
    assert cramers_v(np.diag([50.0, 30.0, 20.0])) == pytest.approx(1.0)
    assert cramers_v(np.outer([30.0, 60.0], [1.0, 2.0])) == 0.0


def test_correction_removes_the_bias_of_small_samples() -> None:
    rng = np.random.default_rng(0)
    drawn = [np.bincount(rng.integers(12, size=40), minlength=12).reshape(3, 4).astype(float) for _ in range(300)]
    assert np.mean([cramers_v(t, corrected=False) for t in drawn]) > 0.2
    assert np.mean([cramers_v(t) for t in drawn]) < 0.1


def test_independent_attributes_are_hardly_ever_called_tangled() -> None:
    alarms = sum(any(a.is_associated for a in associations(grouped(people(150, seed)))) for seed in range(20))
    assert alarms <= 2  # 5 % after correction


@pytest.mark.parametrize("seed", range(3))
def test_planted_ties_with_the_label_are_found(seed: int) -> None:
    found = associations(grouped(people(160, seed, tangled=True)))
    tangled = {frozenset((a.a, a.b)) for a in found if a.is_associated}
    for attribute in ("sex", "bmi", "vendor"):
        assert frozenset(("diagnosis", attribute)) in tangled
    for a in found:
        if a.v is not None:
            assert 0 <= a.low <= a.high <= 1


def test_too_few_subjects_are_refused_with_the_number() -> None:
    (pair,) = associations(pd.DataFrame({"a": ["x", "y"] * 5, "b": ["u"] * 5 + ["v"] * 5}))
    assert pair.v is None
    assert "10 subjects" in pair.refused
    assert not pair.is_associated


def test_missing_values_count_for_neither() -> None:
    groups = pd.DataFrame({"a": (["x", "y"] * 20) + [None] * 10, "b": ["u", "v"] * 25})
    (pair,) = associations(groups)
    assert pair.n == 40
    assert pair.v == pytest.approx(1.0)
