"""Verdicts can fail: each planted fault turns what it should, and nothing is wrong with real images against real ones."""

import json
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.evaluation.evaluate import evaluate, read_card
from synthcmr.evaluation.score import ScoreCard
from synthcmr.evaluation.settings import EvaluateSettings, FidelitySettings
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.segmenter import Segmenter
from synthcmr.judges.settings import ReaderSettings, SegmenterSettings
from synthcmr.report.score_card_page import write_score_card
from synthcmr.training.settings import LoopSettings
from tests.evaluation.making import FAULTS, cohort_of, heart
from tests.report.accessible import check

PEOPLE = 40
NEVER = 10**6
LOOP = LoopSettings(
    steps=120, batch=8, learning_rate=3e-3, warmup=5, ema=0.9, held_out_every=NEVER, checkpoint_every=NEVER
)
LOOKED_AT = ["fidelity", "adherence"]  # parts that need no more than images and judges
# fault -> rules it breaks, no others; tissues, anatomy and slices are measured through the masks
BROKEN = {
    "blurred": {"tissue", "texture", "spectrum"},
    "collapsed": {"variety"},
    "swapped": {"mask", "tissue", "texture", "anatomy", "slices"},
    "ignored": {"attributes"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("planted")


@pytest.fixture(scope="module")
def settings(folder: Path) -> EvaluateSettings:
    """Judges that learned from other drawn hearts."""
    learn = cohort_of(folder / "learn", [heart(k) for k in range(1000, 1040)])
    reader = ReaderSettings(filters=(8, 8, 16, 16), features=16, attributes=("diagnosis",))
    AttributeReader.fit(learn, folder / "reader", reader, LOOP)
    segmenter = SegmenterSettings(filters=(8, 16, 16), size=48)
    Segmenter.fit(learn, folder / "segmenter", segmenter, LOOP)
    return EvaluateSettings(
        draws=40,
        fidelity=FidelitySettings(extractors=("cmr",), floor_splits=2, similarity_pairs=60, kid_subsets=5),
        by=("sex",),
        crossing=(),
        encoder=folder / "reader",
        reader=folder / "reader",
        segmenter=folder / "segmenter",
    )


@pytest.fixture(scope="module")
def real(folder: Path) -> Cohort:
    return cohort_of(folder / "real", [heart(k) for k in range(PEOPLE)])


@pytest.fixture(scope="module")
def cards(folder: Path, settings: EvaluateSettings, real: Cohort) -> dict[str, ScoreCard]:
    others = [heart(k) for k in range(100, 100 + PEOPLE)]
    return {
        name: evaluate(real, cohort_of(folder / name, fault(others)), folder / "scores" / name, settings, LOOKED_AT)
        for name, fault in FAULTS.items()
    }


def bad(card: ScoreCard) -> set[str]:
    return {f.rule for part in card.parts.values() for f in part.verdict.findings if f.word == "bad"}


def test_real_against_real_passes_all(cards: dict[str, ScoreCard]) -> None:
    for part in cards["none"].parts.values():
        assert part.verdict.word in ("good", "acceptable"), part.verdict


@pytest.mark.parametrize("fault", BROKEN)
def test_each_fault_turns_its_rules(cards: dict[str, ScoreCard], fault: str) -> None:
    assert bad(cards[fault]) == BROKEN[fault]


def test_every_score_says_what_it_rests_on(cards: dict[str, ScoreCard]) -> None:
    for part in cards["none"].parts.values():
        for score in part.result.scores:
            assert score.absent or (score.n_real is not None and score.n_synthetic), score.name
            assert score.absent or score.low is not None, score.name


def test_parts_are_kept_and_rules_change_without_computing_again(
    folder: Path, settings: EvaluateSettings, real: Cohort, cards: dict[str, ScoreCard]
) -> None:
    out, blurred = folder / "scores/blurred", Cohort.open(folder / "blurred")
    before = {f: f.stat().st_mtime_ns for f in (out / "parts").iterdir()}
    rules = settings.model_dump()["rules"]
    rules["fidelity"]["texture"]["acceptable"] = 100.0
    kinder = EvaluateSettings.model_validate(settings.model_dump() | {"rules": rules})
    card = evaluate(real, blurred, out, kinder, only=["fidelity"])
    assert "texture" not in bad(card)
    assert set(card.parts) == {"fidelity", "adherence"}
    assert {f: f.stat().st_mtime_ns for f in (out / "parts").iterdir()} == before
    assert read_card(out) == card


def test_one_part_alone_and_too_few_subjects_are_refused(
    folder: Path, settings: EvaluateSettings, real: Cohort
) -> None:
    few = cohort_of(folder / "few", [heart(k) for k in range(200, 205)])
    card = evaluate(real, few, folder / "scores/few", settings, only=["fidelity"])
    assert list(card.parts) == ["fidelity"]
    score = card.parts["fidelity"].result.score("MMD (cmr)")
    assert score is not None
    assert score.value is None
    assert "5 synthetic subjects" in str(score.absent)
    assert card.parts["fidelity"].verdict.word == "not enough evidence"
    with pytest.raises(SettingsError, match="expected any of fidelity, adherence"):
        evaluate(real, few, folder / "scores/few", settings, only=["beauty"])


def test_the_page_is_one_file_that_needs_no_network(cards: dict[str, ScoreCard], folder: Path) -> None:
    file = write_score_card(cards["swapped"], folder / "scores/swapped")
    check(file)
    page = file.read_text()
    assert ">bad</span> mask" in page
    assert page.count("data:image/png") >= 24
    assert "http" not in page.replace("http-equiv", "")
    assert "<svg" in page
    assert "sex: female" in page
    assert json.loads((folder / "scores/swapped/provenance.json").read_text())["step"] == "evaluate"
