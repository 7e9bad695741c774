"""Things that several tests look at and none changes, and the order in which files are run."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from synthcmr.cohort import Cohort

if TYPE_CHECKING:
    from tests.journeys.commands import Bench

# Tests run in several processes; each with as many threads as there are cores would make all of them wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


# What takes minutes comes first: were it last, one process would work on it while the others have nothing left to do.
LONG = (
    "docs/test_pages.py",
    "journeys/test_first_hour.py",
    "evaluation/utility/test_planted.py",
    "evaluation/test_planted.py",
    "sampling/test_generate.py",
    "training/test_privacy.py",
    "phantom",
    "notebooks",
    "generators",
    "judges",
    "fairness/test_closed_loop.py",
    "training",
    "journeys",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; otherwise as they were."""
    root = Path(__file__).parent
    items.sort(key=lambda item: _rank(item.path.relative_to(root).as_posix()))


def _rank(file: str) -> int:
    return next((k for k, begins in enumerate(LONG) if file.startswith(begins)), len(LONG))


@pytest.fixture(scope="session")
def phantom_cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    from tests.generators.making import phantoms

    return phantoms(tmp_path_factory.mktemp("phantoms") / "cohort", subjects=24)


@pytest.fixture(scope="session")
def tiny_run(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a flow that has hardly learned anything."""
    from synthcmr.generators.flow import FlowGenerator
    from tests.generators.making import LOOP, TINY

    run = tmp_path_factory.mktemp("run") / "flow"
    FlowGenerator.fit(phantom_cohort, run, TINY, LOOP)
    return run


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> "Bench":
    """What sweeps over all commands are given, made once."""
    from tests.journeys.commands import bench_in

    return bench_in(tmp_path_factory.mktemp("bench"))
