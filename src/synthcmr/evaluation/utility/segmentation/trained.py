"""All networks of a grid, trained or kept from before, and what they said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthcmr.cohort.parallel import NETWORKS, ordered_map
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.utility.people import People
from synthcmr.evaluation.utility.segmentation.arms import Task, job_of
from synthcmr.evaluation.utility.segmentation.job import Job, run_job

if TYPE_CHECKING:
    import pandas as pd

WORK = "networks"


def trained(told: Comparison, people: People, wanted: Sequence[Task]) -> pd.DataFrame:
    """Every case of every task: arm, fraction, repeat, without, source, subject_id, phase, structure, dice, hd95_mm, failed."""
    import pandas as pd

    settings = told.settings
    jobs = [job_of(task, people, settings.utility, settings.seed, told.out / WORK / "segmentation") for task in wanted]
    run_jobs(told, jobs)
    return pd.concat(
        [
            pd.read_parquet(job.file).assign(arm=t.arm, fraction=t.fraction, repeat=t.repeat, without=t.without)
            for t, job in zip(wanted, jobs, strict=True)
        ],
        ignore_index=True,
    )


def run_jobs(told: Comparison, jobs: Sequence[Job]) -> None:
    """Train what is not there yet; what is finished stays, whenever the rest is stopped."""
    todo = [job for job in jobs if not job.file.exists()]
    done = len(jobs) - len(todo)
    if told.report is not None:
        told.report(done, len(jobs), todo[0].name if todo else "networks that outline")
    for job, _ in zip(todo, ordered_map(run_job, todo, told.workers, [run_job.__module__, NETWORKS]), strict=True):
        done += 1
        if told.report is not None:
            told.report(done, len(jobs), job.name)
