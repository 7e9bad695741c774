"""All networks of a grid, trained or kept from before, and what they reached, as arrays of seeds and test subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.utility.people import REAL, Participants
from synthcmr.evaluation.utility.segmentation.arms import GridPoint, job_of
from synthcmr.experiments.jobs import run_jobs

if TYPE_CHECKING:
    import pandas as pd


WORK = "networks"


def trained(comparison: Comparison, people: Participants, wanted: Sequence[GridPoint]) -> pd.DataFrame:
    """Every case of every network: arm, fraction, repeat, without, source, subject_id, phase, structure, dice, hd95_mm, failed."""
    import pandas as pd

    settings = comparison.settings
    jobs = [
        job_of(task, people, settings.utility, settings.seed, comparison.out / WORK / "segmentation") for task in wanted
    ]
    run_jobs(jobs, comparison.workers, comparison.report)
    return pd.concat(
        [
            job.result().assign(arm=t.arm, fraction=t.fraction, repeat=t.repeat, without=t.without)
            for t, job in zip(wanted, jobs, strict=True)
        ],
        ignore_index=True,
    )


Numbers = npt.NDArray[np.float64]
KEYS = ["arm", "fraction", "without", "source"]


@dataclass(frozen=True)
class Outcomes:
    """Every case of every network."""

    table: pd.DataFrame

    @cached_property
    def _rows(self) -> dict[tuple[object, ...], npt.NDArray[np.intp]]:
        return dict(self.table.groupby(KEYS).indices)

    @cached_property
    def phases(self) -> tuple[str, ...]:
        """ED and ES, or what frames are called."""
        return tuple(sorted(self.table["phase"].unique()))

    def cases(self, arm: str, fraction: float, source: str = REAL, without: str = "") -> pd.DataFrame:
        """Those of all seeds of one arm."""
        return self.table.iloc[self._rows.get((arm, fraction, without, source), [])]

    def of(
        self,
        measure: str,
        arm: str,
        fraction: float,
        subjects: Sequence[str],
        source: str = REAL,
        without: str = "",
        structure: str = "",
        phase: str = "",
    ) -> Numbers:
        """Mean over a subject's cases, (seeds, subjects); NaN for those who have none."""
        chosen = self.cases(arm, fraction, source, without)
        for column, wanted in (("structure", structure), ("phase", phase)):
            if wanted:
                chosen = chosen[chosen[column] == wanted]
        wide = chosen.pivot_table(index="repeat", columns="subject_id", values=measure, aggfunc="mean")
        result: Numbers = wide.reindex(columns=list(subjects)).to_numpy(dtype=float)
        return result if len(result) else np.full((1, len(subjects)), np.nan)
