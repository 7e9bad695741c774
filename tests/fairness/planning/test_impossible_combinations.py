"""Combinations that do not occur are not planned; those that do are."""

import numpy as np
import pandas as pd
import pytest

from synthcmr.cohort.grouping import Bin
from synthcmr.fairness.planning.impossible_combinations import cell_contradicts, contradictions
from synthcmr.fairness.planning.plan import plan_subjects


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ({"sex": "male", "diagnosis": "peripartum cardiomyopathy"}, "not in men"),
        ({"sex": "female", "diagnosis": "Klinefelter syndrome"}, "not in women"),
        ({"age": 30.0, "diagnosis": "wild-type ATTR amyloidosis"}, "not before 45 years"),
        ({"age": 8.0, "diagnosis": "HFpEF"}, "not before 18 years"),
        ({"age": 6.0, "diagnosis": "MINF"}, "not before 12 years"),
        ({"bmi": 22.0, "height_cm": 170.0, "weight_kg": 95.0}, "give BMI 32.9, not 22"),
        ({"age": 6.0, "height_cm": 180.0}, "no person of 6 years is 180 cm tall"),
        ({"height_cm": 40.0}, "40 cm tall"),
        ({"bmi": 130.0}, "outside 9 to 100"),
        ({"systolic_bp": 80.0, "diastolic_bp": 95.0}, "not above diastolic"),
    ],
)
def test_contradictions_are_told(person: dict[str, object], why: str) -> None:
    assert any(why in reason for reason in contradictions(person))


@pytest.mark.parametrize(
    "person",
    [
        {"sex": "female", "age": 66.0, "diagnosis": "peripartum cardiomyopathy"},  # its scars stay
        {"sex": "male", "diagnosis": "non-ischaemic cardiomyopathy", "age": 3.0},
        {"sex": "female", "age": 67.0, "bmi": 31.0, "height_cm": 160.0, "weight_kg": 79.4, "diagnosis": "HF"},
        {"age": 12.0, "height_cm": 150.0, "bmi": 18.0, "diagnosis": "HCM"},
        {"diagnosis": "RV", "height_cm": 140.0, "weight_kg": 35.0, "bmi": 17.86},
        {},
    ],
)
def test_what_occurs_is_allowed(person: dict[str, object]) -> None:
    assert contradictions(person) == []


def test_cells_are_refused_by_sex_and_by_the_whole_of_an_age_group() -> None:
    ages = {"under 40": Bin(-np.inf, 40), "40-49": Bin(40, 50)}
    assert cell_contradicts({"age": "under 40", "diagnosis": "ATTRwt"}, ages)
    assert not cell_contradicts({"age": "40-49", "diagnosis": "ATTRwt"}, ages)
    assert cell_contradicts({"sex": "male", "diagnosis": "PPCM"}, None)
    assert not cell_contradicts({"sex": "female", "diagnosis": "PPCM"}, None)


def test_a_target_leaves_out_what_does_not_occur_and_reaches_the_rest() -> None:
    sex = ["female"] * 20 + ["male"] * 30
    diagnosis = ["PPCM"] * 6 + ["NOR"] * 14 + ["NOR"] * 22 + ["DCM"] * 8
    subjects = pd.DataFrame({"subject_id": [f"s{i}" for i in range(50)], "sex": sex, "diagnosis": diagnosis})
    plan = plan_subjects(subjects, "equal:sex,diagnosis")
    cells = {c.words: c for c in plan.cells}
    assert cells["male, diagnosis PPCM"].planned == 0
    assert cells["male, diagnosis PPCM"].refused == "it begins around childbirth: not in men"
    assert all(c.real + c.planned == 22 for words, c in cells.items() if words != "male, diagnosis PPCM")
    assert any("male, diagnosis PPCM (it begins around childbirth" in note for note in plan.notes)


def test_subjects_who_contradict_themselves_lend_nothing() -> None:
    n = 40
    subjects = pd.DataFrame(
        {
            "subject_id": [f"s{i}" for i in range(n)],
            "sex": ["female"] * 10 + ["male"] * 30,
            "bmi": np.linspace(20, 30, n).round(1),
            "height_cm": np.linspace(160, 180, n).round(1),
        }
    )
    subjects["weight_kg"] = (subjects["bmi"] * (subjects["height_cm"] / 100) ** 2).round(1)
    subjects.loc[:3, "weight_kg"] = 30.0
    donors = {row.donor for row in plan_subjects(subjects, "equal:sex").rows}
    assert not donors & {"s0", "s1", "s2", "s3"}
