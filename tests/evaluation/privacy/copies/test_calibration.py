"""Where copies begin: from held-out people whom the judged do not know, with members against each other where these are few."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.planted_copies import POPULATIONS, rates_of_threshold

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.copies.calibration import ChanceCorrelations, copy_limits, threshold_of
from synthcmr.evaluation.privacy.copies.copy_search import search
from synthcmr.evaluation.privacy.copies.near_copies import NearCopies, near_copies
from synthcmr.evaluation.privacy.image_index import index_selection
from synthcmr.evaluation.privacy.image_selection import ImageSelection, MemberSplit
from synthcmr.evaluation.privacy.settings import CopySettings, SearchSettings
from tests.evaluation.privacy.making import SETTINGS, divided, indexed, pixels_of

FEW = SETTINGS.model_copy(update={"copies": CopySettings(planted=20, search=SearchSettings(scales=(1.0,), degrees=()))})


def innocent(subjects: int, images: int, seed: int, first: int = 0) -> ChanceCorrelations:
    z = np.random.default_rng([seed, subjects]).normal(0.6, 0.15, subjects * images)
    return ChanceCorrelations(np.tanh(z), np.repeat(np.arange(first, first + subjects), images).astype(str))


def test_a_threshold_keeps_to_its_false_alarms() -> None:
    rng = np.random.default_rng(1)
    rates = []
    for _ in range(50):
        z = rng.normal(0.6, 0.15, 4000)
        threshold = threshold_of(np.tanh(z[:2000]), np.arange(2000).astype(str), 0.01)
        rates.append(np.mean(np.tanh(z[2000:]) > threshold))
    assert 0.002 < np.mean(rates) < 0.01  # it is not bought by finding nothing


def test_few_subjects_make_for_a_high_threshold() -> None:
    values = np.tanh(np.random.default_rng(2).normal(0.6, 0.15, 60))
    thresholds = [threshold_of(values, np.repeat(np.arange(n), 60 // n).astype(str), 0.01) for n in (3, 6, 30)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > 0.9


def test_the_threshold_of_few_people_keeps_to_its_false_alarms_nineteen_times_in_twenty() -> None:
    kept = []
    for seed in range(200):
        few = innocent(20, 1, seed)
        others = np.tanh(np.random.default_rng([9, seed]).normal(0.6, 0.15, 5000))
        kept.append(np.mean(others > threshold_of(few.correlation, few.subject, 0.01)) <= 0.005)
    assert 0.9 <= np.mean(kept) <= 0.99


@pytest.mark.parametrize("people", [50, 100])
@pytest.mark.parametrize("kind", POPULATIONS)
def test_the_threshold_of_fifty_to_a_hundred_people_keeps_its_one_percent(people: int, kind: str) -> None:
    """Whether people differ as normal ones do, with heavy tails, or a few of them resemble somebody."""
    rates = rates_of_threshold(kind, people, images=10, runs=40, false_alarms=0.01)
    assert np.mean(rates) <= 0.01
    assert np.mean(rates <= 0.01) >= 0.85
    assert np.mean(rates) > 0.0005  # and it is not bought by calling nothing a copy


def test_members_help_where_held_out_people_are_few_and_only_there() -> None:
    few, many, members = innocent(8, 8, 0), innocent(200, 10, 1), innocent(40, 8, 2, first=1000)
    half = np.arange(64) < 32
    helped = copy_limits(few, half, lambda: members, 0.01, 100)
    known = few.where(half)
    assert helped.members == len(members.correlation)
    assert helped.threshold < threshold_of(known.correlation, known.subject, 0.01)
    assert helped.certain >= helped.threshold
    assert copy_limits(few, half, lambda: members, 0.01, 100_000).certain > helped.certain

    def refuse() -> ChanceCorrelations:
        raise AssertionError("members were asked, and are not needed")

    assert copy_limits(many, np.arange(2000) < 1500, refuse, 0.01, 100).members == 0


def test_a_member_who_is_there_twice_does_not_hide_copies() -> None:
    few, members = innocent(8, 8, 0), innocent(40, 8, 2, first=1000)
    half = np.arange(64) < 32
    plain = copy_limits(few, half, lambda: members, 0.01, 100)
    twice = ChanceCorrelations(np.where(np.arange(320) < 8, 0.999, members.correlation), members.subject)
    assert copy_limits(few, half, lambda: twice, 0.01, 100).threshold == pytest.approx(plain.threshold, abs=0.03)


def test_members_are_laid_over_other_members_alone(cohort: Cohort, tmp_path: Path) -> None:
    members = index_selection(divided(cohort).members, tmp_path / "m")
    own, apart = (search(members, members, SearchSettings(), apart=a) for a in (False, True))
    assert (members.subject[own.key.numpy()] == members.subject).all()
    assert (members.subject[apart.key.numpy()] != members.subject).all()
    assert own.correlation.min() > 0.999
    assert apart.correlation.max() < 0.9


def with_members_held_out(cohort: Cohort, folder: Path, calibrating: bool) -> NearCopies:
    """As if half of the held-out people were members."""
    split = divided(cohort)
    side = "calibrating" if calibrating else "judged"
    few = ImageSelection(cohort, split.members.rows[: len(getattr(split, side).rows)])
    contaminated: MemberSplit = replace(split, **{side: few})
    fresh = pixels_of(ImageSelection(cohort, split.judged.rows[:6]))
    return near_copies(contaminated, indexed(contaminated, fresh, np.repeat("fresh", 6), folder), FEW, folder)


def test_the_threshold_knows_those_who_calibrate_and_false_alarms_those_who_are_judged(
    cohort: Cohort, tmp_path: Path
) -> None:
    judged = with_members_held_out(cohort, tmp_path / "judged", calibrating=False)
    assert judged.false_alarms.value == 1.0
    assert judged.threshold < 0.9
    calibrating = with_members_held_out(cohort, tmp_path / "calibrating", calibrating=True)
    assert calibrating.false_alarms.value == 0.0
    assert calibrating.threshold > 0.999


def test_what_the_search_cannot_see_is_weak_and_blends_are_no_copies_for_certain(
    cohort: Cohort, tmp_path: Path
) -> None:
    """Mixtures of a member and somebody else: the more of the member, the more like a copy."""
    split = divided(cohort)
    ours, theirs = (pixels_of(ImageSelection(cohort, side.rows[:36])) for side in (split.members, split.judged))
    share = np.linspace(0.4, 0.9, 36, dtype=np.float32)[:, None, None, None]
    images = share * ours + (1 - share) * theirs
    loose = FEW.model_copy(update={"copies": FEW.copies.model_copy(update={"false_alarms": 0.2})})
    copies = near_copies(split, indexed(split, images, np.arange(36).astype(str), tmp_path), loose, tmp_path)
    assert copies.weak == ("rescaled", "all at once")
    sure = {c.training_subject for c in copies.copies if c.correlation > copies.certain}
    assert copies.threshold < copies.certain
    assert any(copies.threshold < c.correlation < copies.certain for c in copies.copies)
    assert set(copies.for_certain) == sure
    assert copies.copied.value == len(copies.copies) / 36
    assert [c.correlation for c in copies.copies] == sorted((c.correlation for c in copies.copies), reverse=True)
