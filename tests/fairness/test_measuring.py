"""What a round's answers say of each kind of patient, and of kinds too small to say anything."""

import numpy as np
import pandas as pd

from synthcmr.experiments.settings import BalanceSettings
from synthcmr.fairness.gains import ValidationLosses, log_loss_gains, validation_losses

SETTINGS = BalanceSettings(sensitive=("sex",), repeats=2, draws=200)
WOMAN = ("sex", "female", 1)


def people(women: int) -> pd.DataFrame:
    label = [1] * 20 + [0] * 20 + [1] * women
    sex = ["male"] * 40 + ["female"] * women
    names = [f"s{i}" for i in range(len(label))]
    return pd.DataFrame({"subject_id": names, "split": "validation", "label": label, "sex": sex})


def told(table: pd.DataFrame, women_right: float, seed: int = 0) -> ValidationLosses:
    """Two seeds of answers; sick women are given one probability, everyone else varies."""
    rng = np.random.default_rng(seed)
    right = rng.uniform(0.6, 0.95, len(table))
    right[table["sex"] == "female"] = women_right
    sick = np.where(table["label"] == 1, right, 1 - right)
    answers = table[["subject_id", "split"]].assign(probability=sick)
    return validation_losses([answers, answers], table, SETTINGS)


def test_losses_are_those_of_the_probabilities() -> None:
    found = told(people(8), 0.5)
    assert np.isclose(found.kinds[WOMAN][0], np.log(2))
    assert found.subjects[WOMAN] == 8


def test_a_kind_of_one_subject_never_gains_beyond_noise_and_is_not_taken_for_certain() -> None:
    before, after = told(people(1), 0.5), told(people(1), 0.9)
    assert WOMAN not in log_loss_gains(before, after, 5)
    variance = before.measured.variance
    assert variance[WOMAN] > 5 * max(v for kind, v in variance.items() if kind != WOMAN)


def test_a_kind_with_enough_subjects_gains() -> None:
    value, low, _ = log_loss_gains(told(people(8), 0.5), told(people(8), 0.9), 5)[WOMAN]
    assert np.isclose(value, np.log(np.log(0.5) / np.log(0.9)))
    assert low > 0
