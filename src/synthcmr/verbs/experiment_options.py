"""What the experiments on fairness share: options, reading their settings, replacing an earlier one."""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import Field

from synthcmr.errors import SettingsError
from synthcmr.verbs.field_types import Changes
from synthcmr.verbs.option_values import Names
from synthcmr.verbs.options import Options


class ExperimentOptions(Options):
    """What is predicted, and what to be fair about."""

    label: str | None = Field(None, description="What is to be predicted. [default: diagnosis]")
    positive: Names = Field(
        None, description="Its values that count as sick, comma-separated. [default: all but healthy]"
    )
    sensitive: Names = Field(None, description="Attributes to be fair about. [default: sex,bmi]")
    settings: Path | None = Field(None, description="YAML file of settings.")
    set: Changes = Field((), description="One setting, e.g. --set loop.steps=600 or --set slices=central.")
    workers: int = Field(1, ge=1, description="Classifiers trained at once.")
    overwrite: bool = Field(False, description="Replace what is already there.")


def clear_experiment(out: Path) -> None:
    """Remove an earlier experiment, and nothing else.

    Raises:
        SettingsError: the folder holds other files.
    """
    from synthcmr.fairness.debias.experiment import RECORD

    if not out.exists():
        return
    if not (out / RECORD).exists() and not (out / "synthetic").exists() and any(out.iterdir()):
        raise SettingsError(f"{out}: expected an earlier experiment to replace, got a folder with other files")
    shutil.rmtree(out)
