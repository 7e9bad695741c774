"""Patients, a private run on them and one that is not, made once."""

from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.generators.flow import FlowGenerator
from tests.generators.making import TINY
from tests.journeys.typing_in import run
from tests.privacy.making import LOOP, PRIVATE, UNSCREENED, patients_of


@pytest.fixture(scope="session")
def patients(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return patients_of(phantom_cohort, tmp_path_factory.mktemp("patients") / "acdc")


@pytest.fixture(scope="session")
def private_run(patients: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("private") / "run"
    FlowGenerator.fit(patients, folder, TINY, PRIVATE)
    return folder


@pytest.fixture(scope="session")
def open_run(patients: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learned from patients without privacy."""
    folder = tmp_path_factory.mktemp("open") / "run"
    FlowGenerator.fit(patients, folder, TINY, LOOP)
    return folder


@pytest.fixture(scope="session")
def private_images(private_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("images") / "synthetic"
    run("generate", out, "--run", private_run, *UNSCREENED)
    return out
