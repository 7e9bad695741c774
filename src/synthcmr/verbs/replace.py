"""Clearing a folder for a command that was told to replace it."""

import shutil
from pathlib import Path


def clear_for(out: Path, overwrite: bool) -> None:
    """Remove a cohort (finished or not) that `--overwrite` allows to replace; anything else is left alone."""
    from synthcmr.cohort.writer import COHORT_FILE, WORK

    if overwrite and ((out / COHORT_FILE).exists() or (out / WORK).exists()):
        shutil.rmtree(out)
