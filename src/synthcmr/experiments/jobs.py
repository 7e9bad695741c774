"""Arms, which differ in what their networks learn from and in nothing else; and jobs that train one network each.

What is finished is kept, and never trained again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import torch

from synthcmr.cohort.checksums import is_whole, put_in_place
from synthcmr.cohort.parallel import NETWORKS, ordered_map
from synthcmr.errors import CohortError, in_words

if TYPE_CHECKING:
    import pandas as pd

Report = Callable[[int, int, str], None]  # done, total, what


@dataclass(frozen=True)
class Arm:
    """One way to train a network; the defaults are those of learning from the real training split as it is."""

    name: str
    about: str
    kind: Literal["none", "cheap", "synthetic"]
    real: bool = True  # learns from the real training split
    sets: tuple[str, ...] = ()  # synthetic sets beside it
    before: tuple[str, ...] = ()  # synthetic sets that the first half of the steps is spent on
    even: bool = False  # every cell of label x groups is drawn equally often
    weighted: bool = False  # every cell counts the same in the loss
    loss: Literal["entropy", "focal", "dro"] = "entropy"
    augment: bool = False
    crop: bool = False
    thresholds: bool = False  # one per group, chosen on the validation split

    @property
    def needs(self) -> tuple[str, ...]:
        """The synthetic sets it needs."""
        return (*self.sets, *self.before)

    def at(self, fraction: float) -> str:
        """What the arm is called where it learns from a fraction of the real training subjects."""
        return f"{self.name}, {100 * fraction:g} %" if self.real else self.name


class TrainingJob(ABC):
    """One network of one arm with one seed, and the table of what it predicts or reaches."""

    out: Path  # folder of the results

    @property
    @abstractmethod
    def name(self) -> str:
        """As people read it: arm and seed."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What tells this result from that of any other job in the folder: a hash of all that it depends on, or a stem and the seed."""

    @abstractmethod
    def run(self) -> pd.DataFrame:
        """Train, and test."""

    @property
    def file(self) -> Path:
        """Where the result is kept."""
        return self.out / f"{self.key}.parquet"

    @property
    def work_folder(self) -> Path:
        """Where the loop may write while it trains."""
        return self.out / "work" / self.key

    def on_one_thread(self) -> Self:
        """The same job for a worker process; what decides the name of the result stays."""
        return self

    def result(self) -> pd.DataFrame:
        """What a finished job wrote.

        Raises:
            CohortError: its file is damaged.
        """
        import pandas as pd
        import pyarrow as pa

        if self.file.exists() and not is_whole(self.file):
            raise self._damaged("a file that has changed since")
        try:
            return pd.read_parquet(self.file)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self._damaged(in_words(error)) from error

    def _damaged(self, got: str) -> CohortError:
        return CohortError(
            f"{self.file}: expected the result of {self.name}, got: {got}; repeat the command, which trains this network again and "
            "keeps the others (remove the file first if it has no checksum, .crc32, beside it)"
        )


def run_job(job: TrainingJob) -> Path:
    """Run a job and keep its result: whole, or not at all."""
    table = job.run()
    job.file.parent.mkdir(parents=True, exist_ok=True)
    partial = job.file.with_suffix(".part")
    table.to_parquet(partial, index=False)
    put_in_place(partial, job.file)
    return job.file


def run_jobs(jobs: Sequence[TrainingJob], workers: int, report: Report | None = None, all_cores: bool = False) -> None:
    """Run the jobs that have no result yet, or a damaged one; each is kept as it ends, whenever the rest is stopped.

    Args:
        jobs: of an experiment, all of them.
        workers: processes; each trains one network at a time, on one thread.
        report: called with (done, total, name of the job).
        all_cores: whether a single process gives each network all cores; results then differ in the last digits from those of workers.
    """
    todo = [job for job in jobs if not is_whole(job.file)]
    done, threads = len(jobs) - len(todo), torch.get_num_threads()
    if report is not None:
        report(done, len(jobs), todo[0].name if todo else "networks")
    finished: Iterator[Path]
    if all_cores and workers <= 1:
        finished = map(run_job, todo)
    else:
        modules = sorted({type(job).__module__ for job in todo})
        finished = ordered_map(run_job, [job.on_one_thread() for job in todo], workers, [*modules, NETWORKS])
    try:
        for job, _ in zip(todo, finished, strict=True):
            done += 1
            if report is not None:
                report(done, len(jobs), job.name)
    finally:
        torch.set_num_threads(threads)


def plain(name: str) -> str:
    """A name as part of a file's."""
    return "".join(c if c.isalnum() else "-" for c in name)
