"""Planned people are near real ones: numbers stay in their cell, keep mean and spread, and go together."""

import numpy as np
import pandas as pd

from synthcmr.fairness.planning.crossing import Groups
from synthcmr.fairness.planning.plan import plan_subjects
from synthcmr.fairness.planning.rows import Kernel
from synthcmr.fairness.planning.settings import PlanSettings


def cohort(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Women with DCM are few; body and age correlate; two scanners that exist, and two that do not."""
    rng = np.random.default_rng(seed)
    man = rng.random(n) < 0.6
    sick = rng.random(n) < np.where(man, 0.5, 0.15)
    z = rng.multivariate_normal([0, 0, 0], [[1, 0.5, 0], [0.5, 1, -0.3], [0, -0.3, 1]], n)
    philips = rng.random(n) < 0.4
    height = np.where(man, 176, 163) + 6 * z[:, 2]
    bmi = 26 + 4 * z[:, 1]
    return pd.DataFrame(
        {
            "subject_id": [f"s{i}" for i in range(n)],
            "sex": np.where(man, "male", "female"),
            "age": (60 + 8 * z[:, 0]).round(1),
            "bmi": bmi.round(2),
            "height_cm": height.round(1),
            "weight_kg": (bmi * (height / 100) ** 2).round(1),
            "diagnosis": np.where(sick, "DCM", "NOR"),
            "vendor": np.where(philips, "Philips", "Siemens"),
            "field_strength_t": np.where(philips, 3.0, 1.5),
        }
    )


def rows_of(subjects: pd.DataFrame, target: str, **settings: object) -> pd.DataFrame:
    plan = plan_subjects(subjects, target, PlanSettings(**settings))  # type: ignore[arg-type]
    return pd.DataFrame([row.flat() for row in plan.rows])


def test_numbers_keep_the_mean_and_spread_of_their_cell_and_are_nobodys() -> None:
    subjects = cohort()
    made = rows_of(subjects, "make:sex,diagnosis=400")
    for (sex, diagnosis), cell in subjects.groupby(["sex", "diagnosis"]):
        planned = made[(made["sex"] == sex) & (made["diagnosis"] == diagnosis)]
        for name in ("age", "bmi", "height_cm"):
            sd = cell[name].std()
            assert abs(planned[name].mean() - cell[name].mean()) < 0.15 * sd
            assert 0.85 < planned[name].std() / sd < 1.1
        numbers = ["age", "bmi", "height_cm"]
        assert np.abs(planned[numbers].corr().to_numpy() - cell[numbers].corr().to_numpy()).max() < 0.2
    own = {tuple(x) for x in subjects[["age", "bmi", "height_cm"]].to_numpy()}
    assert sum(tuple(x) in own for x in made[["age", "bmi", "height_cm"]].to_numpy()) < 5


def test_numbers_stay_in_their_cell_and_where_there_are_people() -> None:
    subjects = cohort()
    made = rows_of(subjects, "equal:sex,age,bmi", floor=0)
    groups = Groups.of(subjects)
    for row in made.to_dict("records"):
        assert row["cell"] == f"{row['sex']}, {groups.group('age', row['age'])}, {groups.group('bmi', row['bmi'])}"
    for sex, there in subjects.groupby("sex"):
        planned = made[made["sex"] == sex]
        assert planned["height_cm"].between(there["height_cm"].min(), there["height_cm"].max()).all()
    for name in ("age", "bmi"):
        assert made[name].between(subjects[name].min(), subjects[name].max()).all()


def test_weight_follows_and_scanners_stay_whole() -> None:
    made = rows_of(cohort(), "make:sex,diagnosis=100")
    assert np.allclose(made["weight_kg"], made["bmi"] * (made["height_cm"] / 100) ** 2, atol=0.06)
    assert set(zip(made["vendor"], made["field_strength_t"], strict=True)) == {("Philips", 3.0), ("Siemens", 1.5)}


def test_cells_with_nobody_are_made_of_those_most_like_them() -> None:
    subjects = cohort()
    subjects = subjects[~((subjects["sex"] == "female") & (subjects["diagnosis"] == "DCM"))].reset_index(drop=True)
    made = rows_of(subjects, "equal:sex,diagnosis")
    women = made[(made["sex"] == "female") & (made["diagnosis"] == "DCM")]
    assert len(women) == subjects.groupby(["sex", "diagnosis"]).size().max()
    lent = subjects.set_index("subject_id").loc[women["donor"].unique()]
    assert set(lent["sex"]) == {"female"}  # their bodies, not men's
    assert len(lent) == 5
    assert women["reason"].str.contains("lent").all()
    assert women["height_cm"].mean() < 168


def test_an_imposed_number_lies_in_its_group() -> None:
    subjects = cohort(60)
    subjects = subjects[~((subjects["diagnosis"] == "DCM") & (subjects["bmi"] >= 30))]
    made = rows_of(subjects, "total:diagnosis,bmi=30", floor=0)
    fat = made[made["cell"] == "diagnosis DCM, obese"]
    assert len(fat) == 30
    assert (fat["bmi"] >= 30).all()
    assert np.allclose(fat["weight_kg"], fat["bmi"] * (fat["height_cm"] / 100) ** 2, atol=0.06)


def test_numbers_are_written_as_the_cohort_writes_them() -> None:
    subjects = cohort().round({"age": 0})
    assert (rows_of(subjects, "make:sex=50")["age"] % 1 == 0).all()


def test_a_prompt_says_what_the_row_says() -> None:
    row = plan_subjects(cohort(), "make:sex=1").rows[0]
    assert row.prompt.startswith("Short-axis cardiac MRI, mid-ventricular slice. Woman,")
    assert f"{row.attributes['height_cm']:g} cm" in row.prompt
    whole = plan_subjects(cohort(), "make:sex=1", PlanSettings(level="whole")).rows[0]
    assert whole.prompt.startswith("Short-axis cardiac MRI. Woman,")


def test_kernel_keeps_the_covariance() -> None:
    rng = np.random.default_rng(1)
    values = rng.multivariate_normal([50, 25], [[60, 12], [12, 16]], 40)
    kernel = Kernel.of(values)
    drawn = np.array([kernel.draw(values[rng.integers(40)], rng) for _ in range(20_000)])
    assert np.allclose(drawn.mean(axis=0), values.mean(axis=0), atol=0.15)
    assert np.allclose(np.cov(drawn.T, bias=True), np.cov(values.T, bias=True), rtol=0.06, atol=0.5)


def test_unknown_numbers_stay_unknown() -> None:
    kernel = Kernel.of(np.array([[50.0, np.nan], [60.0, np.nan], [55.0, 24.0]]))
    drawn = kernel.draw(np.array([50.0, np.nan]), np.random.default_rng(0))
    assert np.isfinite(drawn[0])
    assert np.isnan(drawn[1])
