"""Privacy on the score card: stolen images are bad, an innocent set is not accused, and what cannot be said is not."""

from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.privacy.copies import NearCopies
from synthcmr.evaluation.privacy.cross_fitting import cross_fitted
from synthcmr.evaluation.privacy.membership import combined
from synthcmr.evaluation.score import PartScores
from synthcmr.evaluation.settings import EvaluateSettings
from tests.evaluation.privacy.making import SETTINGS

TOLD = EvaluateSettings(privacy=SETTINGS)


def privacy_of(real: Cohort, synthetic: Cohort, out: Path, settings: EvaluateSettings = TOLD) -> PartScores:
    return evaluate(real, synthetic, out, settings, ["privacy"]).parts["privacy"]


@pytest.fixture(scope="module")
def stolen(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> PartScores:
    return privacy_of(cohort, cohort.select(split="train"), tmp_path_factory.mktemp("stolen"))


def test_stolen_images_are_bad_and_named(stolen: PartScores) -> None:
    words = {f.rule: f.word for f in stolen.verdict.findings}
    assert stolen.verdict.word == "bad"
    assert words["near-copies"] == words["membership"] == "bad"
    assert set(words) == {"copies", "near-copies", "membership"}  # no generator was given, and nothing is said of it
    assert any("--run" in note for note in stolen.result.notes)


def test_stolen_images_stand_beside_what_they_are_of(stolen: PartScores) -> None:
    rows = stolen.result.pictures["Near-copies, each beside a training image"]
    assert rows
    assert all(p.beside is not None and p.beside.image_id == p.image_id for p in rows)
    assert {p.kind for p in stolen.result.plots} == {"roc", "lines"}
    titles = {t.title for t in stolen.result.tables}
    assert {"Every attack on membership", "Patients at most risk", "Could it have found a copy?"} <= titles


def test_held_out_people_are_not_copies(cohort: Cohort, tmp_path: Path) -> None:
    found = privacy_of(cohort, cohort.select(split="test"), tmp_path)
    copied = found.result.score("training subjects copied")
    assert copied is not None
    assert not copied.value
    assert all(f.word != "bad" for f in found.verdict.findings)
    assert isinstance(found.result.privacy.near_copies, NearCopies)  # type: ignore[union-attr]


def test_without_splits_nothing_is_said_and_why(cohort: Cohort, tmp_path: Path) -> None:
    nobody = Cohort(cohort.path, cohort.info, cohort.subjects.assign(split=None), cohort.images)
    found = privacy_of(nobody, cohort.select(split="train"), tmp_path)
    assert found.verdict.word == "not enough evidence"
    assert all("not known whose images were learned from" in str(s.absent) for s in found.result.scores)


def test_one_frame_is_compared_where_one_side_has_no_more(cohort: Cohort, tmp_path: Path) -> None:
    members = cohort.select(split="train")
    still = Cohort(members.path, members.info, members.subjects, members.images.assign(n_frames=1))
    found = privacy_of(cohort, still, tmp_path)
    assert next(f.word for f in found.verdict.findings if f.rule == "near-copies") == "bad"


def test_a_score_that_points_at_the_others_is_given_no_weight() -> None:
    rng = np.random.default_rng(0)
    backwards = -1.0 - rng.random(20), 1.0 + rng.random(20)
    member, other = combined({"reference that knows the members": backwards}, 0)
    assert not member.any()
    assert not other.any()
    honest = cross_fitted(np.concatenate(backwards)[:, None], np.arange(40) < 20, 0)
    assert honest[:20].min() > honest[20:].max()  # who may turn scores round does
