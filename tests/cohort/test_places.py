"""Artefacts that leave a machine say nothing of where they lay on it."""

import json
import shutil
from pathlib import Path

import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.cohort.places import current_place, place_from, without_places
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.settings import EvaluateSettings, FidelitySettings
from synthcmr.fairness.planning.plan import plan_cohort
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.training.run_folder import RunFolder
from tests.journeys.commands import Bench


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("/home/alice/runs/flow", "flow"),
        ("the set 'real' (/home/alice/cohorts/acdc) holds none", "the set 'real' (acdc) holds none"),
        (
            "/home/alice/c d/cohort: expected images",
            "/home/alice/c d/cohort: expected images".replace("/home/alice/", ""),
        ),
        ("ml/m2, and/or 3 / 4, https://a.org/b/c, runs/flow", "ml/m2, and/or 3 / 4, https://a.org/b/c, runs/flow"),
        ({"run": "/a/b", "base": "/a/b", "n": [1, None, "/a/b"]}, {"run": "b", "base": "/a/b", "n": [1, None, "b"]}),
    ],
)
def test_absolute_paths_are_told_by_name(told: object, kept: object) -> None:
    assert without_places(told) == kept


def test_what_lies_near_is_told_by_the_way_and_found_again(tmp_path: Path) -> None:
    (tmp_path / "cohorts/acdc").mkdir(parents=True)
    (tmp_path / "plans").mkdir()
    told = place_from(tmp_path / "plans/fair", tmp_path / "cohorts/acdc")
    assert told == "../../cohorts/acdc"
    (tmp_path / "plans/fair").mkdir()
    assert current_place(told, tmp_path / "plans/fair").resolve() == tmp_path / "cohorts/acdc"
    assert place_from(tmp_path, "phantom preset everyone") == "phantom preset everyone"


def test_whose_home_it_was_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthcmr.cohort.places.HOMES", (tmp_path.parts[1],))
    assert place_from(Path("/srv/plans/fair"), tmp_path) == tmp_path.name


def test_a_plan_a_run_and_scores_hold_no_absolute_path(phantom_cohort: Cohort, tmp_path: Path) -> None:
    plan = plan_cohort(phantom_cohort, "copy")
    plan.write(tmp_path / "plan")
    assert Plan.read(tmp_path / "plan").cohort == plan.cohort
    RunFolder(tmp_path / "run").start({"family": "flow", "model": {"start": str(tmp_path / "other")}}, [])
    RunFolder(tmp_path / "run").start({"family": "flow", "model": {"start": str(tmp_path / "other")}}, [])  # the same
    settings = EvaluateSettings(draws=20, fidelity=FidelitySettings(extractors=("radiomics",), floor_splits=1))
    evaluate(phantom_cohort, phantom_cohort, tmp_path / "scores", settings, only=("fidelity",))
    files = [p for p in tmp_path.rglob("*.json") if p.is_file()]
    assert {p.name for p in files} >= {"plan.json", "run.json", "scores.json", "provenance.json"}
    for file in files:
        assert str(tmp_path) not in file.read_text(), file
        assert str(phantom_cohort.path) not in file.read_text(), file
    assert json.loads((tmp_path / "run/run.json").read_text())["model"] == {"start": "other"}


def test_what_is_built_beside_its_place_names_others_from_its_place(phantom_cohort: Cohort, tmp_path: Path) -> None:
    """Plans and exports are built in a hidden folder; the way from there would lead nowhere once they are moved."""
    people = tmp_path / "data/people"
    shutil.copytree(phantom_cohort.path, people)
    synthcmr.plan(people, tmp_path / "plans/one", target="copy:1")
    synthcmr.export(people, tmp_path / "files", format="png")
    assert json.loads((tmp_path / "plans/one/plan.json").read_text())["cohort"]["path"] == "../../data/people"
    (cohort,) = json.loads((tmp_path / "files/provenance.json").read_text())["inputs"]
    assert (tmp_path / "files" / cohort["name"]).resolve() == people.resolve()


def test_what_is_made_of_patients_does_not_say_where_their_images_lie(bench: Bench, tmp_path: Path) -> None:
    """Their ledgers name what broke a promise, and are handed on."""
    synthcmr.plan(bench.people, tmp_path / "plan", target="copy:1")
    synthcmr.fit_recalibration(bench.people, tmp_path / "truth")
    synthcmr.recalibrate(bench.other, tmp_path / "truth", tmp_path / "better")
    synthcmr.join(tmp_path / "joined", [bench.people, bench.other])
    synthcmr.export(bench.other, tmp_path / "files", format="png")
    synthcmr.audit(bench.people).to_html(tmp_path / "audit")
    naming = [file for file in tmp_path.rglob("*") if file.is_file() and str(bench.root).encode() in file.read_bytes()]
    assert naming == []
