"""The whole judgement: a set that is its training images is convicted by every attack; a part that was done is not done again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import CohortError
from synthcmr.evaluation.privacy.figures import Absent
from synthcmr.evaluation.privacy.judge import judge_privacy
from synthcmr.evaluation.privacy.result import Attacks, Inferences, PrivacyResult
from synthcmr.evaluation.privacy.settings import MembershipSettings, PrivacySettings
from synthcmr.evaluation.privacy.suspect import Suspect
from tests.evaluation.privacy.making import SETTINGS

QUICK = SETTINGS.model_copy(update={"membership": MembershipSettings(images=2, times=(0.3, 0.7), noises=1, asked=2)})


@dataclass
class Memory:
    """A generator that gives back what it learned, and is half as wrong about it as about others; all in closed form."""

    learned: dict[bytes, np.ndarray]  # mask -> image
    known: float = 0.5
    frames: int = 2
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(()))

    def draw(self, conditions: Sequence[Condition], seeds: Sequence[int]) -> np.ndarray:
        rng = np.random.default_rng(list(seeds))
        noise = rng.random((len(conditions), *conditions[0].mask.shape)).astype(np.float32)
        return np.stack([self.learned.get(c.mask.tobytes(), n) for c, n in zip(conditions, noise, strict=True)])

    def errors(
        self, images: np.ndarray, conditions: Sequence[Condition], time: float, seeds: Sequence[int]
    ) -> np.ndarray:
        noise = np.stack([np.random.default_rng(seed).normal(size=images.shape[1:]) for seed in seeds])
        size = [self.known if c.mask.tobytes() in self.learned else 1.0 for c in conditions]
        return (noise * np.array(size)[:, None, None, None]).astype(np.float32)


@pytest.fixture(scope="module")
def stolen(cohort: Cohort) -> Cohort:
    return cohort.select(split="train")


@pytest.fixture(scope="module")
def memory(stolen: Cohort) -> Memory:
    return Memory({stolen.mask(k).tobytes(): stolen.image(k) for k in range(len(stolen))})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("judged")


@pytest.fixture(scope="module")
def result(cohort: Cohort, stolen: Cohort, memory: Memory, folder: Path) -> PrivacyResult:
    innocent = Memory({})
    suspect = Suspect("memory", memory, memory, (innocent, innocent))
    return judge_privacy(cohort, stolen, QUICK, folder, suspect)


def test_every_access_convicts(result: PrivacyResult) -> None:
    for part in (result.black_box, result.grey_box, result.white_box):
        assert isinstance(part, Attacks)
        assert part.strongest.result.auc.value >= 0.9
    assert result.near_copies.copied.value > 0.95  # type: ignore[union-attr]
    names = {a.name for a in result.white_box.attacks}  # type: ignore[union-attr]
    assert {"error", "mid-band error", "RMIA", "LiRA, offline", "error, against reference models"} <= names


def test_the_control_shows_no_membership_among_members(result: PrivacyResult) -> None:
    for part in (result.grey_box, result.white_box):
        for attack in part.attacks:  # type: ignore[union-attr]
            assert attack.control.low <= 0.5 <= attack.control.high, attack.name  # type: ignore[union-attr]


def test_planted_leaks_are_found_by_attacks_that_ask(result: PrivacyResult) -> None:
    for attack in result.grey_box.attacks:  # type: ignore[union-attr]
        assert attack.planted.value >= 0.9  # type: ignore[union-attr]
        assert not attack.weak


def test_what_cannot_be_done_says_why(result: PrivacyResult) -> None:
    assert isinstance(result.audit, Absent)
    assert "claims no differential privacy" in result.audit.reason


def test_secrets_of_stolen_people_are_told(result: PrivacyResult) -> None:
    assert isinstance(result.attributes, Inferences)
    by_image = [i for i in result.attributes.secrets if i.knows == "the image"]
    assert by_image
    assert all(i.members == 1.0 for i in by_image)


def test_it_is_json_and_a_done_part_is_not_done_again(
    result: PrivacyResult, cohort: Cohort, stolen: Cohort, memory: Memory, folder: Path
) -> None:
    told = json.loads(json.dumps(result.model_dump(mode="json")))
    assert PrivacyResult.model_validate(told) == result
    assert not (folder / "compared").exists()

    def fail(done: int, total: int, what: str) -> None:
        raise AssertionError(what)

    suspect = Suspect("memory", memory, memory, (Memory({}), Memory({})))
    assert judge_privacy(cohort, stolen, QUICK, folder, suspect, report=fail) == result


def test_too_few_subjects_are_refused(cohort: Cohort, stolen: Cohort, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="at least 50 subjects"):
        judge_privacy(cohort, stolen, PrivacySettings(min_subjects=50), tmp_path)
