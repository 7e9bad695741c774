"""Files that are changed and read again: every layout that a reader knows, and what steps leave behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.fuzz_mutations import TEXT, mutated, odd_name
from synthcmr.cohort import Cohort
from synthcmr.cohort.ingest import plan_ingest, read_case
from synthcmr.cohort.writers import get_writer
from synthcmr.config import IngestSettings, PreprocessSettings

WRITTEN = ("acdc", "nifti", "nnunet", "png", "dicom")  # layouts that a cohort can be written in
ARTEFACTS = ("cohort", "plan", "run", "scores", "recalibration", "anatomy")
PHASES = 3  # of a cine
SETTINGS = IngestSettings(preprocess=PreprocessSettings(size=32, spacing_mm=None))
RELEASED = (
    Path(__file__).parents[1] / "tests/release/written_by_0_1_0"
)  # without checksums, so that changes reach what parses
Round = Callable[[np.random.Generator], str]  # what came out, in a word


def rounds(folder: Path, names: list[str]) -> dict[str, Round]:
    """What one round of each target does; its files are written below a folder."""
    sources = _sources(folder, names) if set(names) & set(FORMATS) else {}
    made: dict[str, Round] = {name: partial(_changed, source, read_source) for name, source in sources.items()}
    for name in ARTEFACTS:
        if name in names:
            made[name] = partial(_changed, _artefact(folder, name), READ[name])
    return made


def _sources(folder: Path, names: list[str]) -> dict[str, Path]:
    """One small subject in every layout of `names`: written by our writers, or made by hand as the tests of readers do."""
    made: dict[str, Path] = {}
    small = partial(_phantom, folder / "phantom", 2, PreprocessSettings(size=32, spacing_mm=5.0))
    cine = partial(_few_slices, folder / "cine")
    for name in (n for n in FORMATS if n in names):
        place = folder / name
        if name in WRITTEN:
            get_writer(name).write(small().select(slice_level="mid"), place)
        else:
            LAYOUTS[name](place, cine)
        made[name] = place
    return made


def _phantom(folder: Path, frames: int, settings: PreprocessSettings) -> Cohort:
    from synthcmr.phantom.cohort import make_phantoms

    there = (folder / "cohort.json").exists()
    return Cohort.open(folder) if there else make_phantoms(folder, "population", 1, frames, 3, settings, workers=1)


def _few_slices(folder: Path) -> Cohort:
    """A cine whose files are read in milliseconds: three phases of the slices in the middle."""
    return _phantom(folder, PHASES, PreprocessSettings(size=64, spacing_mm=3.0)).select(slice_level="mid")


def _mnms(place: Path, cine: Callable[[], Cohort]) -> None:
    from tests.cohort.readers import test_mnms
    from tests.cohort.readers.layouts import write_csv

    test_mnms.subject(place, "A0S9V9", "Training/Labeled")
    write_csv(place / test_mnms.TABLE, [test_mnms.ROW])


def _mnms2(place: Path, cine: Callable[[], Cohort]) -> None:
    from tests.cohort.readers import test_mnms2
    from tests.cohort.readers.layouts import write_csv

    test_mnms2.subject(place, "001", cine=True)
    write_csv(place / "dataset_information.csv", [test_mnms2.ROW])


def _emidec(place: Path, cine: Callable[[], Cohort]) -> None:
    from tests.cohort.readers.test_emidec import write_case

    place.mkdir()
    write_case(place)


def _ukbb(place: Path, cine: Callable[[], Cohort]) -> None:
    from tests.cohort.readers.layouts import mr_instances
    from tests.cohort.readers.test_dicom import biobank

    away = place.with_name("ukbb-written")
    away.mkdir()
    biobank(mr_instances(cine(), away), cine(), place)


def _sunnybrook(place: Path, cine: Callable[[], Cohort]) -> None:
    from tests.cohort.readers.layouts import mr_instances
    from tests.cohort.readers.test_sunnybrook import dicom_with_contours

    away = place.with_name("sunnybrook-written")
    away.mkdir()
    dicom_with_contours(mr_instances(cine(), away), place, slice_index=1, frames=PHASES)


def _sunnybrook_png(place: Path, cine: Callable[[], Cohort]) -> None:
    from tests.cohort.readers.layouts import write_csv
    from tests.cohort.readers.test_sunnybrook import manifest_rows

    place.mkdir()
    write_csv(place / "manifest.csv", manifest_rows(place))


def _table(place: Path, cine: Callable[[], Cohort]) -> None:
    from tests.cohort.readers.layouts import write_csv
    from tests.cohort.readers.test_tables import nifti_rows

    place.mkdir()
    write_csv(place / "table.csv", nifti_rows(place))


LAYOUTS: dict[str, Callable[[Path, Callable[[], Cohort]], None]] = {
    "mnms": _mnms,
    "mnms2": _mnms2,
    "emidec": _emidec,
    "ukbb": _ukbb,
    "sunnybrook": _sunnybrook,
    "sunnybrook-png": _sunnybrook_png,
    "table": _table,
}
FORMATS = (*WRITTEN, *LAYOUTS)  # every reader, and PNG files, which `table` reads


def _artefact(folder: Path, name: str) -> Path:
    from synthcmr.training.shipped_weights import shipped

    place = folder / f"artefact-{name}"
    if name != "anatomy":
        return Path(shutil.copytree(RELEASED / name, place))
    place.mkdir()
    shutil.copy(shipped("anatomy"), place / "anatomy.npz")
    return place


def _changed(folder: Path, read: Callable[[Path], str], rng: np.random.Generator) -> str:
    """Change one file, read everything, put it back."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    file = files[int(rng.integers(len(files)))]
    if rng.random() < 0.4 and (texts := [p for p in files if p.suffix in TEXT]):
        file = texts[int(rng.integers(len(texts)))]
    content, renamed = file.read_bytes(), None
    try:
        odd = Path(os.fsdecode(os.fsencode(file.parent) + b"/" + odd_name(rng) + file.suffix.encode()))
        if rng.random() < 0.03 and not odd.is_dir():  # as ".." is
            renamed = odd
            file.rename(renamed)
        else:
            file.write_bytes(mutated(content, file, rng))
        return read(folder)
    finally:
        if renamed is not None:
            renamed.unlink(missing_ok=True)
        file.write_bytes(content)


def read_source(source: Path) -> str:
    """As `synthcmr ingest` does."""
    plan = plan_ingest(source, SETTINGS)
    records = [read_case(plan.reader, plan.source, case, plan.settings.preprocess, None) for case in plan.cases]
    for record in records:
        for text in (value for r in record.rejects for value in r.row().values()):
            str(text).encode("utf-8", "strict")
            if " at " in str(text) and "cannot be decoded: " in str(text):
                raise AssertionError(f"a reader failed where it should have said why: {text}")
        for image in record.images:
            if not np.isfinite(image.image).all():
                raise AssertionError("an image with NaN or infinite pixels")
    return "rejects" if any(r.level == "reject" for record in records for r in record.rejects) else "read"


def _read_cohort(folder: Path) -> str:
    cohort = Cohort.open(folder)
    _ = cohort.subjects, cohort.images, cohort.rejects, cohort.provenance
    for index in range(min(2, len(cohort))):
        _ = cohort.image(index), cohort.mask(index)
    return "read"


def _read_plan(folder: Path) -> str:
    from synthcmr.fairness.planning.plan_folder import Plan

    Plan.read(folder).requests()
    return "read"


def _read_run(folder: Path) -> str:
    from synthcmr.generators.families import load_generator
    from synthcmr.training.run_folder import RunFolder

    _ = RunFolder(folder).record(), RunFolder(folder).metrics()
    load_generator(folder)
    return "read"


def _read_scores(folder: Path) -> str:
    from synthcmr.evaluation.evaluate import read_card

    read_card(folder)
    return "read"


def _read_recalibration(folder: Path) -> str:
    from synthcmr.frequency.recalibration import Recalibration

    Recalibration.load(folder)
    return "read"


def _read_anatomy(folder: Path) -> str:
    from synthcmr.generators.anatomy.generator import AnatomyGenerator

    AnatomyGenerator.load(folder / "anatomy.npz")
    return "read"


READ = {
    "cohort": _read_cohort,
    "plan": _read_plan,
    "run": _read_run,
    "scores": _read_scores,
    "recalibration": _read_recalibration,
    "anatomy": _read_anatomy,
}
