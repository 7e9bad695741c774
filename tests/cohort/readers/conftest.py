"""One phantom as DICOM files, whose truth is known."""

from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.config import PreprocessSettings
from synthcmr.phantom.cohort import make_phantoms
from tests.cohort.readers.layouts import mr_instances

FRAMES = 5  # so few that end-systole stands out: its neighbours are half full


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    settings = PreprocessSettings(size=64, spacing_mm=3.0)
    return make_phantoms(tmp_path_factory.mktemp("phantom") / "c", "population", 1, FRAMES, 3, settings, workers=1)


@pytest.fixture(scope="session")
def files(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MR instances of one phantom as a hospital would store them: one subject, flat, without masks."""
    return mr_instances(cohort, tmp_path_factory.mktemp("dicom"))
