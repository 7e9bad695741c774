"""`synthcmr generate --recalibrate`: images that get the frequencies of real ones before anybody sees them."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort

BEFORE = ".before"


def raw_folder(out: Path, model: Path, overwrite: bool) -> Path:
    """Where images wait for their recalibration: beside the cohort, so that a killed run goes on there.

    Raises:
        CohortError: there is no model, or a finished cohort already.
    """
    from synthcmr.cohort.writer import COHORT_FILE
    from synthcmr.errors import CohortError
    from synthcmr.frequency.model_folder import read_record
    from synthcmr.verbs.replace import clear_for

    read_record(model)
    if (out / COHORT_FILE).exists() and not overwrite:
        raise CohortError(f"{out}: holds a finished cohort already; choose another folder or remove it (--overwrite)")
    raw = out.with_name(out.name + BEFORE)
    clear_for(raw, overwrite)
    return raw


def recalibrated(raw: "Cohort", model: Path, out: Path) -> "Cohort":
    """Recalibrate what was generated, and drop what it was before."""
    import shutil

    from synthcmr.cohort.provenance import Input
    from synthcmr.frequency.apply import apply_to_cohort
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.verbs.progress import progress_bar

    with progress_bar("recalibrate") as report:
        made_of = [Input(**told) for told in raw.provenance["inputs"]]
        made = apply_to_cohort(Recalibration.load(model), model, raw, out, report, made_of)
    shutil.rmtree(raw.path)
    return made
