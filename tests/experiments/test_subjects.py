"""Who takes part: labels, groups, prevalence, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from synthcmr.errors import SettingsError
from synthcmr.experiments.settings import DebiasSettings, Prevalence
from synthcmr.experiments.subjects import at_prevalence, check_scored, people_of, thin_validation


def subjects(count: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "subject_id": [f"s{i}" for i in range(count)],
            "split": rng.choice(["train", "validation", "test"], count),
            "diagnosis": rng.choice(["NOR", "DCM", "HCM"], count),
            "sex": rng.choice(["female", "male"], count),
            "bmi": rng.uniform(19, 40, count),
        }
    )


def test_the_sick_are_those_who_are_not_healthy_or_those_named() -> None:
    table = subjects()
    assert (people_of(table, DebiasSettings())["label"] == (table["diagnosis"] != "NOR")).all()
    named = people_of(table, DebiasSettings(positive=("HCM",)))
    assert (named["label"] == (table["diagnosis"] == "HCM")).all()


def test_subjects_without_the_label_take_no_part_and_unknown_groups_are_a_word() -> None:
    table = subjects()
    table.loc[:9, "diagnosis"] = None
    table.loc[10:19, "bmi"] = np.nan
    found = people_of(table, DebiasSettings())
    assert len(found) == len(table) - 10
    assert (found["bmi"] == "unknown").sum() == 10


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.9])
def test_prevalence_is_reached_to_one_subject(share: float) -> None:
    people = people_of(subjects(), DebiasSettings())
    kept = at_prevalence(people, Prevalence(train=share), 0)
    train = kept[kept["split"] == "train"]
    assert abs(train["label"].sum() - share * len(train)) <= 1
    assert (kept["split"] == "test").sum() == (people["split"] == "test").sum()
    assert set(kept["subject_id"]) <= set(people["subject_id"])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"label": "disease"}, "--label: the cohort has no disease; it has"),
        ({"sensitive": ("race",)}, "--sensitive: the cohort has no race"),
        ({"positive": ("XYZ",)}, "one or more of DCM, HCM, NOR; got XYZ"),
        ({"positive": ("NOR", "DCM", "HCM")}, "expected some values of 'diagnosis' and not all"),
        ({"sensitive": ("diagnosis",)}, "expected attributes other than the label"),
    ],
)
def test_what_cannot_be_learned_is_refused(change: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsError, match=named.replace("-", "\\-")):
        people_of(subjects(), DebiasSettings(**change))  # type: ignore[arg-type]


def test_a_cohort_without_a_test_split_is_refused() -> None:
    table = subjects().assign(split="train")
    with pytest.raises(SettingsError, match="no subjects of split validation, test"):
        people_of(table, DebiasSettings())


def test_a_test_split_of_one_kind_is_refused() -> None:
    table = subjects()
    table.loc[table["split"] == "test", "diagnosis"] = "DCM"
    people = people_of(table, DebiasSettings())
    with pytest.raises(SettingsError, match=r"in the split 'test', got .* sick and 0 healthy"):
        check_scored(people)


def test_a_validation_split_without_healthy_subjects_is_told() -> None:
    table = subjects()
    people = people_of(table, DebiasSettings())
    assert thin_validation(people, 5) == ""
    sick_only = people[(people["split"] != "validation") | (people["label"] == 1)]
    count = int((sick_only["split"] == "validation").sum())
    assert f"{count} sick and 0 healthy" in thin_validation(sick_only, 5)
