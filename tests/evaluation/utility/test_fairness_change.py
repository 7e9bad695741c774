"""A change is with synthetic images less without them: of answers that are made up, so that it is known and not zero."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.fairness_gaps import classification_scores, segmentation_scores
from synthcmr.evaluation.score import Score
from synthcmr.evaluation.utility.classification import ClassifierResults, PredictedSubjects
from synthcmr.evaluation.utility.participants import REAL, SYNTHETIC, Participants
from synthcmr.evaluation.utility.segmentation_scores import Outcomes
from synthcmr.experiments.classifier_scores import Predictions
from synthcmr.experiments.settings import DebiasSettings
from tests.evaluation.utility.making import settings

NAMES = tuple(f"p{k:02d}" for k in range(40))
SICK = np.arange(40) % 2
WOMAN = np.arange(40) < 20
ARMS = ("real", "real + synthetic", "synthetic only")


@pytest.fixture
def told(real: Cohort, tmp_path: Path) -> Comparison:
    return Comparison(real, real, tmp_path, settings())


@pytest.fixture
def people(real: Cohort) -> Participants:
    sides = {"sex: female": frozenset(NAMES[:20]), "sex: male": frozenset(NAMES[20:])}
    return Participants({REAL: real, SYNTHETIC: real}, (), NAMES, NAMES[:7], (), {REAL: sides, SYNTHETIC: sides})


def missing(share: float) -> Predictions:
    """The sick are found, but for a share of the women; nobody else is called sick."""
    missed = WOMAN & (SICK == 1) & (np.arange(40) < 20 * share)
    decision = np.where(missed, 0, SICK)[None]
    return Predictions(decision.astype(float), decision)


def change_of(scores: list[Score], name: str) -> Score:
    found = next(s for s in scores if s.name == f"{name}, change")
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    return found


@pytest.mark.parametrize(("before", "after"), [(0.8, 0.2), (0.2, 0.8)])
def test_classifiers_that_miss_fewer_women_close_the_gap(
    told: Comparison, people: Participants, before: float, after: float
) -> None:
    table = pd.DataFrame({"subject_id": NAMES, "label": SICK, "sex": np.where(WOMAN, "female", "male")})
    said = {"real, 100 %": missing(before), "real + synthetic, 100 %": missing(after), "synthetic only": missing(0.4)}
    asked = ClassifierResults(
        DebiasSettings(sensitive=("sex",), repeats=1, draws=200), {REAL: PredictedSubjects(table, said)}
    )
    found = classification_scores(told, people, asked)
    for gap in ("equal opportunity gap", "equalised odds gap"):
        assert change_of(found, gap).value == pytest.approx(after - before)
    assert change_of(found, "worst group").value == pytest.approx((before - after) / 2)
    for name in ("equal opportunity gap", "worst group"):
        score = change_of(found, name)
        assert np.sign([score.low, score.high]).tolist() == [np.sign(score.value)] * 2  # type: ignore[arg-type]


@pytest.mark.parametrize(("before", "after"), [(0.3, 0.1), (0.1, 0.3)])
def test_outlines_that_differ_less_close_the_gap(
    told: Comparison, people: Participants, before: float, after: float
) -> None:
    rows = [
        {"subject_id": name, "dice": 0.9 - gap * woman, "arm": arm, "repeat": 0}
        for arm, gap in zip(ARMS, (before, after, 0.5), strict=True)
        for name, woman in zip(NAMES, WOMAN, strict=True)
    ]
    table = pd.DataFrame(rows).assign(fraction=1.0, without="", source=REAL, structure="LV", phase="ED")
    found = segmentation_scores(told, people, Outcomes(table))
    assert {s.name: s.value for s in found} == pytest.approx(
        {
            "Dice gap, sex, real": before,
            "Dice gap, sex, real + synthetic": after,
            "Dice gap, sex, change": after - before,
            "Dice gap, change": after - before,
        }
    )
    assert {s.name: s.n_synthetic for s in found}["Dice gap, change"] == 7
