"""All networks of a grid, trained or kept from before, and what they said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.utility.people import People
from synthcmr.evaluation.utility.segmentation.arms import GridPoint, job_of
from synthcmr.experiments.jobs import run_jobs

if TYPE_CHECKING:
    import pandas as pd

WORK = "networks"


def trained(told: Comparison, people: People, wanted: Sequence[GridPoint]) -> pd.DataFrame:
    """Every case of every network: arm, fraction, repeat, without, source, subject_id, phase, structure, dice, hd95_mm, failed."""
    import pandas as pd

    settings = told.settings
    jobs = [job_of(task, people, settings.utility, settings.seed, told.out / WORK / "segmentation") for task in wanted]
    run_jobs(jobs, told.workers, told.report)
    return pd.concat(
        [
            job.result().assign(arm=t.arm, fraction=t.fraction, repeat=t.repeat, without=t.without)
            for t, job in zip(wanted, jobs, strict=True)
        ],
        ignore_index=True,
    )
