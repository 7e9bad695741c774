"""Gaps of the part fairness against fairlearn's, from what the classifiers said of each person."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference, equalized_odds_difference

from synthcmr.cohort import Cohort
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.score import ScoreCard
from tests.evaluation.utility.making import settings

FAIRLEARN = {
    "equal opportunity gap": equal_opportunity_difference,
    "equalised odds gap": equalized_odds_difference,
    "demographic parity gap": demographic_parity_difference,
}


def rates(real: Cohort, out: Path, arm: str) -> dict[str, float]:
    """Mean over seeds of each group's rates, as one table of fairlearn's would have them."""
    sex = real.subjects.set_index("subject_id")["sex"]
    each = []
    for file in sorted(out.glob(f"networks/classification/*/predictions/{arm}-?.parquet")):
        table = pd.read_parquet(file)
        each.append(table[table["split"] == "test"].assign(sex=lambda t: t["subject_id"].map(sex)))
    assert len(each) == 2
    both = pd.concat(each)  # the same people twice: rates of both seeds together are the mean of each seed's
    return {
        name: float(gap(both["label"], both["decision"], sensitive_features=both["sex"]))
        for name, gap in FAIRLEARN.items()
    }


@pytest.mark.parametrize("arm", ["real", "real + synthetic", "synthetic only"])
def test_gaps_are_fairlearns(folder: Path, real: Cohort, cards: dict[str, ScoreCard], arm: str) -> None:
    plain = "".join(c if c.isalnum() else "-" for c in arm)
    result = cards["none"].parts["fairness"].result
    for name, told in rates(real, folder / "scores/none", plain).items():
        score = result.score(f"{name}, sex, {arm}")
        assert score is not None
        assert score.value == pytest.approx(told)
        assert score.floor is not None  # what chance alone makes of it


def test_a_change_is_with_less_without(cards: dict[str, ScoreCard]) -> None:
    result = cards["none"].parts["fairness"].result
    for name in (*FAIRLEARN, "worst group"):
        found = [result.score(f"{name}, sex, {arm}") for arm in ("real + synthetic", "real", "change")]
        both, alone, change = (s.value for s in found if s is not None)
        assert change == pytest.approx(both - alone)  # type: ignore[operator]
        assert result.score(f"{name}, change") is not None


def test_groups_are_outlined_and_compared(cards: dict[str, ScoreCard]) -> None:
    utility, fairness = (cards["none"].parts[name].result for name in ("utility", "fairness"))
    each = [utility.score("Dice, real, 100 %", f"sex: {g}") for g in ("female", "male")]
    values = [s.value for s in each if s is not None and s.value is not None]
    gap = fairness.score("Dice gap, sex, real")
    assert gap is not None
    assert gap.value == pytest.approx(np.ptp(values))
    assert gap.floor is not None


def test_no_network_that_outlines_is_trained_for_fairness_unless_utility_asked_for_them(
    folder: Path, real: Cohort, cards: dict[str, ScoreCard], tmp_path: Path
) -> None:
    assert list((folder / "scores/none/networks").glob("segmentation*")), "where utility asks, there are such networks"
    told = settings(tasks=("classification",), repeats=1)
    card = evaluate(real, Cohort.open(folder / "none"), tmp_path / "scores", told, ["fairness"])
    assert [p.name for p in (tmp_path / "scores/networks").iterdir()] == ["classification"]
    missing = card.parts["fairness"].result.score("Dice gap, change")
    assert missing is not None
    assert missing.value is None
    assert "it was not asked for" in str(missing.absent)
    assert card.parts["fairness"].result.score("equal opportunity gap, change") is not None
