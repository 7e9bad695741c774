"""Canaries through the real training and release: noise that is missing, or a teacher that saw patients, does not stay hidden."""

from pathlib import Path

import pytest
from benchmarks.pipeline_audit import one_run, public_start, recalibrations

CANARIES = 60


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return public_start(tmp_path_factory.mktemp("canaries"), CANARIES)


@pytest.mark.parametrize("arm", ["none", "teacher"])
def test_a_mistake_is_exposed_by_what_was_released(arm: str, start: Path, tmp_path: Path) -> None:
    audit = one_run(tmp_path / "run", start, arm, 1.0, CANARIES, seed=0)
    assert audit.exposed
    assert audit.right == audit.guesses


def test_a_kept_promise_is_not_called_broken(start: Path, tmp_path: Path) -> None:
    audit = one_run(tmp_path / "run", start, "promised", 1.0, CANARIES, seed=0)
    assert not audit.exposed
    assert audit.right < audit.guesses


def test_a_recalibration_without_its_noise_gives_every_canary_away(tmp_path: Path) -> None:
    broken = recalibrations(tmp_path / "none", "none", 1.0, fits=20)
    assert broken.right == broken.fits
    assert broken.chance < 1e-3
    kept = recalibrations(tmp_path / "promised", "promised", 1.0, fits=40)
    assert kept.chance > 1e-3
