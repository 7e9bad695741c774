"""Scores against fairlearn and scikit-learn, and intervals against what they promise."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference, equalized_odds_difference
from scipy.stats import hypergeom
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from synthcmr.experiments.classifier_scores import Predictions, by_chance, headline
from synthcmr.experiments.comparison import draw, estimate
from synthcmr.experiments.subjects import cells, groupings
from synthcmr.fairness.debias.scores import group_frame


def people(count: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "label": rng.integers(0, 2, count),
            "sex": rng.choice(["female", "male"], count),
            "bmi": rng.choice(["normal weight", "obese"], count),
        }
    )


def said(table: pd.DataFrame, seeds: int, skill: float = 0.2, seed: int = 1) -> Predictions:
    rng = np.random.default_rng(seed)
    woman = (table["sex"] == "female").to_numpy()
    p = rng.uniform(0, 1, (seeds, len(table))) + skill * (2 * table["label"].to_numpy() - 1) - 0.15 * woman
    return Predictions(p.clip(0, 1), (p >= 0.5).astype(np.int64))


def test_scores_are_those_of_fairlearn_and_scikit_learn() -> None:
    table = people(300)
    one = said(table, 1)
    label = table["label"].to_numpy()
    found = groupings(table, ("sex", "bmi"), 5)
    _, cell = np.unique(cells(table, ("sex", "bmi")), return_inverse=True)
    scores = {k: v[0] for k, v in headline(one, label, found, draw(cell, 1, 100, 0)).items()}
    y = one.decision[0]
    assert scores["balanced accuracy"] == pytest.approx(balanced_accuracy_score(label, y))
    assert scores["AUROC"] == pytest.approx(roc_auc_score(label, one.probability[0]))
    for name, given in (("sex", table["sex"]), ("sex x bmi", table["sex"] + table["bmi"])):
        group = {"sensitive_features": given}
        assert scores[f"equal opportunity gap, {name}"] == pytest.approx(
            equal_opportunity_difference(label, y, **group)
        )
        assert scores[f"equalised odds gap, {name}"] == pytest.approx(equalized_odds_difference(label, y, **group))
        assert scores[f"demographic parity gap, {name}"] == pytest.approx(
            demographic_parity_difference(label, y, **group)
        )
    each = group_frame(label, one.probability[0], y, table, found[0])
    women = (table["sex"] == "female").to_numpy()
    assert each["balanced accuracy"]["female"] == pytest.approx(balanced_accuracy_score(label[women], y[women]))
    assert scores["worst group, sex"] == pytest.approx(min(each["balanced accuracy"].values()))


def test_auroc_is_right_with_ties_and_resamples() -> None:
    table = people(60)
    one = said(table, 2)
    rounded = Predictions(one.probability.round(1), one.decision)
    label = table["label"].to_numpy()
    draws = draw(label, 2, 100, 0)
    found = headline(rounded, label, (), draws)["AUROC"]
    for k in (0, 7):
        each = [
            roc_auc_score(label, p, sample_weight=draws.subject[k]) * draws.seed[k, s]
            for s, p in enumerate(rounded.probability)
        ]
        assert found[k] == pytest.approx(sum(each))


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    hits = []
    truth = None
    for trial in range(60):
        table = people(200, seed=trial)
        one = said(table, 1, seed=1000 + trial)
        label = table["label"].to_numpy()
        one_estimate = estimate(headline(one, label, (), draw(label, 1, 300, trial))["balanced accuracy"])
        if truth is None:
            many = people(200000, seed=9)
            big = said(many, 1, seed=10)
            truth = balanced_accuracy_score(many["label"], big.decision[0])
        assert one_estimate.value in one_estimate.interval
        hits.append(truth in one_estimate.interval)
    assert np.mean(hits) >= 0.85


def test_small_groups_are_refused_with_their_numbers() -> None:
    table = people(40)
    table.loc[3, "bmi"] = "underweight"
    grouping = groupings(table, ("bmi",), 5)[0]
    refused = next(g for g in grouping.groups if g.name == "underweight")
    assert "at least 5 of each are needed" in refused.refused
    assert all(g.name != "underweight" for g in grouping.scored)


def test_chance_is_the_difference_of_two_groups_filled_at_random() -> None:
    """Two groups of 50 sick each, of whom half are found: the difference of a hypergeometric draw, by its formula."""
    half = np.repeat([0, 1], 50)
    table = pd.DataFrame({"label": np.ones(200, dtype=int), "sex": np.tile(["female", "male"], 100)})
    table.loc[100:, "label"] = 0
    found = groupings(table, ("sex",), 5)
    decided = np.concatenate([half, np.zeros(100, dtype=int)])[None]
    drawn = by_chance(Predictions(decided.astype(float), decided), table["label"].to_numpy(), found, 4000, 0)
    k = np.arange(51)
    share = hypergeom(100, 50, 50).pmf(k)
    expected = float((share * np.abs(2 * k - 50) / 50).sum())
    assert drawn["equal opportunity gap, sex"].mean() == pytest.approx(expected, rel=0.03)
    assert np.ptp(drawn["worst group, sex"]) > 0
    assert drawn["demographic parity gap, sex"].mean() == pytest.approx(expected / 2, rel=0.03)


def test_gaps_of_groups_that_do_not_matter_exceed_chance_in_one_case_of_twenty() -> None:
    beyond = 0
    for k in range(200):
        table = people(240, seed=k)
        one = said(table.assign(sex="female"), 2, seed=1000 + k)
        label, found = table["label"].to_numpy(), groupings(table, ("sex", "bmi"), 5)
        key = "equal opportunity gap, sex x bmi"
        drawn = by_chance(one, label, found, 200, k)[key]
        value = headline(one, label, found, draw(label, 2, 1, 0))[key][0]
        beyond += value > np.percentile(drawn, 95)
    assert 2 <= beyond <= 20  # of 200, expected 10 with a standard deviation of 3
