"""The demo's three sentences follow from its numbers, in every direction."""

from dataclasses import replace
from typing import Any

import pytest

from synthcmr.report.demo.found import Found, Measured, Missing, Tangle, main_grouping
from synthcmr.report.demo.sentences import sentences

FOUND = Found(
    label="diagnosis",
    judged=60,
    missing=(Missing("female, diagnosis DCM", 0, 8.0),),
    tangled=(Tangle("vendor", Measured(0.72, 0.54, 0.86)),),
    planned=36,
    made=35,
    before=Measured(1.2, 1.1, 1.3),
    after=Measured(0.2, 0.15, 0.25),
    floor=0.08,
    verdicts={"fidelity": "bad", "privacy": "good", "utility": "not enough evidence", "fairness": "good"},
    grouping="sex x vendor",
    tested=64,
    by_chance=False,
    start=Measured(0.80, 0.70, 0.90),
    images=Measured(0.10, 0.02, 0.18),
    cheap_name="cropping",
    cheap=Measured(0.12, 0.03, 0.20),
    against=Measured(-0.02, -0.08, 0.05),
)


def changed(**values: Any) -> tuple[str, str, str]:
    return sentences(replace(FOUND, **values))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Measured(0.10, 0.02, 0.18), "helped the worst group of sex and vendor: +0.10 (+0.02 to +0.18)"),
        (Measured(0.03, -0.05, 0.11), "cannot be told from no remedy in the worst group of sex and vendor: +0.03"),
        (Measured(-0.09, -0.15, -0.02), "did harm in the worst group of sex and vendor: -0.09 (-0.15 to -0.02)"),
    ],
)
def test_whether_images_helped_is_what_the_interval_says(change: Measured, said: str) -> None:
    assert said in changed(images=change)[2]


@pytest.mark.parametrize(
    ("against", "said"),
    [
        (Measured(0.05, 0.01, 0.09), "the images do better"),
        (Measured(-0.02, -0.08, 0.05), "the two cannot be told apart"),
        (Measured(-0.06, -0.1, -0.01), "the images do worse"),
    ],
)
def test_the_cheap_remedy_stands_beside_them(against: Measured, said: str) -> None:
    last = changed(against=against)[2]
    assert "'cropping' changes it by +0.12" in last
    assert said in last


def test_groups_that_differ_by_chance_alone_are_told_so() -> None:
    assert "by chance alone" in changed(by_chance=True)[2]
    assert "by chance alone" not in changed(by_chance=False)[2]


def test_without_groups_nothing_is_claimed() -> None:
    last = changed(grouping="")[2]
    assert "cannot be judged" in last
    assert "64 test subjects" in last
    assert "helped" not in last


def test_without_a_measurement_nothing_is_claimed() -> None:
    assert "was not measured" in changed(images=None)[2]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (Measured(0.2, 0.15, 0.25), "narrowed the gap of their spectra to real ones: 1.20 before, 0.20 after"),
        (
            Measured(1.15, 1.0, 1.25),
            "cannot be said to have changed the gap of their spectra to real ones: 1.20 before, 1.15 after",
        ),
        (Measured(1.8, 1.6, 1.9), "widened the gap of their spectra to real ones: 1.20 before, 1.80 after"),
    ],
)
def test_recalibration_is_told_as_measured(after: Measured, said: str) -> None:
    assert said in changed(after=after)[1]


def test_spectra_that_could_not_be_compared_are_told_so() -> None:
    assert "could not be compared" in changed(before=None)[1]


def test_the_score_card_is_told_by_its_words() -> None:
    second = sentences(FOUND)[1]
    assert "'good' of privacy and fairness, 'bad' of fidelity, 'not enough evidence' of utility" in second
    assert "Of 36 people planned to balance them, 35 were made" in second


def test_the_cohort_is_told_as_audited() -> None:
    first = sentences(FOUND)[0]
    assert "'female, diagnosis DCM' (0, where 8 were to be expected)" in first
    assert "tangled with vendor (Cramér's V 0.72, 0.54 to 0.86)" in first
    assert "nobody can say whom the cohort leaves out" in changed(judged=12)[0]
    fair = changed(missing=(), tangled=())[0]
    assert "no group is missing" in fair
    assert "nothing is tangled with diagnosis" in fair


def test_the_crossing_is_compared_only_where_two_of_its_groups_can_be() -> None:
    enough, few = {"sick": 9, "healthy": 9}, {"sick": 2, "healthy": 9, "refused": "too few"}
    told = {"groups": {"sex": {"f": enough, "m": enough}, "sex x vendor": {"f, A": enough, "m, A": few}}}
    assert main_grouping(told) == "sex"
    told["groups"]["sex x vendor"]["m, A"] = enough
    assert main_grouping(told) == "sex x vendor"
    assert main_grouping({"groups": {"sex": {"f": few, "m": enough}}}) == ""
