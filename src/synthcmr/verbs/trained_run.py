"""A run folder: what `train` gives back, and what every verb that trains does with one."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.errors import CohortError, SettingsError
from synthcmr.verbs.result import PageResult

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.training.loop import Observer
    from synthcmr.verbs.progress import Report


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
            facts = self.generator.facts
            privacy: Any = facts.get("privacy")
            private = "differentially private " if privacy else ""
            cost = "" if not privacy else _cost(privacy)
            return (
                f"{self.run}: {private}anatomies of {facts['subjects']} subjects{cost}; "
                f"try: synthcmr generate OUT --anatomy {self.run} --subjects 4"
            )
        privacy = self.generator.facts.get("privacy") or {}
        private = "differentially private, " + ", ".join(f"{k} {v}" for k, v in privacy.items()) if privacy else ""
        said = (private, self._treated_as_missing(), self.calibrated, self.verdict, self._earlier_step())
        lines = [line for line in said if line]
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

    def _treated_as_missing(self) -> str:
        """Says so where a private run was not told values of its table; no weights and no release tell it."""
        from synthcmr.training.run_folder import RunFolder

        counts = RunFolder(self.run).record().get("treated_as_missing") or {}
        images = ", ".join(f"{name} of {n} image(s)" for name, n in counts.items())
        return images and (
            f"values that are not public were treated as missing: {images}; name those that were known before anybody looked "
            "into the table with --dp categories=NAME:VALUE|VALUE"
        )

    def _earlier_step(self) -> str:
        """Says so where the weights are not those of the last step."""
        from synthcmr.training.run_folder import RunFolder

        record = RunFolder(self.run).record()
        step = (record.get("ended") or {}).get("weights_of_step")
        last = (record.get("loop") or {}).get("steps", step)
        return "" if step in (None, last) else f"the weights are those of step {step}, whose samples were better"


def _cost(privacy: dict[str, Any]) -> str:
    """What private anatomies cost, and how well their means are known."""
    spent = f"epsilon {privacy['epsilon']:g}, delta {privacy['delta']:g}"
    return f" ({spent}; noise of {privacy['noise']:.2f} standard deviations on each mean)"


REDRAWN_S = 60.0  # of the page of curves


def training_observer(run: Path, report: Report) -> Observer:
    """Show progress, and keep the page of curves up to date."""
    last = 0.0

    def observe(progress: Any) -> None:
        nonlocal last
        loss = f"loss {progress.loss:.4f}" if math.isfinite(progress.loss) else ""
        held_out = "" if progress.held_out is None else f"held out {progress.held_out:.4f}"
        report(progress.step, progress.steps, ", ".join(part for part in (progress.part, loss, held_out) if part))
        if progress.part:
            return
        if time.monotonic() - last > REDRAWN_S or progress.step == progress.steps:
            last = time.monotonic()
            from synthcmr.report.run_page import write_run_page

            write_run_page(run)

    return observe


def expect_other_run(run: Path, init_from: str | None) -> None:
    """Refuse a run folder that holds the weights that are to be gone on from.

    Raises:
        SettingsError: it does.
    """
    if init_from is not None and run.resolve() in (Path(init_from).resolve(), *Path(init_from).resolve().parents):
        raise SettingsError(
            f"{run}: expected a run folder other than that of --init-from {init_from}; name another folder to make"
        )


def newest_sheet(run: Path) -> str:
    """The last sheet of samples as an image for notebooks; empty where there is none."""
    import base64

    from synthcmr.training.run_folder import SHEETS

    sheets = sorted((run / SHEETS).glob("*.png"))
    if not sheets:
        return ""
    data = base64.b64encode(sheets[-1].read_bytes()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="samples of {sheets[-1].stem}">'
