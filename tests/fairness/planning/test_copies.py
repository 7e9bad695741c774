"""Weights of copies: by cell, or by value, capped."""

from fractions import Fraction

import pandas as pd
import pytest

from synthcmr.fairness.planning.cell_allocation import cell_weights
from synthcmr.fairness.planning.crossing import Groups, occupied
from synthcmr.fairness.planning.plan import plan_subjects
from synthcmr.fairness.planning.settings import PlanSettings


def cohort() -> pd.DataFrame:
    """90 men, 10 women; half of each with DCM."""
    sex = ["male"] * 90 + ["female"] * 10
    return pd.DataFrame({"subject_id": [f"s{i}" for i in range(100)], "sex": sex, "diagnosis": ["NOR", "DCM"] * 50})


def test_weights_by_value_are_means_over_sizes_and_capped() -> None:
    crossing = occupied(Groups.of(cohort()), ("sex", "diagnosis"))
    free = cell_weights(crossing, PlanSettings(weights="value", weight_cap=50))
    assert free["female", "DCM"] == Fraction(50, 10)
    assert free["male", "NOR"] == Fraction(50, 90)
    capped = cell_weights(crossing, PlanSettings(weights="value", weight_cap=2))
    assert capped["female", "DCM"] == 2
    by_cell = cell_weights(crossing, PlanSettings(weights="cell", weight_cap=50))
    assert by_cell["female", "DCM"] == Fraction(25, 5)


def test_independent_attributes_come_out_even() -> None:
    plan = plan_subjects(cohort(), "copy:100", PlanSettings(weights="value", weight_cap=50))
    assert sorted(c.planned for c in plan.cells) == [25] * 4


def test_a_capped_weight_leaves_the_rare_rarer() -> None:
    plan = plan_subjects(cohort(), "copy:100", PlanSettings(weights="value", weight_cap=2))
    women = sum(row.attributes["sex"] == "female" for row in plan.rows)
    assert women == pytest.approx(100 * 20 / (20 + 50), abs=1)


def test_who_misses_an_attribute_is_copied_too_and_weighs_one() -> None:
    subjects = cohort()
    subjects.loc[:9, "sex"] = None
    crossing = occupied(Groups.of(subjects), ("sex",))
    assert cell_weights(crossing, PlanSettings(weights="value"))[("not known",)] == 1
    plan = plan_subjects(subjects, "copy")
    assert sum("sex" not in row.attributes for row in plan.rows) == 10


def test_a_budget_makes_fewer_copies_of_the_same_kind() -> None:
    plan = plan_subjects(cohort(), "copy", PlanSettings(budget=50))
    assert sorted(abs(c.planned - c.real / 2) for c in plan.cells) == [0.5] * 4
    assert "--budget 50: 50 of 100 copies." in plan.notes
