"""The whole judgement: a set that is its training images is convicted by every attack; a part that was done is not done again."""

import json
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from synthcmr.evaluation.privacy.attack_target import AttackTarget
from synthcmr.evaluation.privacy.attribute_inference import Inferences
from synthcmr.evaluation.privacy.copies.near_copies import NearCopies
from synthcmr.evaluation.privacy.interval_estimates import Absent
from synthcmr.evaluation.privacy.membership.membership_attack import Attacks
from synthcmr.evaluation.privacy.privacy_judgement import PrivacyResult, judge_privacy
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings
from tests.evaluation.privacy.making import QUICK, Memory


def test_every_access_convicts(result: PrivacyResult) -> None:
    for part in (result.black_box, result.grey_box, result.white_box):
        assert isinstance(part, Attacks)
        assert part.strongest.result.auc.value >= 0.9
    assert result.near_copies.copied.value > 0.95  # type: ignore[union-attr]
    names = {a.name for a in result.white_box.attacks}  # type: ignore[union-attr]
    assert {"error", "mid-band error", "RMIA", "LiRA, offline", "error, against reference models"} <= names
    assert "error at mid-path, calibrated by complexity" in names
    assert not {"PIA", "SecMI"} & names  # this generator tells no noise


def test_every_access_identifies_members_beyond_chance(result: PrivacyResult) -> None:
    for part in (result.black_box, result.grey_box, result.white_box):
        assert isinstance(part, Attacks)
        most = max(a.result.identified.exposed(20) for a in part.attacks)  # type: ignore[union-attr]
        assert 8 <= most < result.members


def test_the_control_shows_no_membership_among_members(result: PrivacyResult) -> None:
    for part in (result.grey_box, result.white_box):
        for attack in part.attacks:  # type: ignore[union-attr]
            if attack.calibrated:
                assert isinstance(attack.control, Absent), attack.name
            else:
                assert attack.control.low <= 0.5 <= attack.control.high, attack.name  # type: ignore[union-attr]


def test_each_attack_by_itself_convicts(result: PrivacyResult) -> None:
    blunt = {"Monte Carlo": 0.7, "density ratio": 0.75}  # of kernels as wide as the median distance
    for part in (result.black_box, result.grey_box, result.white_box):
        for attack in part.attacks:  # type: ignore[union-attr]
            assert attack.result.auc.value >= blunt.get(attack.name, 0.95), (attack.name, attack.access)


def test_planted_leaks_are_found_and_attacks_that_miss_them_are_named(result: PrivacyResult) -> None:
    dull = {
        "Monte Carlo",
        "density ratio",
        "RMIA",
    }  # RMIA: models that know nobody differ by nothing, so all ratios tie
    for part in (result.black_box, result.grey_box, result.white_box):
        for attack in part.attacks:  # type: ignore[union-attr]
            # Complexity is learned from 24 images here, which is a noisy ruler for six leaks of a tenth.
            least = 0.8 if "complexity" in attack.name else 0.9
            assert attack.name in dull or attack.planted.value >= least, attack.name  # type: ignore[union-attr]
    assert "Monte Carlo (images)" in result.weak
    assert not {"registered (images)", "error (weights)", "LiRA, offline (weights)"} & set(result.weak)


def test_the_copied_are_named_for_certain_only_beyond_chance(result: PrivacyResult, cohort: Cohort) -> None:
    copies = result.near_copies
    assert isinstance(copies, NearCopies)
    assert set(copies.for_certain) == set(cohort.subjects.loc[cohort.subjects["split"] == "train", "subject_id"])
    assert copies.threshold <= copies.certain < 1
    assert copies.false_alarms.n == result.judged


def test_what_cannot_be_done_says_why(result: PrivacyResult) -> None:
    assert isinstance(result.audit, Absent)
    assert "claims no differential privacy" in result.audit.reason


def test_secrets_of_stolen_people_are_told(result: PrivacyResult) -> None:
    assert isinstance(result.attributes, Inferences)
    by_image = [i for i in result.attributes.secrets if i.knows == "the image"]
    assert by_image
    assert all(i.members == 1.0 for i in by_image)
    for i in result.attributes.secrets:
        assert i.risk.value == pytest.approx((i.members - i.others) / (1 - i.others))  # type: ignore[union-attr]
        assert i.secret not in i.knows.split(", ")
    assert all(i.risk.low > 0.5 for i in by_image)  # type: ignore[union-attr]


def test_it_is_json_and_a_done_part_is_not_done_again(
    result: PrivacyResult, cohort: Cohort, stolen: Cohort, memory: Memory, folder: Path
) -> None:
    stored = json.loads(json.dumps(result.model_dump(mode="json")))
    assert PrivacyResult.model_validate(stored) == result
    assert not (folder / "compared").exists()

    def fail(done: int, total: int, what: str) -> None:
        raise AssertionError(what)

    target = AttackTarget("memory", memory, memory, (Memory({}), Memory({})))
    assert judge_privacy(cohort, stolen, QUICK, folder, target, report=fail) == result


@pytest.mark.parametrize("other", ["name", "settings", "images"])
def test_a_part_of_something_else_is_done_anew(
    result: PrivacyResult, cohort: Cohort, stolen: Cohort, memory: Memory, folder: Path, other: str
) -> None:
    class AskedAgainError(Exception):
        pass

    def report(done: int, total: int, what: str) -> None:
        raise AskedAgainError(what)

    target = AttackTarget("another" if other == "name" else "memory", memory, memory, (Memory({}), Memory({})))
    settings = QUICK.model_copy(update={"seed": 1}) if other == "settings" else QUICK
    made = cohort.select(split="test") if other == "images" else stolen
    with pytest.raises(AskedAgainError):
        judge_privacy(cohort, made, settings, folder, target, report=report)


def test_too_few_subjects_are_refused(cohort: Cohort, stolen: Cohort, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="at least 50 subjects"):
        judge_privacy(cohort, stolen, PrivacyPartSettings(min_subjects=50), tmp_path)
