import json
from pathlib import Path

import pytest

from synthcmr.evaluation.score import PartResult, Score, ScoreCard, absent
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.evaluation.verdict import LISTED, verdict
from synthcmr.evaluation.verdict_rules import Rule

DOCS = Path(__file__).parents[2] / "docs"
LOW = Rule(score="distance", says="It is near", good=0.1, acceptable=0.5, beside="floor")
HIGH = Rule(score="Dice", says="It fits", better="high", good=0.9, acceptable=0.7, beside="ceiling")


def word(rule: Rule, **score: float) -> str:
    one = Score(name=rule.score, better=rule.better, **score)  # type: ignore[arg-type]
    return verdict(PartResult(scores=(one,)), {"rule": rule}).word


def test_a_score_has_a_value_or_a_reason() -> None:
    with pytest.raises(ValueError, match="either a value or the reason"):
        Score(name="FID")
    with pytest.raises(ValueError, match="either a value or the reason"):
        Score(name="FID", value=1.0, absent="too few")
    assert absent("FID", "too few").value is None


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("epsilon proven, of the claim", "audited ε / claimed ε"),
        (
            "secrets told beyond what held-out subjects tell: age, of who knows the rest",
            "attribute-inference advantage: age, of who knows the rest",
        ),
        ("FID (cmr)", "FID (cmr)"),
    ],
)
def test_scores_and_rules_that_were_stored_under_a_former_name_still_meet(former: str, now: str) -> None:
    stored = json.dumps({"name": former, "value": 2.0, "low": 2.0, "high": 2.0})
    result = PartResult(scores=(Score.model_validate_json(stored),))
    assert result.scores[0].name == now
    assert result.score(former) is result.score(now) is result.scores[0]
    rule = Rule(score=former, says="It keeps its promise", good=1, acceptable=1, optional=True)
    assert verdict(result, {"promise": rule}).word == "bad"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 0.3, "good"), (0.2, 0.6, "acceptable"), (0.6, 0.8, "not enough evidence"), (0.8, 0.9, "bad")],
)
def test_distances_are_judged_beyond_their_floor(low: float, high: float, expected: str) -> None:
    assert word(LOW, value=(low + high) / 2, low=low, high=high, floor=0.2) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.75, 0.8, "good"), (0.6, 0.8, "acceptable"), (0.4, 0.6, "not enough evidence"), (0.3, 0.4, "bad")],
)
def test_agreement_is_judged_as_a_share_of_what_real_images_reach(low: float, high: float, expected: str) -> None:
    assert word(HIGH, value=(low + high) / 2, low=low, high=high, ceiling=0.8) == expected


def test_a_floor_below_zero_does_not_make_it_harder() -> None:
    assert word(LOW, value=0.05, low=0.0, high=0.09, floor=-0.3) == "good"


def test_a_judge_that_cannot_read_real_images_says_nothing() -> None:
    assert word(HIGH, value=0.05, low=0.0, high=0.1, ceiling=0.1) == "not enough evidence"
    found = verdict(PartResult(scores=(absent("Dice", "no masks"),)), {"mask": HIGH})
    assert found.word == "not enough evidence"
    assert "no masks" in found.findings[0].sentence


def test_a_rule_that_is_optional_is_left_out_where_nothing_was_asked() -> None:
    near = Score(name="distance", value=0.0, low=0.0, high=0.1, floor=0.0)
    rules = {"near": LOW, "fits": HIGH.model_copy(update={"optional": True})}
    assert verdict(PartResult(scores=(near,)), rules).word == "good"
    assert verdict(PartResult(scores=(near, absent("Dice", "no masks"))), rules).word == "not enough evidence"


def test_the_worst_finding_is_the_parts() -> None:
    scores = (
        Score(name="distance", value=0.0, low=0.0, high=0.1, floor=0.0),
        Score(name="Dice", value=0.1, low=0.1, high=0.2, ceiling=0.9, better="high"),
    )
    found = verdict(PartResult(scores=scores), {"near": LOW, "fits": HIGH})
    assert (found.word, found.sentence) == ("bad", "Bad: fits.")
    assert [f.word for f in found.findings] == ["good", "bad"]


def test_a_verdict_never_calls_harm_acceptable() -> None:
    gain = Score(name="gain", value=-0.02, low=-0.025, high=0.0, better="high")
    rule = Rule(score="gain", says="No harm is done", better="high", good=-0.01, acceptable=-0.03)
    found = verdict(PartResult(scores=(gain,)), {"harm": rule})
    assert found.sentence == "Acceptable: no harm to segmentation."
    assert found.findings[0].rule == "harm", "as settings call it"


def test_every_name_that_is_listed_in_words_is_that_of_a_rule() -> None:
    assert {*LISTED} <= {name for rules in EvaluateSettings().rules.values() for name in rules}


def test_the_published_schema_and_rules_are_those_of_the_code() -> None:
    told = json.loads((DOCS / "reference/scores.schema.json").read_text())
    assert told == ScoreCard.model_json_schema()
    page = (DOCS / "explanation/score-card.md").read_text()
    for part, rules in EvaluateSettings().rules.items():
        for name, rule in rules.items():
            sign = "≤" if rule.better == "low" else "≥"
            assert f"| {part} | {name} | {rule.score} |" in page
            assert f"{sign} {rule.good:g} | {sign} {rule.acceptable:g} |" in page
