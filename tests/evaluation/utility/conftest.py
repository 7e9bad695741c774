"""Real hearts, and sets that stand in for synthetic ones, evaluated once for all tests."""

from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.score import ScoreCard
from tests.cohort.making import with_new_checks
from tests.evaluation.making import cohort_of, heart
from tests.evaluation.utility.making import FAULTS, QUICK, settings

SPLIT = {"train": 40, "validation": 10, "test": 30}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("utility")


@pytest.fixture(scope="session")
def real(folder: Path) -> Cohort:
    cohort_of(folder / "real", [heart(k) for k in range(sum(SPLIT.values()))])
    return split(folder / "real")


def split(path: Path) -> Cohort:
    """Enough test subjects for intervals that say something."""
    import pandas as pd

    subjects = pd.read_parquet(path / "subjects.parquet")
    subjects["split"] = [name for name, count in SPLIT.items() for _ in range(count)]
    subjects.to_parquet(path / "subjects.parquet")
    return Cohort.open(with_new_checks(path))


@pytest.fixture(scope="session")
def cards(folder: Path, real: Cohort) -> dict[str, ScoreCard]:
    others = [heart(k) for k in range(200, 240)]
    found = {}
    for name, fault in FAULTS.items():
        whole = name == "none"
        told = settings(fractions=(0.5, 1.0)) if whole else settings(**QUICK)
        parts = ["utility", "fairness"] if whole else ["utility"]
        found[name] = evaluate(real, cohort_of(folder / name, fault(others)), folder / "scores" / name, told, parts)
    return found
