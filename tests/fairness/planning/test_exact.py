"""Real and planned subjects together reach the target to rounding, for random cohorts and targets."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from synthcmr.errors import SettingsError
from synthcmr.fairness.planning.cell_allocation import most_rows, quotas, whole
from synthcmr.fairness.planning.plan import plan_subjects
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.fairness.planning.settings import PlanSettings
from tests.fairness.planning.making import LETTERS, cohorts, crossings, made, observed

HUNDREDS = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


def planned(subjects: pd.DataFrame, target: str, **limits: object) -> Plan:
    """The plan; examples whose target is impossible are not what these tests are about."""
    try:
        return plan_subjects(subjects, target, PlanSettings(**limits))  # type: ignore[arg-type]
    except SettingsError:
        assume(False)
        raise


def combined(subjects: pd.DataFrame, plan: Plan) -> Counter[tuple[str, ...]]:
    return observed(subjects, plan.attributes) + made(subjects, plan, plan.attributes)


@HUNDREDS
@given(cohorts(), crossings(), st.sampled_from(["equal", "total", "make", "parity", "share", "count"]), st.randoms())
def test_the_combined_cohort_reaches_its_target(
    tmp_path_factory: pytest.TempPathFactory, subjects: pd.DataFrame, names: tuple[str, ...], kind: str, random: object
) -> None:
    reference = tmp_path_factory.mktemp("reference") / "table.csv"
    real = observed(subjects, names)
    assume(real)
    if kind == "equal":
        plan = planned(subjects, f"equal:{','.join(names)}")
        assert set(combined(subjects, plan).values()) == {max(real.values())}
    elif kind in ("total", "make"):
        number = max(real.values()) + 3
        plan = planned(subjects, f"{kind}:{','.join(names)}={number}")
        expected = {number} if kind == "total" else {real[tuple(c.groups.values())] + number for c in plan.cells}
        assert set(combined(subjects, plan).values()) == expected
    elif kind == "parity":
        label = next(n for n in LETTERS if n not in names)
        _check_parity(subjects, planned(subjects, f"parity:{label}|{','.join(names)}"))
    else:
        _check_match(subjects, names, kind, reference, random)


def _check_parity(subjects: pd.DataFrame, plan: Plan) -> None:
    real, after = observed(subjects, plan.attributes), combined(subjects, plan)
    n = sum(real.values())
    for group in {cell[:-1] for cell in real}:
        labels = {cell[-1] for cell in real}
        share = {d: Fraction(sum(x for c, x in real.items() if c[-1] == d), n) for d in labels}
        size = max(real[(*group, d)] / share[d] for d in labels)
        for d in labels:
            assert abs(after[(*group, d)] - share[d] * size) <= Fraction(1, 2)


def _check_match(subjects: pd.DataFrame, names: tuple[str, ...], kind: str, file: Path, random: object) -> None:
    real = observed(subjects, names)
    wanted = {cell: (n if kind == "count" else 0) + random.randint(1, 9) for cell, n in real.items()}  # type: ignore[attr-defined]
    total = sum(wanted.values())
    amounts = {c: str(w) if kind == "count" else f"{w / total:.12f}" for c, w in wanted.items()}
    lines = [",".join([*names, kind]), *(",".join([*cell, amount]) for cell, amount in amounts.items())]
    file.write_text("\n".join(lines))
    after = combined(subjects, planned(subjects, f"match:{file}"))
    if kind == "count":
        assert after == wanted
    else:
        size = max(n * total / wanted[cell] for cell, n in real.items())
        for cell, w in wanted.items():
            assert after[cell] == pytest.approx(w / total * size, abs=0.5 + 1e-6)


@HUNDREDS
@given(cohorts(), crossings(), st.integers(1, 60), st.sampled_from([None, 0.5, 2.0]))
def test_a_budget_is_spent_exactly_and_on_the_emptiest_cells(
    subjects: pd.DataFrame, names: tuple[str, ...], budget: int, cap: float | None
) -> None:
    target = f"equal:{','.join(names)}"
    free, plan = planned(subjects, target, cap=cap), planned(subjects, target, budget=budget, cap=cap)
    assert len(plan.rows) == min(budget, len(free.rows))
    assert made(subjects, plan, plan.attributes) == Counter(
        {tuple(c.groups.values()): c.planned for c in plan.cells if c.planned}
    )
    raised = [c for c in plan.cells if c.planned]
    waiting = [c for c in plan.cells if c.planned < _wanted(c.real, c.target, cap) and not c.refused]
    for c in waiting:  # nobody that got rows stands more than a row above somebody that could have had more
        assert all(a.real + a.planned - 1 <= c.real + c.planned + 1 for a in raised)
    assert all(c.short == c.target - c.real - c.planned for c in plan.cells)


def _wanted(real: int, total: int, cap: float | None) -> int:
    return most_rows(real, total, cap)


@HUNDREDS
@given(cohorts(), st.integers(1, 90), st.sampled_from(["none", "cell", "value"]))
def test_copies_are_as_many_as_asked_and_verbatim(subjects: pd.DataFrame, number: int, weights: str) -> None:
    plan = planned(subjects, f"copy:{number}", weights=weights)
    assert len(plan.rows) == number
    own = subjects.set_index("subject_id")
    for row in plan.rows:
        for name, value in row.attributes.items():
            assert own.loc[row.donor, name] == value
    copied = Counter(row.donor for row in plan.rows)
    for cell in plan.cells:
        times = [copied[row.donor] for row in plan.rows if row.cell == cell.words]
        assert not times or max(times) - min(times) <= 1
    if weights == "none":
        for cell in plan.cells:
            assert abs(cell.planned - number * cell.real / len(subjects)) < 1


def test_a_copy_of_all_copies_everybody_once() -> None:
    subjects = pd.DataFrame(
        {"subject_id": list("abcd"), "sex": ["female", "male", None, "male"], "age": [40.0, 50, 60, 70]}
    )
    assert sorted(r.donor for r in plan_subjects(subjects, "copy").rows) == list("abcd")


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), min_size=1, max_size=12), st.integers(1, 200))
def test_quotas_are_whole_and_never_more_than_a_cell_may_get(cells: list[tuple[int, int]], budget: int) -> None:
    real, totals = [n for n, _ in cells], [t for _, t in cells]
    most = [most_rows(n, t, None) for n, t in cells]
    rows = quotas(real, totals, most, budget)
    assert sum(rows) == min(budget, sum(most))
    assert all(0 <= r <= m for r, m in zip(rows, most, strict=True))


def test_the_largest_remainders_are_rounded_up() -> None:
    assert whole([Fraction(13, 10), Fraction(26, 10), Fraction(11, 10)], 5) == [1, 3, 1]


def test_the_same_plan_is_drawn_again_and_another_seed_draws_another() -> None:
    rng = np.random.default_rng(0)
    subjects = pd.DataFrame(
        {
            "subject_id": [f"s{i}" for i in range(30)],
            "sex": ["female"] * 8 + ["male"] * 22,
            "age": rng.uniform(40, 80, 30).round(1),
        }
    )
    first, again = plan_subjects(subjects, "equal:sex"), plan_subjects(subjects, "equal:sex")
    other = plan_subjects(subjects, "equal:sex", PlanSettings(seed=1))
    assert first == again
    assert first.hash == again.hash != other.hash
    seeds = [r.seed for plan in (first, other) for r in plan.rows]
    assert len(set(seeds)) == len(seeds)
    assert not {r.name for r in first.rows} & {r.name for r in other.rows}
