"""What cannot be reached by adding subjects ends in one clear sentence that names the flag."""

from pathlib import Path

import pandas as pd
import pytest

from synthcmr.errors import SettingsError
from synthcmr.fairness.planning.plan import plan_subjects
from synthcmr.fairness.planning.settings import PlanSettings
from tests.fairness.making import people


def table(n: int = 60) -> pd.DataFrame:
    return people(n, 0)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("balance", "--target: expected one of equal:A,B"),
        ("equal:", "--target: expected one of equal:A,B"),
        ("equal:gender", "--target: no attribute 'gender'; there are: sex, age, bmi, vendor, diagnosis"),
        ("equal:sex,sex", "--target: expected different attributes"),
        ("equal:bmi,bmi_class", "--target: expected different attributes"),
        ("equal:subject_id", "--target: no attribute 'subject_id'"),
        ("equal:scanner", "--target: no subject that is counted has a value of 'scanner'"),
        (
            "equal:centre",
            "--target equal: expected at least two cells to make equal, but all 60 subjects are of one: centre Leeds",
        ),
        ("parity:diagnosis", "--target: expected parity:LABEL|A,B"),
        ("parity:diagnosis|diagnosis", "--target: 'diagnosis' cannot be the label and one of the groups"),
        ("parity:illness|sex", "--target: no attribute 'illness'"),
        (
            "parity:centre|sex",
            "--target parity: expected at least two labels among the counted subjects, got one: Leeds",
        ),
        (
            "parity:sex|centre",
            "--target parity: expected at least two groups among the counted subjects, got one: centre Leeds",
        ),
        ("total:sex=5", "--target total: expected a total of at least 3"),
        ("total:sex", "--target: expected total:A,B=N"),
        ("make:sex=none", "--target: expected a whole number from 1, got 'none'"),
        ("copy:0", "--target: expected a whole number from 1, got '0'"),
        ("match:nowhere.csv", "--target match: expected a readable CSV table at nowhere.csv"),
    ],
)
def test_impossible_targets(target: str, told: str) -> None:
    subjects = table().assign(scanner=None, centre="Leeds")
    with pytest.raises(SettingsError) as error:
        plan_subjects(subjects, target)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["sex,share", "female,0", "male,1"], "the cohort has subjects (female: 35), of which the reference has none"),
        (["sex,share", "male,1"], "of which the reference has none; a plan removes no subject"),
        (["sex,share", "female,0.2", "male,0.2"], "expected shares that add up to 1 (or 100), got 0.4"),
        (
            ["sex,count", "female,10", "male,100"],
            "(female: 35), more than the reference's count; a plan removes no subject",
        ),
        (["sex,count", "female,1.5", "male,100"], "expected a whole number from 0 as count of ('female',), got '1.5'"),
        (["sex,share", "female,x", "male,1"], "expected a number from 0 as share of ('female',), got 'x'"),
        (["sex,share", "female,0.5", "female,0.5"], "expected every cell once and complete"),
        (["sex", "female"], "either 'share' or 'count', got the columns sex"),
        (["sex,count,share", "female,1,1"], "either 'share' or 'count'"),
        (["vendor,share", "Siemens,0.4", "Philips,0.4", "GE,0.2"], "no subject that is counted is 'GE' (vendor)"),
        ([""], "got the columns none"),
    ],
)
def test_impossible_references(tmp_path: Path, lines: list[str], told: str) -> None:
    file = tmp_path / "table.csv"
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(SettingsError) as error:
        plan_subjects(table(), f"match:{file}")
    assert told in str(error.value)
    assert "--target match" in str(error.value)


def test_what_belongs_to_copies_is_refused_elsewhere() -> None:
    with pytest.raises(SettingsError, match="--weights value: expected with --target copy only"):
        plan_subjects(table(), "equal:sex", PlanSettings(weights="value"))
    with pytest.raises(SettingsError, match="--by: expected with --target copy only"):
        plan_subjects(table(), "equal:sex", PlanSettings(by=("sex",)))


def test_too_many_cells_are_no_groups() -> None:
    subjects = table(60).assign(a=[f"a{i}" for i in range(60)], b=[f"b{i}" for i in range(60)])
    with pytest.raises(SettingsError, match="got 3600 cells of a, b; at most 2000"):
        plan_subjects(subjects, "equal:a,b")


def test_limits_that_leave_cells_short_say_so() -> None:
    subjects = pd.concat([table(), table(2).assign(sex="female", diagnosis="HCM")], ignore_index=True)
    plan = plan_subjects(subjects, "equal:sex,diagnosis", PlanSettings(below_floor="refuse", cap=0.5, budget=3))
    said = " ".join(plan.notes)
    assert "--budget 3 makes 3 of the" in said
    assert "--cap 0.5 keeps" in said
    assert "female, diagnosis HCM (2 real subjects, fewer than --floor 5)" in said
    assert "male, diagnosis HCM (no real subjects, fewer than --floor 5)" in said
    named = plan_subjects(subjects, "equal:sex,diagnosis")
    assert any("a generator extrapolates: female, diagnosis HCM (2)" in note for note in named.notes)
    assert all(c.short == 0 for c in named.cells)


def test_a_cohort_that_is_there_already_needs_nothing_and_is_told_so() -> None:
    subjects = pd.DataFrame({"subject_id": list("abcd"), "sex": ["female", "male"] * 2})
    plan = plan_subjects(subjects, "equal:sex")
    assert not plan.rows
    assert "already: nothing has to be generated" in plan.notes[-1]


def test_missing_values_belong_to_no_cell_and_are_counted() -> None:
    subjects = table()
    subjects.loc[:6, "sex"] = None
    plan = plan_subjects(subjects, "equal:sex")
    assert sum(c.real for c in plan.cells) == 53
    assert "Not counted: 7 subjects without a value of sex." in plan.notes
