"""The runner: what is finished is kept, what is interrupted is done again, and nothing half written is taken for a result."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from synthcmr.errors import CohortError
from synthcmr.experiments.jobs import Arm, TrainingJob, run_jobs


@dataclass(frozen=True)
class Counting(TrainingJob):
    """Appends to a file whenever it is trained."""

    arm: str
    out: Path
    fails: bool = False

    @property
    def name(self) -> str:
        return f"{self.arm}, seed 1"

    @property
    def key(self) -> str:
        return self.arm

    def run(self) -> pd.DataFrame:
        with (self.out / "log.txt").open("a") as log:
            log.write(f"{self.arm}\n")
        if self.fails:
            raise RuntimeError("interrupted")
        return pd.DataFrame({"arm": [self.arm]})


def trained(out: Path) -> list[str]:
    return (out / "log.txt").read_text().split()


def test_finished_jobs_are_kept_and_reported_as_done(tmp_path: Path) -> None:
    jobs = [Counting(arm, tmp_path) for arm in "abc"]
    run_jobs(jobs[:2], 1)
    reports: list[tuple[int, int, str]] = []
    run_jobs(jobs, 1, lambda *report: reports.append(report))
    assert trained(tmp_path) == ["a", "b", "c"]
    assert reports == [(2, 3, "c, seed 1"), (3, 3, "c, seed 1")]
    assert [job.result()["arm"].item() for job in jobs] == ["a", "b", "c"]


@pytest.mark.parametrize("noted", [True, False])
def test_a_damaged_result_is_named_with_the_way_out(tmp_path: Path, noted: bool) -> None:
    job = Counting("a", tmp_path)
    run_jobs([job], 1)
    if not noted:  # as before results had checksums
        job.file.with_suffix(".crc32").unlink()
    job.file.write_bytes(job.file.read_bytes()[:-9])
    with pytest.raises(CohortError, match=r"a\.parquet: expected the result of a, seed 1.* repeat the command"):
        job.result()


def test_any_flipped_bit_of_a_result_is_found_and_the_network_is_trained_again(tmp_path: Path) -> None:
    job = Counting("a", tmp_path)
    run_jobs([job], 1)
    whole = job.file.read_bytes()
    for place in range(0, len(whole), 97):
        job.file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with pytest.raises(CohortError, match="got: a file that has changed since"):
            job.result()
    run_jobs([job], 1)
    assert trained(tmp_path) == ["a", "a"]
    assert job.file.read_bytes() == whole


def test_an_interrupted_experiment_continues_with_what_has_no_result(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="interrupted"):
        run_jobs([Counting("a", tmp_path), Counting("b", tmp_path, fails=True), Counting("c", tmp_path)], 1)
    run_jobs([Counting(arm, tmp_path) for arm in "abc"], 1)
    assert trained(tmp_path) == ["a", "b", "b", "c"]
    assert not list(tmp_path.glob("*.part"))


def test_workers_give_what_one_process_gives(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for name, workers in (("one", 1), ("two", 2)):
        run_jobs([Counting(arm, tmp_path / name) for arm in "abcd"], workers)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).glob("*.parquet")} for name in ("one", "two"))
    assert one == two
    assert len(one) == 4


def test_an_arm_is_named_with_its_fraction_where_it_learns_from_real_images() -> None:
    assert Arm("real", "", "none").at(0.25) == "real, 25 %"
    assert Arm("synthetic only", "", "synthetic", real=False).at(1.0) == "synthetic only"
    assert Arm("both", "", "synthetic", sets=("copy",), before=("planned",)).needs == ("copy", "planned")
