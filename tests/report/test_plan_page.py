"""The page of a plan: complete, offline, safe, and honest about what is short."""

import re
from pathlib import Path

import pandas as pd

from synthcmr.fairness.planning.plan import plan_subjects
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.report.plan_page import lead, margins, write_plan_page
from tests.fairness.making import people
from tests.report.accessible import check


def page_of(plan: Plan, folder: Path) -> str:
    plan.write(folder)
    page = write_plan_page(plan, folder)
    check(page)
    return page.read_text()


def test_the_page_shows_cells_ties_and_rows_and_needs_no_network(tmp_path: Path) -> None:
    plan = plan_subjects(people(200, 0, tangled=True), "parity:diagnosis|sex,bmi_class")
    page = page_of(plan, tmp_path / "plan")
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    for cell in plan.cells:
        assert f"{cell.words}</span>" in page
        assert f"{cell.real} + {cell.planned} = {cell.real + cell.planned}" in page
    assert plan.rows[0].prompt in page
    assert "The target is reached." in page
    assert "Left out" not in page


def test_parity_unties_the_label_and_the_page_says_what_remains_tied(tmp_path: Path) -> None:
    plan = plan_subjects(people(200, 0, tangled=True), "parity:diagnosis|sex,bmi")
    ties = {frozenset((t.a, t.b)): t for t in plan.residual_associations}
    for name in ("sex", "bmi"):
        assert ties[frozenset(("diagnosis", name))].before > 0.3
        assert ties[frozenset(("diagnosis", name))].after < 0.05
    assert ties[frozenset(("diagnosis", "vendor"))].remains
    (said,) = [s for s in lead(plan) if "Still associated" in s]
    assert "vendor" in said
    assert "Add vendor to --target, or evaluate" in said


def test_what_limits_leave_short_is_shown(tmp_path: Path) -> None:
    settings = PlanSettings(budget=5, below_floor="refuse", floor=20)
    plan = plan_subjects(people(80, 0, tangled=True), "equal:sex,diagnosis", settings)
    page = page_of(plan, tmp_path / "plan")
    assert "subjects missing. The notes give the reasons." in page
    assert "fewer than --floor 20" in page
    assert "<h2>Left out</h2>" in page
    assert "5 rows" in page


def test_groups_add_up_to_cells() -> None:
    plan = plan_subjects(people(80, 0), "equal:sex,diagnosis")
    for groups in margins(plan.cells).values():
        assert sum(g["real"] for g in groups) == 80
        assert sum(g["planned"] for g in groups) == len(plan.rows)


def test_names_from_the_data_cannot_write_html(tmp_path: Path) -> None:
    subjects = people(30, 0)
    subjects["centre"] = ["<script>alert(1)</script>"] * 10 + ["Leeds"] * 20
    assert "<script>" not in page_of(plan_subjects(subjects, "equal:centre"), tmp_path / "plan")


def test_ties_that_a_plan_makes_closer_are_told() -> None:
    """Groups of one size, two of them of one diagnosis only: parity doubles these, and sex tells BMI."""
    counts = {("female", 22.0, "NOR"): 40, ("female", 34.0, "NOR"): 20, ("female", 34.0, "DCM"): 20}
    counts |= {("male", 22.0, "NOR"): 20, ("male", 22.0, "DCM"): 20, ("male", 34.0, "DCM"): 40}
    who = [kind for kind, count in counts.items() for _ in range(count)]
    table = pd.DataFrame(who, columns=["sex", "bmi", "diagnosis"]).assign(subject_id=[f"s{i}" for i in range(len(who))])
    (told,) = [s for s in lead(plan_subjects(table, "parity:diagnosis|sex,bmi")) if "increases an association" in s]
    assert "bmi and sex (V 0.00 before, 0.3" in told
    assert not [s for s in lead(plan_subjects(table, "equal:sex,bmi,diagnosis")) if "increases an association" in s]


def test_cells_that_parity_rounds_away_are_named() -> None:
    who = [("female", "NOR")] * 100 + [("male", "NOR")] * 2 + [("female", "DCM")] * 10
    subjects = pd.DataFrame(who, columns=["sex", "diagnosis"]).assign(subject_id=[f"s{i}" for i in range(len(who))])
    plan = plan_subjects(subjects, "parity:diagnosis|sex")
    (note,) = [note for note in plan.notes if "less than half a subject of the label" in note]
    assert "male" in note
    assert "DCM" in note


def test_a_plan_repeated_is_the_one_that_is_there(tmp_path: Path) -> None:
    plan, other = (plan_subjects(people(40, 0), target) for target in ("equal:sex", "equal:diagnosis"))
    plan.write(tmp_path / "plan")
    assert plan.is_at(tmp_path / "plan")
    assert not other.is_at(tmp_path / "plan")
    (tmp_path / "plan" / "plan.json").unlink()  # as if it had been stopped half-way
    plan.write(tmp_path / "plan")
    assert Plan.read(tmp_path / "plan").hash == plan.hash
