"""The page of a plan: complete, offline, safe, and honest about what is short."""

import re
from pathlib import Path

from synthcmr.fairness.planning.plan import plan_subjects
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.report.plan_page import lead, margins, write_plan_page
from tests.fairness.making import people


def page_of(plan: Plan, folder: Path) -> str:
    plan.write(folder)
    return write_plan_page(plan, folder).read_text()


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
    ties = {frozenset((t.a, t.b)): t for t in plan.tangles}
    for name in ("sex", "bmi"):
        assert ties[frozenset(("diagnosis", name))].before > 0.3
        assert ties[frozenset(("diagnosis", name))].after < 0.05
    assert ties[frozenset(("diagnosis", "vendor"))].remains
    (said,) = [s for s in lead(plan) if "Still tangled" in s]
    assert "vendor" in said
    assert "take vendor into the target too" in said


def test_what_limits_leave_short_is_shown(tmp_path: Path) -> None:
    settings = PlanSettings(budget=5, below_floor="refuse", floor=20)
    plan = plan_subjects(people(80, 0, tangled=True), "equal:sex,diagnosis", settings)
    page = page_of(plan, tmp_path / "plan")
    assert "subjects short, for the reasons below." in page
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
