"""Plans that count patients with noise: what they count, what they refuse, and that a release accepts them."""

import json
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.fairness.planning.private_plan import CountPromise, noisy_counts, plan_privately
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.privacy.accountant import TOLERANCE
from synthcmr.training.secret_noise import Secret
from tests.journeys.typing_in import run
from tests.privacy.making import UNSCREENED

ATTRIBUTES = ("diagnosis",)
VALUES = ("DCM", "HCM", "MINF", "NOR", "RV")
EXACT = CountPromise(1000.0, {"diagnosis": VALUES})


def test_counts_are_those_of_the_training_split_where_nothing_is_hidden(patients: Cohort) -> None:
    train = patients.subjects[patients.subjects["split"] == "train"]["diagnosis"]
    counts = noisy_counts(patients, ATTRIBUTES, EXACT, Secret(1))
    assert counts == {(value,): max(1, int((train == value).sum())) for value in VALUES}


def test_one_subject_more_or_less_changes_one_count_by_one(patients: Cohort) -> None:
    private = CountPromise(1.0, EXACT.categories)
    train = patients.subjects[patients.subjects["split"] == "train"]
    who = train[train["diagnosis"] == "DCM"].iloc[0]  # of four: the least count hides little
    rest = patients.select(subject_id=[n for n in patients.subjects["subject_id"] if n != who["subject_id"]])
    changed = 0
    for key in range(30):  # the same noise for both
        a, b = (noisy_counts(cohort, ATTRIBUTES, private, Secret(key)) for cohort in (patients, rest))
        differs = [cell for cell in a if a[cell] != b[cell]]
        assert differs in ([], [(who["diagnosis"],)])
        assert all(a[cell] == b[cell] + 1 for cell in differs)
        changed += len(differs)
    assert changed > 20


def test_values_that_are_not_stated_are_not_counted(patients: Cohort) -> None:
    counts = noisy_counts(patients, ATTRIBUTES, CountPromise(1000.0, {"diagnosis": ("NOR", "ILL")}), Secret(1))
    assert list(counts) == [("NOR",), ("ILL",)]
    assert counts[("ILL",)] == 1


def test_rows_are_drawn_after_nobody_and_seeds_do_not_hang_on_the_patients(patients: Cohort) -> None:
    settings, promise = PlanSettings(), CountPromise(1000.0, EXACT.categories)
    plan = plan_privately(patients, "make:diagnosis=2", settings, promise, Secret(1))
    assert len(plan.rows) == 2 * len(VALUES)
    assert {row.donor for row in plan.rows} == {None}
    own = {(a["age"], a["bmi"]) for a in patients.subjects.to_dict("records")}
    assert not own & {(row.attributes["age"], row.attributes["bmi"]) for row in plan.rows}
    name = patients.subjects[patients.subjects["split"] == "test"].iloc[0]["subject_id"]
    rest = patients.select(subject_id=[n for n in patients.subjects["subject_id"] if n != name])
    again = plan_privately(rest, "make:diagnosis=2", settings, promise, Secret(1))
    assert again.rows == plan.rows  # the same counts, although it is another cohort


def test_targets_that_need_more_than_public_groups_are_refused(patients: Cohort) -> None:
    def refusal(target: str, promise: CountPromise = EXACT, **settings: object) -> str:
        with pytest.raises(SettingsError) as error:
            plan_privately(patients, target, PlanSettings.model_validate(settings), promise)
        return str(error.value)

    plain = CountPromise(1.0)
    assert "copies have the attributes of patients" in refusal("copy:3", plain)
    assert "those of patients" in refusal("make:diagnosis=1", EXACT, masks="deformed")
    assert "got 'age'" in refusal("equal:age", CountPromise(1.0, {"age": ("30", "40")}))
    assert "expected attributes of --target equal:sex" in refusal("equal:sex", EXACT)
    crossed = plan_privately(patients, "equal:centre,sex", PlanSettings(), CountPromise(1000.0, {"centre": ("A", "B")}))
    assert crossed.counted == 4  # nobody is of these centres: one in every cell


def test_a_private_plan_is_released_and_its_cost_is_counted(
    patients: Cohort, private_run: Path, private_images: Path, tmp_path: Path
) -> None:
    dp = "epsilon=1,categories=diagnosis:NOR|DCM"
    said = run("plan", patients.path, tmp_path / "plan", "--target", "make:diagnosis=1", "--dp", dp).stdout
    assert "Counted with noise (Laplace, scale 1, epsilon 1)" in said
    run("generate", tmp_path / "out", "--run", private_run, "--plan", tmp_path / "plan", *UNSCREENED[2:])
    run("release", tmp_path / "out", tmp_path / "given", "--delta", 1e-4)
    run("release", private_images, tmp_path / "alone", "--delta", 1e-4)
    both, alone = (json.loads((tmp_path / name / "statement.json").read_text()) for name in ("given", "alone"))
    assert [one["of"] for one in both["mechanisms"]] == ["counts of a plan", "weights"]
    assert alone["epsilon"] < both["epsilon"] < alone["epsilon"] + 1.05
    first, second = both["accountants"].values()
    assert first <= (1 + TOLERANCE) * second
    assert np.isfinite(first)


def test_noise_is_drawn_once_and_a_promise_that_cannot_be_read_is_refused(patients: Cohort, tmp_path: Path) -> None:
    words = ("plan", patients.path, tmp_path / "plan", "--target", "make:diagnosis=1", "--dp")
    run(*words, "epsilon=1")
    kept = Plan.read(tmp_path / "plan")
    assert "this very plan is there already" in run(*words, "epsilon=1").stdout
    assert Plan.read(tmp_path / "plan") == kept
    for other in ("epsilon=2", "epsilon=1,categories=diagnosis:NOR|DCM"):
        assert "holds another plan" in run(*words, other, ok=False).stderr
    run(*words, "epsilon=1", "--overwrite")
    assert Plan.read(tmp_path / "plan").ledger != kept.ledger
    for wrong in ("epsilon=0", "epsilon=1,delta=1e-5", "categories=sex:male", "epsilon=1,categories=sex"):
        assert "--dp" in run(*words, wrong, "--overwrite", ok=False).stderr
