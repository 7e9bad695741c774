"""Privacy on the score card: stolen images are bad, an innocent set is not accused, and what cannot be said is not."""

from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.privacy.copies.near_copies import NearCopies
from synthcmr.evaluation.score import PartScores
from synthcmr.evaluation.settings import EvaluateSettings
from tests.evaluation.privacy.making import SETTINGS

EVALUATE = EvaluateSettings(privacy=SETTINGS)


def privacy_of(real: Cohort, synthetic: Cohort, out: Path, settings: EvaluateSettings = EVALUATE) -> PartScores:
    return evaluate(real, synthetic, out, settings, ["privacy"]).parts["privacy"]


@pytest.fixture(scope="module")
def stolen(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> PartScores:
    return privacy_of(cohort, cohort.select(split="train"), tmp_path_factory.mktemp("stolen"))


def test_stolen_images_are_bad_and_named(stolen: PartScores) -> None:
    words = {f.rule: f.word for f in stolen.verdict.findings}
    assert stolen.verdict.word == "bad"
    rules = {"copies", "near-copies", "partial copies", "exposed", "identified", "membership"}
    assert set(words) == rules  # no generator was given, and nothing is said of it
    assert set(words.values()) == {"bad"}
    assert any("--run" in note for note in stolen.result.notes)


def test_stolen_images_stand_beside_what_they_are_of(stolen: PartScores) -> None:
    rows = stolen.result.pictures["Near-copies, each beside a training image"]
    assert rows
    assert all(p.beside is not None and p.beside.image_id == p.image_id for p in rows)
    assert {p.kind for p in stolen.result.plots} == {"roc", "lines"}
    titles = {t.title for t in stolen.result.tables}
    assert {"Every attack on membership", "Patients at most risk", "Could it have found a copy?"} <= titles


def test_held_out_people_are_not_copies(cohort: Cohort, tmp_path: Path) -> None:
    part = privacy_of(cohort, cohort.select(split="test"), tmp_path)
    copied = part.result.score("training subjects copied")
    assert copied is not None
    assert not copied.value
    assert all(f.word != "bad" for f in part.verdict.findings)
    assert isinstance(part.result.privacy.near_copies, NearCopies)  # type: ignore[union-attr]


def test_without_splits_nothing_is_said_and_why(cohort: Cohort, tmp_path: Path) -> None:
    unsplit = Cohort(cohort.path, cohort.info, cohort.subjects.assign(split=None), cohort.images)
    part = privacy_of(unsplit, cohort.select(split="train"), tmp_path)
    assert part.verdict.word == "not enough evidence"
    assert all("not known whose images were learned from" in str(s.absent) for s in part.result.scores)


def test_one_frame_is_compared_where_one_side_has_no_more(cohort: Cohort, tmp_path: Path) -> None:
    members = cohort.select(split="train")
    still = Cohort(members.path, members.info, members.subjects, members.images.assign(n_frames=1))
    part = privacy_of(cohort, still, tmp_path)
    assert next(f.word for f in part.verdict.findings if f.rule == "near-copies") == "bad"
