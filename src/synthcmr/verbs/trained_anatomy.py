"""An anatomy generator and its file, which `train anatomy` makes.

Private anatomies may be given away, so their file does not tell of whom they are: a hash of patients' images would tell whoever has these
that they took part. It stands in a record beside the file, which stays with the patients, and by which the same call knows its file again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from synthcmr.errors import CohortError, SynthcmrError
from synthcmr.verbs.sum_promise import read_sum_promise
from synthcmr.verbs.trained_run import ANATOMY, TrainedRun

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.generators.anatomy.generator import AnatomyGenerator
    from synthcmr.training.private_sums import SumPromise
    from synthcmr.verbs.progress import Report


def trained_anatomy(cohort: Cohort, run: Path, dp: str | None, overwrite: bool) -> TrainedRun:
    """Fit the generator, or take the one that the same call made before: private noise is never drawn twice.

    Args:
        cohort: that is learned from.
        run: its file, with or without .npz.
        dp: what is promised; None for nothing.
        overwrite: replace a generator that is there.

    Raises:
        SettingsError: the promise cannot be read.
        CohortError: something else is there, or the cohort has too few masks.
    """
    from synthcmr.cohort.output_place import expect_place
    from synthcmr.training.private_sums import SumPromise
    from synthcmr.verbs.progress import progress_bar

    promise = None if dp is None else SumPromise(*read_sum_promise(dp))
    file = run if run.suffix == ".npz" else run.with_name(f"{run.name}.npz")
    expect_place(file.parent)
    there = _there(file, cohort, dp, overwrite)
    if there is not None:
        return TrainedRun(ANATOMY, file, trained=there)
    with progress_bar("train anatomy") as report:
        trained = _fitted(cohort, promise, report)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.stem}.writing.npz")
    trained.save(beside)
    if dp is not None:
        _write_record(file, cohort, dp)
    beside.replace(file)
    return TrainedRun(ANATOMY, file, trained=trained)


def _fitted(cohort: Cohort, promise: SumPromise | None, report: Report) -> AnatomyGenerator:
    from synthcmr.generators.anatomy.generator import AnatomyGenerator
    from synthcmr.generators.anatomy.private_fit import fit_privately

    if promise is None:
        return AnatomyGenerator.fit(cohort, progress=report)
    return fit_privately(cohort, promise, progress=report)


def _there(file: Path, cohort: Cohort, dp: str | None, overwrite: bool) -> AnatomyGenerator | None:
    """The generator that the same call made before; None where a new one is to be made.

    Raises:
        CohortError: something else is there, which is not replaced.
    """
    from zipfile import BadZipFile

    from synthcmr.generators.anatomy.generator import AnatomyGenerator

    if not os.path.lexists(file):
        return None
    try:
        there = AnatomyGenerator.load(file)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, SynthcmrError) as error:
        raise CohortError(
            f"{file}: expected a new file, or an anatomy generator to replace, got something else; choose another name"
        ) from error
    if overwrite:
        return None
    same = there.facts["cohort_hash"] == cohort.hash if dp is None else _is_recorded(file, cohort, dp)
    if not same:
        raise CohortError(
            f"{file}: holds the anatomies of another cohort, or another promise; choose another name, or --overwrite"
        )
    return there


def _record_file(file: Path) -> Path:
    return file.with_name(f"{file.stem}.provenance.json")


def _write_record(file: Path, cohort: Cohort, dp: str) -> None:
    from synthcmr.cohort.provenance import Input, write_record

    record = {"step": "train anatomy", "inputs": [Input(cohort.path.name, "cohort", cohort.hash).row()], "dp": dp}
    write_record(_record_file(file), record)


def _is_recorded(file: Path, cohort: Cohort, dp: str) -> bool:
    from synthcmr.cohort.checksums import read_record

    if not _record_file(file).exists():
        return False
    record = read_record(_record_file(file))
    return record["dp"] == dp and [row["hash"] for row in record["inputs"]] == [cohort.hash]
