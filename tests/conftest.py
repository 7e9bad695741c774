"""Things that several tests look at and none changes."""

import os
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort

# Tests run in several processes; each with as many threads as there are cores would make all of them wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def phantom_cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    from tests.generators.making import phantoms

    return phantoms(tmp_path_factory.mktemp("phantoms") / "cohort", subjects=24)


@pytest.fixture(scope="session")
def tiny_run(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a flow that has hardly learned anything."""
    from synthcmr.generators.flow.generator import FlowGenerator
    from tests.generators.making import LOOP, TINY

    run = tmp_path_factory.mktemp("run") / "flow"
    FlowGenerator.fit(phantom_cohort, run, TINY, LOOP)
    return run
