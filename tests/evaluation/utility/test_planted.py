"""Utility can fail: masks that are swapped and images that are noise turn it bad; other real hearts do not."""

import json
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.score import ScoreCard
from tests.evaluation.making import cohort_of, heart
from tests.evaluation.utility.making import QUICK, settings


def words(card: ScoreCard, part: str = "utility") -> dict[str, str]:
    return {f.rule: f.word for f in card.parts[part].verdict.findings}


def value(card: ScoreCard, name: str, group: str = "") -> float:
    score = card.parts["utility"].result.score(name, group)
    assert score is not None, name
    assert score.value is not None, score.absent
    return score.value


def test_other_real_hearts_are_never_bad(cards: dict[str, ScoreCard]) -> None:
    for part in ("utility", "fairness"):
        assert "bad" not in words(cards["none"], part).values(), cards["none"].parts[part].verdict
    assert words(cards["none"])["stand-in"] in ("good", "acceptable")
    assert words(cards["none"])["likeness"] in ("good", "acceptable")


@pytest.mark.parametrize("fault", ["swapped", "noise"])
def test_faults_turn_it_bad(cards: dict[str, ScoreCard], fault: str) -> None:
    assert cards[fault].parts["utility"].verdict.word == "bad"
    found = words(cards[fault])
    assert found["stand-in"] == "bad"
    assert found["likeness"] == "bad"


def test_swapped_masks_do_harm_beside_real_ones(cards: dict[str, ScoreCard]) -> None:
    assert words(cards["swapped"])["harm"] == "bad"
    assert value(cards["swapped"], "Dice, synthetic only") < 0.5 < value(cards["swapped"], "Dice, real, 100 %")


def test_every_score_says_what_it_rests_on(cards: dict[str, ScoreCard]) -> None:
    for part in ("utility", "fairness"):
        for score in cards["none"].parts[part].result.scores:
            if score.absent is None:
                assert score.n_real, score.name
                assert score.n_synthetic is not None, score.name
                assert score.low is not None, score.name
                assert score.high is not None, score.name
                assert score.low <= score.value <= score.high, score.name  # type: ignore[operator]


def test_structures_phases_and_groups_are_told(cards: dict[str, ScoreCard]) -> None:
    for structure in ("LV", "myocardium", "RV"):
        for phase in ("ED", "ES"):
            assert value(cards["none"], f"Dice {structure} {phase}, real, 50 %") > 0.3
            assert value(cards["none"], f"HD95 {structure} {phase}, synthetic only") < 200
    assert value(cards["none"], "Dice gain, 100 %", "sex: female") == pytest.approx(0, abs=0.2)
    assert value(cards["none"], "failures, real, 100 %") >= 0
    unit = cards["none"].parts["utility"].result.score("failures, real, 100 %")
    assert unit is not None
    assert unit.unit == f"of {30 * 2 * 3} structures"


def test_a_gain_is_the_difference_of_both_arms(cards: dict[str, ScoreCard]) -> None:
    for share in ("50 %", "100 %"):
        both, alone = (value(cards["none"], f"Dice, {arm}, {share}") for arm in ("real + synthetic", "real"))
        assert value(cards["none"], f"Dice gain, {share}") == pytest.approx(both - alone)
    assert value(cards["none"], "AUROC gain, 100 %") == pytest.approx(
        value(cards["none"], "AUROC, real + synthetic, 100 %") - value(cards["none"], "AUROC, real, 100 %")
    )


def test_finished_networks_are_kept(folder: Path, real: Cohort, cards: dict[str, ScoreCard]) -> None:
    out = folder / "scores/noise"
    before = {f: f.stat().st_mtime_ns for f in out.glob("networks/segmentation/*.parquet")}
    (out / "parts/utility.json").unlink()
    card = evaluate(real, Cohort.open(folder / "noise"), out, settings(**QUICK), ["utility"])
    assert {f: f.stat().st_mtime_ns for f in out.glob("networks/segmentation/*.parquet")} == before
    assert card.parts["utility"] == cards["noise"].parts["utility"]


def test_too_few_test_subjects_are_refused_with_the_reason(folder: Path, tmp_path: Path) -> None:
    few = cohort_of(tmp_path / "few", [heart(k) for k in range(20)])
    card = evaluate(few, Cohort.open(folder / "noise"), tmp_path / "scores", settings(), ["utility", "fairness"])
    for part in ("utility", "fairness"):
        assert card.parts[part].verdict.word == "not enough evidence"
        assert "at least 10 are needed" in card.parts[part].verdict.findings[0].sentence


def test_test_subjects_among_the_synthetic_ones_are_refused(real: Cohort, tmp_path: Path) -> None:
    card = evaluate(real, real, tmp_path / "scores", settings(), ["utility"])
    assert card.parts["utility"].verdict.word == "not enough evidence"
    assert "images of test subjects" in card.parts["utility"].verdict.findings[0].sentence


def test_scores_stand_in_the_file(folder: Path, cards: dict[str, ScoreCard]) -> None:
    told = json.loads((folder / "scores/none/scores.json").read_text())
    assert set(told["parts"]) == {"utility", "fairness"}
    assert told["settings"]["utility"]["repeats"] == 2
