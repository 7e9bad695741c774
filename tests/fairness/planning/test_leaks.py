"""No subject of the test split reaches a plan; a planted one is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError, SettingsError
from synthcmr.fairness.planning.plan import plan_cohort, plan_subjects
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.fairness.planning.plan_table import check_plan
from synthcmr.fairness.planning.settings import PlanSettings
from tests.fairness.making import people


def held_out(cohort: Cohort, split: str) -> str:
    return str(cohort.subjects.loc[cohort.subjects["split"] == split, "subject_id"].iloc[0])


@pytest.mark.parametrize("target", ["equal:sex", "copy", "make:diagnosis=3", "total:sex,vendor=30"])
@pytest.mark.parametrize("masks", ["generated", "deformed"])
def test_only_training_subjects_are_counted_and_drawn_after(phantom_cohort: Cohort, target: str, masks: str) -> None:
    plan = plan_cohort(phantom_cohort, target, PlanSettings(masks=masks))  # type: ignore[arg-type]
    train = set(phantom_cohort.subjects.loc[phantom_cohort.subjects["split"] == "train", "subject_id"])
    assert plan.counted == len(train)
    assert {row.donor for row in plan.rows} | {row.like for row in plan.rows if row.like} <= train
    assert all((row.like is None) == (masks == "generated") for row in plan.rows)


@pytest.mark.parametrize("split", ["test", "validation"])
@pytest.mark.parametrize("role", ["donor", "like"])
def test_a_planted_leak_is_refused(phantom_cohort: Cohort, split: str, role: str) -> None:
    plan = plan_cohort(phantom_cohort, "copy:4", PlanSettings(masks="deformed"))
    check_plan(plan.rows, phantom_cohort)
    victim = held_out(phantom_cohort, split)
    planted = replace(plan.rows[2], **{role: victim})
    with pytest.raises(SettingsError, match=f"row 2 .*'{victim}'.*who is of its {split} split"):
        check_plan([*plan.rows, planted], phantom_cohort)


def test_strangers_are_refused(phantom_cohort: Cohort) -> None:
    plan = plan_cohort(phantom_cohort, "copy:1")
    with pytest.raises(SettingsError, match="who is not one of it"):
        check_plan([replace(plan.rows[0], donor="nobody")], phantom_cohort)


def test_a_cohort_of_test_subjects_alone_is_refused() -> None:
    subjects = people(30, 0).assign(split=["test"] * 20 + ["validation"] * 10)
    with pytest.raises(
        SettingsError, match="expected subjects of the training split to plan from, got 20 of test, 10 of validation"
    ):
        plan_subjects(subjects, "equal:sex")


def test_a_cohort_without_splits_is_counted_whole_and_says_so() -> None:
    plan = plan_subjects(people(30, 0), "equal:sex")
    assert plan.counted_who == "The cohort has no splits: all 30 subjects are counted."


def test_test_subjects_do_not_even_move_a_cut() -> None:
    """Quarters of a number, and its range, are those of training subjects."""
    subjects = people(80, 0).assign(fitness=range(80), split=["train"] * 40 + ["test"] * 40)
    plan = plan_subjects(subjects, "make:fitness=5")
    assert max(float(row.attributes["fitness"]) for row in plan.rows) <= 39


@pytest.mark.parametrize("what", ["rows", "cells", "cohort"])
def test_a_plan_that_was_changed_is_refused(phantom_cohort: Cohort, tmp_path: Path, what: str) -> None:
    import pandas as pd

    plan = plan_cohort(phantom_cohort, "equal:sex,diagnosis", PlanSettings(masks="deformed"))
    plan.write(tmp_path / "plan")
    assert Plan.read(tmp_path / "plan") == plan
    file, told = tmp_path / "plan/plan.parquet", tmp_path / "plan/plan.json"
    if what == "rows":
        table = pd.read_parquet(file)
        table.loc[0, "like"] = held_out(phantom_cohort, "test")
        table.to_parquet(file)
    else:
        old, new = ('"planned": ', '"planned": 1') if what == "cells" else (phantom_cohort.hash, "0" * 64)
        told.write_text(told.read_text().replace(old, new))
    with pytest.raises(
        CohortError, match=rf"{'parquet' if what == 'rows' else 'json'}: .* its content has changed since"
    ):
        Plan.read(tmp_path / "plan")
    record = {k: v for k, v in json.loads(told.read_text()).items() if k not in ("checksum", "files")}
    told.write_text(json.dumps(record))  # as plans were written before they had checksums
    with pytest.raises(SettingsError, match="were changed after planning"):
        Plan.read(tmp_path / "plan")


def test_what_is_no_plan_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"expected a plan's folder with plan.json and plan.parquet"):
        Plan.read(tmp_path)
