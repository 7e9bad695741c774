"""What every verb that trains does with a run folder: watch it, draw its curves, replace an earlier one."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.errors import SettingsError

if TYPE_CHECKING:
    from synthcmr.training.loop import Observer
    from synthcmr.verbs.progress import Report

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


def clear_run(run: Path, init_from: str | None) -> None:
    """Remove an earlier run, and nothing else.

    Raises:
        SettingsError: it holds the weights that are to be gone on from.
    """
    from synthcmr.training.run_folder import RUN_FILE

    if init_from is not None and run.resolve() in (Path(init_from).resolve(), *Path(init_from).resolve().parents):
        raise SettingsError(
            f"--overwrite: expected a run folder other than that of --init-from {init_from}, which would be removed; "
            "name another folder to make"
        )
    if (run / RUN_FILE).exists():
        shutil.rmtree(run)


def newest_sheet(run: Path) -> str:
    """The last sheet of samples as an image for notebooks; empty where there is none."""
    import base64

    from synthcmr.training.run_folder import SHEETS

    sheets = sorted((run / SHEETS).glob("*.png"))
    if not sheets:
        return ""
    data = base64.b64encode(sheets[-1].read_bytes()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="samples of {sheets[-1].stem}">'
