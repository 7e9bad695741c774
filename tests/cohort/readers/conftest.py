"""One phantom as DICOM files, whose truth is known."""

import shutil
from pathlib import Path

import pydicom
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.writers import get_writer
from synthcmr.config import PreprocessSettings
from synthcmr.phantom.cohort import make_phantoms

FRAMES = 5  # so few that end-systole stands out: its neighbours are half full


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    settings = PreprocessSettings(size=64, spacing_mm=3.0)
    return make_phantoms(tmp_path_factory.mktemp("phantom") / "c", "population", 1, FRAMES, 3, settings, workers=1)


@pytest.fixture(scope="session")
def files(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MR instances of one phantom as a hospital would store them: one subject, flat, without masks."""
    out = tmp_path_factory.mktemp("dicom")
    get_writer("dicom").write(cohort, out / "written")
    (out / "flat").mkdir()
    for k, path in enumerate(sorted((out / "written").rglob("*.dcm"))):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if header.Modality == "MR":
            shutil.copy(path, out / "flat" / f"{(k * 37) % 997:04d}.dcm")  # names say nothing about the order
    return out / "flat"
