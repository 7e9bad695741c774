"""The demo's three sentences follow from its numbers, in every direction."""

from dataclasses import replace
from typing import Any

import pytest

from synthcmr.report.demo_results import (
    BeforeAndAfter,
    DemoResults,
    LabelAssociation,
    Measured,
    MissingGroup,
    main_grouping,
    sentences,
)

RESULTS = DemoResults(
    label="diagnosis",
    judged=60,
    missing=(MissingGroup("female, diagnosis DCM", 0, 8.0),),
    associated=(LabelAssociation("vendor", Measured(0.72, 0.54, 0.86)),),
    planned=36,
    generated=35,
    gap=BeforeAndAfter(Measured(1.2, 1.1, 1.3), Measured(0.2, 0.15, 0.25), 0.08),
    probe=BeforeAndAfter(Measured(0.9, 0.86, 0.94), Measured(0.54, 0.47, 0.61), 0.49),
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
    return sentences(replace(RESULTS, **values))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Measured(0.10, 0.02, 0.18), "helped the worst group of sex and vendor: +0.10 (+0.02 to +0.18)"),
        (Measured(0.03, -0.05, 0.11), "had no measurable effect in the worst group of sex and vendor: +0.03"),
        (Measured(-0.09, -0.15, -0.02), "harmed the worst group of sex and vendor: -0.09 (-0.15 to -0.02)"),
    ],
)
def test_whether_images_helped_is_what_the_interval_says(change: Measured, said: str) -> None:
    assert said in changed(images=change)[2]


@pytest.mark.parametrize(
    ("against", "said"),
    [
        (Measured(0.05, 0.01, 0.09), "the images do better"),
        (Measured(-0.02, -0.08, 0.05), "the difference between the two is not significant"),
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
        (Measured(0.2, 0.15, 0.25), "narrowed the gap between their spectra and real ones: 1.20 before, 0.20 after"),
        (
            Measured(1.15, 1.0, 1.25),
            "did not measurably change the gap between their spectra and real ones: 1.20 before, 1.15 after",
        ),
        (Measured(1.8, 1.6, 1.9), "widened the gap between their spectra and real ones: 1.20 before, 1.80 after"),
    ],
)
def test_recalibration_is_told_as_measured(after: Measured, said: str) -> None:
    assert said in changed(gap=replace(RESULTS.gap, after=after))[1]


LESS, SAME, MORE = Measured(0.54, 0.47, 0.61), Measured(0.88, 0.83, 0.93), Measured(0.99, 0.97, 1.0)
NARROWED, UNCHANGED, WIDENED = Measured(0.2, 0.15, 0.25), Measured(1.15, 1.0, 1.25), Measured(1.8, 1.6, 1.9)


@pytest.mark.parametrize(
    ("gap", "probe", "said"),
    [
        (NARROWED, LESS, ", and a linear probe separates these spectra from real ones less well than before: AUC 0.90"),
        (
            UNCHANGED,
            LESS,
            ", but a linear probe separates these spectra from real ones less well than before: AUC 0.90",
        ),
        (
            UNCHANGED,
            SAME,
            ", and a linear probe separates these spectra from real ones neither measurably better nor worse",
        ),
        (
            NARROWED,
            SAME,
            ", but a linear probe separates these spectra from real ones neither measurably better nor worse",
        ),
        (NARROWED, MORE, ", but a linear probe separates these spectra from real ones better than before: AUC 0.90"),
        (WIDENED, MORE, ", and a linear probe separates these spectra from real ones better than before: AUC 0.90"),
    ],
)
def test_the_probe_is_told_beside_the_gap(gap: Measured, probe: Measured, said: str) -> None:
    second = changed(gap=replace(RESULTS.gap, after=gap), probe=replace(RESULTS.probe, after=probe))[1]
    assert said in second
    assert f"AUC 0.90 before, {probe.value:.2f} after (real against real: 0.49); the score card" in second
    assert ". " not in second, "one sentence"


def test_without_a_probe_the_gap_alone_is_told() -> None:
    second = changed(probe=BeforeAndAfter(None, None, None))[1]
    assert "narrowed the gap" in second
    assert "probe" not in second


def test_spectra_that_could_not_be_compared_are_told_so() -> None:
    assert "could not be compared" in changed(gap=replace(RESULTS.gap, before=None))[1]


def test_the_score_card_is_told_by_its_words() -> None:
    second = sentences(RESULTS)[1]
    assert "'good' for privacy and fairness, 'bad' for fidelity, 'not enough evidence' for utility" in second
    assert "Of 36 planned subjects, 35 were generated" in second


def test_the_cohort_is_told_as_audited() -> None:
    first = sentences(RESULTS)[0]
    assert "'female, diagnosis DCM' (0, expected 8)" in first
    assert "diagnosis is associated with vendor (Cramér's V 0.72, 0.54 to 0.86)" in first
    assert "under-represented groups cannot be identified" in changed(judged=12)[0]
    fair = changed(missing=(), associated=())[0]
    assert "no group is missing" in fair
    assert "no attribute is associated with diagnosis" in fair


def test_the_crossing_is_compared_only_where_two_of_its_groups_can_be() -> None:
    enough, few = {"sick": 9, "healthy": 9}, {"sick": 2, "healthy": 9, "refused": "too few"}
    told = {"groups": {"sex": {"f": enough, "m": enough}, "sex x vendor": {"f, A": enough, "m, A": few}}}
    assert main_grouping(told) == "sex"
    told["groups"]["sex x vendor"]["m, A"] = enough
    assert main_grouping(told) == "sex x vendor"
    assert main_grouping({"groups": {"sex": {"f": few, "m": enough}}}) == ""
