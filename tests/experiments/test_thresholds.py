"""Decisions: one half for all, or a threshold per group that the validation split chose."""

import numpy as np
import pandas as pd

from synthcmr.experiments.classifier_job import best_threshold, decide


def test_the_best_threshold_separates_what_can_be_separated() -> None:
    limit = best_threshold(np.array([0.1, 0.2, 0.3, 0.35]), np.array([0, 0, 1, 1]))
    assert 0.2 < limit < 0.3


def test_groups_get_their_own_threshold_and_small_ones_that_of_all() -> None:
    rng = np.random.default_rng(0)
    label = np.tile([0, 1], 50)
    sex = np.array(["male"] * 90 + ["female"] * 8 + ["unsaid"] * 2)
    shift = np.where(sex == "female", -0.3, 0.0)
    probability = (0.45 + 0.2 * label + shift + rng.normal(0, 0.01, 100)).clip(0, 1)
    people = pd.DataFrame({"label": label, "sex": sex})
    both = {"validation": people, "test": people}
    said = {"validation": probability, "test": probability}
    own = decide(said, both, ("sex",), 4)["test"]
    assert (own == label).all()
    half = decide(said, both, (), 4)["test"]
    assert (half[sex == "female"] == 0).all()
    shared = decide(said, both, ("sex",), 10)["test"]  # too few women for a threshold of their own
    assert (shared[sex == "female"] == 0).all()


def test_where_all_are_of_one_kind_a_threshold_is_one_half() -> None:
    assert best_threshold(np.array([0.2, 0.9]), np.array([1, 1])) == 0.5
