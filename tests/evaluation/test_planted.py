"""Verdicts can fail: each planted fault turns what it should, and nothing is wrong with real images against real ones."""

import json
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.evaluation.evaluate import evaluate, read_card
from synthcmr.evaluation.score import ScoreCard
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.segmenter import Segmenter
from synthcmr.judges.settings import ReaderSettings, SegmenterSettings
from synthcmr.report.score_card_page import write_score_card
from synthcmr.training.settings import LoopSettings
from tests.evaluation.making import FAULTS, cohort_of, heart

PEOPLE = 48
NEVER = 10**6
LOOP = LoopSettings(
    steps=120, batch=8, learning_rate=3e-3, warmup=5, ema=0.9, held_out_every=NEVER, checkpoint_every=NEVER
)
# fault -> rules it breaks; the drawn hearts' other rules hold
BROKEN = {
    "blurred": {"texture"},
    "collapsed": {"coverage"},
    "swapped": {"mask", "volumes"},
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
        draws=60,
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
        name: evaluate(real, cohort_of(folder / name, fault(others)), folder / "scores" / name, settings)
        for name, fault in FAULTS.items()
    }


def bad(card: ScoreCard) -> set[str]:
    return {f.rule for part in card.parts.values() for f in part.verdict.findings if f.word == "bad"}


def test_real_against_real_passes_all(cards: dict[str, ScoreCard]) -> None:
    for part in cards["none"].parts.values():
        assert part.verdict.word in ("good", "acceptable"), part.verdict
