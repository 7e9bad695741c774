"""The cohort that the attacks are tried on."""

import pytest

from synthcmr.cohort import Cohort
from tests.evaluation.privacy.making import textures


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return textures(tmp_path_factory.mktemp("textures") / "cohort")
