"""Two processes never write one folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.output_lock import OutputLock
from synthcmr.cohort.writer import CohortWriter
from synthcmr.errors import CohortError
from synthcmr.training.run_folder import RunFolder

HOLDER = """
import sys
from pathlib import Path
from synthcmr.cohort.output_lock import OutputLock
lock = OutputLock(Path(sys.argv[1]), Path(sys.argv[1]).parent)
print("taken", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def other(tmp_path: Path) -> "subprocess.Popen[str]":
    """A process that holds the lock of tmp_path."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "taken\n"
    return process


def test_a_lock_is_held_until_its_process_is_killed(tmp_path: Path, other: "subprocess.Popen[str]") -> None:
    with pytest.raises(CohortError, match="another synthcmr process is writing this folder"):
        OutputLock(tmp_path / "lock", tmp_path)
    other.kill()
    other.communicate()
    OutputLock(tmp_path / "lock", tmp_path).release()


def test_a_second_writer_of_a_cohort_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    from tests.cohort.making import one_record

    with CohortWriter(tmp_path / "c", {"step": "test"}) as first:
        with pytest.raises(CohortError, match="another synthcmr process"):
            CohortWriter(tmp_path / "c", {"step": "test"})
        first.add(one_record("a"))
        first.finish(None, [])
    assert len(Cohort.open(tmp_path / "c").subjects) == 1


def test_an_interrupted_writer_lets_the_next_one_go_on(tmp_path: Path) -> None:
    from tests.cohort.making import one_record

    def interrupted() -> None:
        with CohortWriter(tmp_path / "c", {"step": "test"}) as first:
            first.add(one_record("a"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with CohortWriter(tmp_path / "c", {"step": "test"}) as second:
        assert second.done == {"a"}


def test_a_second_training_in_one_folder_is_refused(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with run.lock(), pytest.raises(CohortError, match="another synthcmr process"), run.lock():
        pass
    with run.lock():
        pass
    assert not list((tmp_path / "run").iterdir())
