"""Two processes train every family to the same loss as one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.training.run_folder import RunFolder
from tests.generators.making import FAMILIES
from tests.generators.train_all import train_all

ROOT = Path(__file__).parents[2]
TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m"]


def held_out(run: Path) -> list[float]:
    return [m["held_out"] for m in RunFolder(run).metrics() if "held_out" in m]


def test_two_processes_train_every_family_to_the_same_loss(phantom_cohort: Cohort, tmp_path: Path) -> None:
    train_all(phantom_cohort, tmp_path / "alone")
    words = [*TWO, "tests.generators.train_all", str(phantom_cohort.path), str(tmp_path / "two")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for name in FAMILIES:
        alone, two = held_out(tmp_path / "alone" / name), held_out(tmp_path / "two" / name)
        assert len(alone) == 2
        assert two == pytest.approx(alone, abs=1e-3), name
