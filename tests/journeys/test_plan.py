"""From a cohort to a plan to its images, as a user types it."""

import json
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.fairness.planning.plan_folder import Plan
from tests.journeys.typing_in import run

QUICK = ("--no-screen", "--steps", 1, "--size", 64)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("people") / "cohort"
    run("phantom", out, "-n", 14, "--preset", "biased", "--size", 64, "--spacing", 3)
    return out


@pytest.fixture(scope="module")
def planned(people: Path) -> tuple[Path, str]:
    out = people.parent / "plan"
    return out, run("plan", people, out, "--target", "equal:sex,diagnosis", "--budget", 5).stdout


@pytest.fixture(scope="module")
def whole(planned: tuple[Path, str]) -> Cohort:
    out = planned[0].parent / "whole"
    run("generate", out, "--plan", planned[0], *QUICK)
    return Cohort.open(out)


def test_a_plan_says_what_it_makes_and_what_the_budget_leaves(people: Path, planned: tuple[Path, str]) -> None:
    folder, said = planned
    assert "5 row(s) for --target equal:sex,diagnosis" in said
    assert "subjects of the training split" in said
    assert "All numbers count subjects, not images" in said
    assert "--budget 5 makes 5 of the" in said
    assert f"synthcmr generate OUT --plan {folder}" in said
    assert (folder / "plan.html").exists()
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["step"] == "plan"
    assert provenance["inputs"][0]["hash"] == Cohort.open(people).hash


def test_images_of_a_plan_say_plan_row_seed_and_rejects(planned: tuple[Path, str], whole: Cohort) -> None:
    plan = Plan.read(planned[0])
    assert set(whole.subjects["subject_id"]) == {row.name for row in plan.rows}
    table = whole.table.set_index("subject_id")
    for row in plan.rows:
        image = table.loc[row.name]
        assert (image["plan"], image["plan_row"], image["rejected"]) == (plan.hash, row.row, 0)
        assert image["prompt"] == row.prompt
        for name in ("sex", "age", "bmi", "diagnosis", "vendor"):
            assert image[name] == row.attributes[name]
    assert {"kind": "plan", "name": "../plan", "hash": plan.hash} in whole.provenance["inputs"]


def test_shards_together_are_the_whole(planned: tuple[Path, str], whole: Cohort, tmp_path: Path) -> None:
    parts = []
    for k in (1, 2):
        run("generate", tmp_path / f"part{k}", "--plan", planned[0], "--shard", f"{k}/2", *QUICK)
        parts.append(Cohort.open(tmp_path / f"part{k}"))
    assert sorted(len(p) for p in parts) == [2, 3]
    rows = {str(r.image_id): r for r in whole.images.itertuples()}
    found = set()
    for part in parts:
        for i, image in enumerate(part.images.itertuples()):
            same = rows[str(image.image_id)]
            assert image.seed == same.seed
            assert np.abs(part.image(i) - whole.image(int(same.Index))).max() < 1e-2
            assert np.array_equal(part.mask(i), whole.mask(int(same.Index)))
            found.add(str(image.image_id))
    assert found == set(rows)


def test_masks_of_training_subjects_are_followed(people: Path, tmp_path: Path) -> None:
    run("plan", people, tmp_path / "plan", "--target", "copy:2", "--masks", "deformed")
    run("generate", tmp_path / "out", "--plan", tmp_path / "plan", *QUICK)
    made, plan = Cohort.open(tmp_path / "out"), Plan.read(tmp_path / "plan")
    sources = made.images.set_index("subject_id")["anatomy_source"]
    assert {row.name: f"deformed:{row.like}" for row in plan.rows} == dict(sources)
    train = set(Cohort.open(people).subjects.query("split == 'train'")["subject_id"])
    assert {row.like for row in plan.rows} <= train


def test_a_plan_that_follows_a_test_subject_is_refused(people: Path, tmp_path: Path) -> None:
    """As if by a planner that forgot the split: every hash is right, and it is refused all the same."""
    from dataclasses import replace

    from synthcmr.fairness.planning.plan import plan_cohort
    from synthcmr.fairness.planning.settings import PlanSettings

    cohort = Cohort.open(people)
    victim = str(cohort.subjects.query("split == 'test'")["subject_id"].iloc[0])
    plan = plan_cohort(cohort, "copy:2", PlanSettings(masks="real"))
    replace(plan, rows=(replace(plan.rows[0], like=victim), plan.rows[1])).write(tmp_path / "plan")
    done = run("generate", tmp_path / "out", "--plan", tmp_path / "plan", *QUICK, ok=False)
    assert f"follows the mask of subject '{victim}'" in done.stderr
    assert "who is of its test split" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--prompt", "woman"), "--plan: cannot be combined with --prompt"),
        (("-n", "3"), "--plan: cannot be combined with --count"),
        (("--seed", "3"), "--plan: cannot be combined with --seed"),
        (("--shard", "3/2"), "--shard: expected K/N with K from 1 to N"),
        (("--shard", "7/7"), "expected rows to make"),
    ],
)
def test_options_that_contradict_a_plan_are_refused(
    planned: tuple[Path, str], tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    done = run("generate", tmp_path / "out", "--plan", planned[0], *words, ok=False)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_plan_is_replaced_only_when_asked(people: Path, tmp_path: Path) -> None:
    run("plan", people, tmp_path / "plan", "--target", "make:sex=1")
    again = run("plan", people, tmp_path / "plan", "--target", "make:sex=2", ok=False)
    assert "expected an empty or new folder, got one with files in it" in again.stderr
    run("plan", people, tmp_path / "plan", "--target", "make:sex=2", "--overwrite")
    assert len(Plan.read(tmp_path / "plan").rows) == 4
    alone = run("generate", tmp_path / "out", "--shard", "1/2", ok=False)
    assert "--shard: expected together with --plan" in alone.stderr


def test_repeating_a_finished_command_is_done_and_not_wrong(
    people: Path, planned: tuple[Path, str], whole: Cohort
) -> None:
    folder, _ = planned
    assert (
        "this very plan is there already"
        in run("plan", people, folder, "--target", "equal:sex,diagnosis", "--budget", 5).stdout
    )
    assert "this command finished it before" in run("generate", whole.path, "--plan", folder, *QUICK).stderr
    assert Cohort.open(whole.path).hash == whole.hash


def test_several_targets_are_refused_instead_of_dropped(people: Path) -> None:
    said = run("plan", people, people.parent / "two", "-t", "equal:sex", "-t", "equal:bmi", ok=False).stderr
    assert "--target: expected once, got 2 times (equal:sex and equal:bmi)" in said
