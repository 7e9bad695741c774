"""The cohort that the attacks are tried on, and what they find where everything leaked."""

from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.attack_target import AttackTarget
from synthcmr.evaluation.privacy.privacy_judgement import PrivacyResult, judge_privacy
from tests.evaluation.privacy.making import QUICK, Memory, textures


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return textures(tmp_path_factory.mktemp("textures") / "cohort")


@pytest.fixture(scope="session")
def stolen(cohort: Cohort) -> Cohort:
    return cohort.select(split="train")


@pytest.fixture(scope="session")
def memory(stolen: Cohort) -> Memory:
    return Memory({stolen.mask(k).tobytes(): stolen.image(k) for k in range(len(stolen))})


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("judged")


@pytest.fixture(scope="session")
def result(cohort: Cohort, stolen: Cohort, memory: Memory, folder: Path) -> PrivacyResult:
    innocent = Memory({})
    target = AttackTarget("memory", memory, memory, (innocent, innocent))
    return judge_privacy(cohort, stolen, QUICK, folder, target)
