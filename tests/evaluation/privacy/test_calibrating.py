"""Where copies begin: from held-out people whom the judged do not know, with members against each other where these are few."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.calibrating import Innocent, limits, threshold_of
from synthcmr.evaluation.privacy.copies import NearCopies, near_copies
from synthcmr.evaluation.privacy.people import People
from synthcmr.evaluation.privacy.pile import Side
from synthcmr.evaluation.privacy.searching import search
from synthcmr.evaluation.privacy.settings import CopySettings, SearchSettings
from tests.evaluation.privacy.making import SETTINGS, divided, piled, pixels_of

FEW = SETTINGS.model_copy(update={"copies": CopySettings(planted=20, search=SearchSettings(scales=(1.0,), degrees=()))})


def innocent(people: int, images: int, seed: int, first: int = 0) -> Innocent:
    z = np.random.default_rng([seed, people]).normal(0.6, 0.15, people * images)
    return Innocent(np.tanh(z), np.repeat(np.arange(first, first + people), images).astype(str))


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
    found = [threshold_of(values, np.repeat(np.arange(n), 60 // n).astype(str), 0.01) for n in (3, 6, 30)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.9


def test_the_threshold_of_few_people_keeps_to_its_false_alarms_nineteen_times_in_twenty() -> None:
    kept = []
    for seed in range(200):
        few = innocent(20, 1, seed)
        others = np.tanh(np.random.default_rng([9, seed]).normal(0.6, 0.15, 5000))
        kept.append(np.mean(others > threshold_of(few.correlation, few.subject, 0.01)) <= 0.005)
    assert 0.9 <= np.mean(kept) <= 0.99


def test_members_help_where_held_out_people_are_few_and_only_there() -> None:
    few, many, members = innocent(8, 8, 0), innocent(200, 10, 1), innocent(40, 8, 2, first=1000)
    half = np.arange(64) < 32
    helped = limits(few, half, lambda: members, 0.01, 100)
    known = few.at(half)
    assert helped.members == len(members.correlation)
    assert helped.threshold < threshold_of(known.correlation, known.subject, 0.01)
    assert helped.certain >= helped.threshold
    assert limits(few, half, lambda: members, 0.01, 100_000).certain > helped.certain

    def nobody() -> Innocent:
        raise AssertionError("members were asked, and are not needed")

    assert limits(many, np.arange(2000) < 1500, nobody, 0.01, 100).members == 0


def test_a_member_who_is_there_twice_does_not_hide_copies() -> None:
    few, members = innocent(8, 8, 0), innocent(40, 8, 2, first=1000)
    half = np.arange(64) < 32
    plain = limits(few, half, lambda: members, 0.01, 100)
    twice = Innocent(np.where(np.arange(320) < 8, 0.999, members.correlation), members.subject)
    assert limits(few, half, lambda: twice, 0.01, 100).threshold == pytest.approx(plain.threshold, abs=0.03)


def test_members_are_laid_over_other_members_alone(cohort: Cohort, tmp_path: Path) -> None:
    members = divided(cohort).members.pile(tmp_path / "m", None)
    own, apart = (search(members, members, SearchSettings(), apart=a) for a in (False, True))
    assert (members.subject[own.key.numpy()] == members.subject).all()
    assert (members.subject[apart.key.numpy()] != members.subject).all()
    assert own.correlation.min() > 0.999
    assert apart.correlation.max() < 0.9


def contaminated(cohort: Cohort, folder: Path, calibrating: bool) -> NearCopies:
    """As if half of the held-out people were members."""
    who = divided(cohort)
    side = "calibrating" if calibrating else "judged"
    few = Side(cohort, who.members.rows[: len(getattr(who, side).rows)])
    people: People = replace(who, **{side: few})
    fresh = pixels_of(Side(cohort, who.judged.rows[:6]))
    return near_copies(people, piled(people, fresh, np.repeat("fresh", 6), folder), FEW, folder)


def test_the_threshold_knows_those_who_calibrate_and_false_alarms_those_who_are_judged(
    cohort: Cohort, tmp_path: Path
) -> None:
    judged = contaminated(cohort, tmp_path / "judged", calibrating=False)
    assert judged.false_alarms.value == 1.0
    assert judged.threshold < 0.9
    calibrating = contaminated(cohort, tmp_path / "calibrating", calibrating=True)
    assert calibrating.false_alarms.value == 0.0
    assert calibrating.threshold > 0.999


def test_what_the_search_cannot_see_is_weak_and_blends_are_no_copies_for_certain(
    cohort: Cohort, tmp_path: Path
) -> None:
    """Mixtures of a member and somebody else: the more of the member, the more like a copy."""
    who = divided(cohort)
    ours, theirs = (pixels_of(Side(cohort, side.rows[:36])) for side in (who.members, who.judged))
    share = np.linspace(0.4, 0.9, 36, dtype=np.float32)[:, None, None, None]
    images = share * ours + (1 - share) * theirs
    loose = FEW.model_copy(update={"copies": FEW.copies.model_copy(update={"false_alarms": 0.2})})
    found = near_copies(who, piled(who, images, np.arange(36).astype(str), tmp_path), loose, tmp_path)
    assert found.weak == ("rescaled", "all at once")
    sure = {c.training_subject for c in found.copies if c.correlation > found.certain}
    assert found.threshold < found.certain
    assert any(found.threshold < c.correlation < found.certain for c in found.copies)
    assert set(found.for_certain) == sure
    assert found.copied.value == len(found.copies) / 36
    assert [c.correlation for c in found.copies] == sorted((c.correlation for c in found.copies), reverse=True)
