"""Counts, effective sizes in closed form, and who is missing."""

import numpy as np
import pandas as pd
import pytest

from synthcmr.cohort.grouping import grouped, in_order
from synthcmr.fairness.audit import verdict
from synthcmr.fairness.cells import count_attribute, crossing, inverse_simpson, kish_equal_groups, missing_cells
from tests.fairness.making import people


def test_effective_sizes_in_closed_form() -> None:
    assert inverse_simpson(np.array([10.0, 10, 10, 10])) == 4.0
    assert inverse_simpson(np.array([90.0, 10])) == pytest.approx(100**2 / (90**2 + 10**2))
    sizes = np.array([90.0, 10.0])
    weights = np.repeat(1 / sizes, sizes.astype(int))
    assert kish_equal_groups(sizes) == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_counts_ignore_missing_values_and_say_how_many() -> None:
    counts = count_attribute(pd.Series(["a", "b", "b", None], name="x"))
    assert counts.groups == {"a": 1, "b": 2}
    assert (counts.n, counts.missing, counts.imbalance) == (3, 1, 2.0)


def test_numbers_are_cut_where_readers_expect_it() -> None:
    groups = grouped(
        pd.DataFrame({"age": [35.0, 47, 59, 61, 72, 88, np.nan], "bmi": [17.0, 18.5, 24.9, 25, 30, 40, np.nan]})
    )
    assert groups["age"].tolist()[:6] == ["under 40", "40-49", "50-59", "60-69", "70-79", "80 and over"]
    assert groups["bmi"].tolist()[:6] == [
        "underweight",
        "normal weight",
        "normal weight",
        "overweight",
        "obese",
        "obese",
    ]
    assert groups.isna().iloc[6].all()
    assert in_order(["obese", "underweight", "overweight"]) == ["underweight", "overweight", "obese"]


def test_columns_that_form_no_groups_are_left_out() -> None:
    table = people(60, 0).assign(height_cm=170.0, weight_kg=70.0, free=[f"t{i}" for i in range(60)], empty=None)
    assert set(grouped(table).columns) == {"sex", "age", "bmi", "vendor", "diagnosis"}


def test_crossing_holds_its_empty_cells() -> None:
    table = crossing(pd.DataFrame({"a": ["x", "x", "y"], "b": ["u", "v", "u"]}), "a", "b")
    assert table == {"x": {"u": 1, "v": 1}, "y": {"u": 1, "v": 0}}


def test_a_missing_group_is_named_and_what_it_implies_is_not_repeated() -> None:
    table = people(200, 1)
    table = table[~((table.sex == "female") & (table.diagnosis == "DCM"))]
    found = missing_cells(grouped(table), "diagnosis")
    assert set(found[0].groups) == {"female", "DCM"}
    assert found[0].count == 0
    assert not any({"female", "DCM"} < set(cell.groups) for cell in found)


def test_balanced_cohorts_have_nobody_missing_and_are_told_so() -> None:
    groups = grouped(people(600, 3)[["subject_id", "sex", "vendor", "diagnosis"]])
    counts = [count_attribute(groups[c]) for c in groups]
    said = verdict(600, "diagnosis", counts, missing_cells(groups, "diagnosis"), [])
    assert said[0].startswith("No subject has a value of age or bmi,")
    assert "no expected combination of two attributes is missing" in said[0]
    assert said[1].startswith("No two attributes are associated")


def test_small_cohorts_are_not_judged() -> None:
    assert "too small to say" in verdict(7, None, [], [], [])[0]


def test_large_tables_are_no_burden() -> None:
    groups = grouped(people(100_000, 0))
    assert sum(count_attribute(groups["age"]).groups.values()) == 100_000
    assert missing_cells(groups, "diagnosis") == []
