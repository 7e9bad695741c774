"""What `train` gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.errors import CohortError, SettingsError
from synthcmr.verbs.result import PageResult
from synthcmr.verbs.training_run import newest_sheet

if TYPE_CHECKING:
    import pandas as pd

ANATOMY = "anatomy"  # the family of generators of masks


@dataclass(frozen=True)
class TrainedRun(PageResult):
    """A run folder, and the generator that came out.

    Attributes:
        family: of the generator; "anatomy" for the generator of masks.
        run: its run folder; of an anatomy generator its file.
        calibrated: what a refining generator was set to by measurement; empty for others.
        submitted: the job of the cluster that trains it; empty where it was trained here.
    """

    family: str
    run: Path
    calibrated: str = ""
    submitted: str = ""
    trained: Any = field(default=None, repr=False)

    @property
    def generator(self) -> Any:
        """The generator, ready to sample.

        Raises:
            CohortError: it is trained elsewhere, see `submitted`.
        """
        if self.trained is None:
            raise CohortError(
                f"{self.run}: {self.submitted}; load_generator(RUN) reads the generator when the job is done"
            )
        return self.trained

    @property
    def verdict(self) -> str:
        """Whether the run is done, goes on improving, or has begun to copy; empty where too little was measured."""
        from synthcmr.training.run_folder import RunFolder
        from synthcmr.training.verdict import verdict

        judged = None if self.trained is None or self.family == ANATOMY else verdict(RunFolder(self.run).metrics())
        return "" if judged is None else judged.sentence

    def summary(self) -> str:
        """What came out, how good it is as far as it was measured, and how to use it."""
        if self.submitted:
            return self.submitted
        if self.family == ANATOMY:
            return (
                f"{self.run}: anatomies of {self.generator.facts['subjects']} subjects; "
                f"try: synthcmr generate OUT --anatomy {self.run} --subjects 4"
            )
        privacy: Any = self.generator.facts.get("privacy") or {}
        private = "differentially private, " + ", ".join(f"{k} {v}" for k, v in privacy.items()) if privacy else ""
        lines = [line for line in (private, self.calibrated, self.verdict, self._earlier_step()) if line]
        lines.append(
            f"{self.family}, weights {self.generator.hash[:12]}; try: synthcmr generate OUT --run {self.run} -n 16"
        )
        return "\n".join(f"{self.run}: {line}" for line in lines)

    @property
    def table(self) -> pd.DataFrame:
        """The metrics, one row per line of metrics.jsonl: step, losses, scores of samples; empty of an anatomy generator."""
        import pandas as pd

        from synthcmr.training.run_folder import RunFolder

        return pd.json_normalize([] if self.family == ANATOMY else RunFolder(self.run).metrics(), sep=".")

    @property
    def page_folder(self) -> Path:
        """The run folder.

        Raises:
            SettingsError: an anatomy generator has no curves.
        """
        if self.family == ANATOMY:
            raise SettingsError(f"{self.run}: expected a run with curves, an anatomy generator is fitted in one step")
        return self.run

    def _write_page(self, folder: Path) -> Path:
        """curves.html."""
        from synthcmr.report.run_page import write_run_page

        return write_run_page(self.run, folder)

    def _repr_html_(self) -> str:
        """The newest sheet of samples, and the summary, for notebooks."""
        return f"<div>{newest_sheet(self.run)}</div><pre>{escape(self.summary())}</pre>"

    def _earlier_step(self) -> str:
        """Says so where the weights are not those of the last step."""
        from synthcmr.training.run_folder import RunFolder

        record = RunFolder(self.run).record()
        step = (record.get("ended") or {}).get("weights_of_step")
        last = (record.get("loop") or {}).get("steps", step)
        return "" if step in (None, last) else f"the weights are those of step {step}, whose samples were better"
