"""Files that are changed and read again: every layout that a cohort can be written in, and what steps leave behind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.fuzz_mutations import TEXT, mutated, odd_name
from synthcmr.cohort.ingest import plan_ingest, read_case
from synthcmr.config import IngestSettings, PreprocessSettings

FORMATS = ("acdc", "nifti", "nnunet", "png", "dicom", "table", "sunnybrook-png")
ARTEFACTS = ("cohort", "plan", "run", "scores", "recalibration", "anatomy")
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
    """One small phantom in every format that can be read back."""
    from tests.cohort.readers.layouts import write_csv
    from tests.cohort.readers.test_sunnybrook import manifest_rows
    from tests.cohort.readers.test_tables import nifti_rows

    from synthcmr.cohort.writers import get_writer
    from synthcmr.phantom.cohort import make_phantoms

    small = PreprocessSettings(size=32, spacing_mm=5.0)
    cohort = make_phantoms(folder / "phantom", "population", 1, 2, 3, small, workers=1).select(slice_level="mid")
    sources: dict[str, Path] = {}
    for name in (n for n in ("acdc", "nifti", "nnunet", "png", "dicom") if n in names):
        get_writer(name).write(cohort, folder / name)
        sources[name] = folder / name
    for other in (n for n in ("table", "sunnybrook-png") if n in names):
        (folder / other).mkdir()
        sources[other] = folder / other
    if "table" in sources:
        write_csv(folder / "table/table.csv", nifti_rows(folder / "table"))
    if "sunnybrook-png" in sources:
        write_csv(folder / "sunnybrook-png/manifest.csv", manifest_rows(folder / "sunnybrook-png"))
    return sources


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
        if rng.random() < 0.03:
            renamed = Path(os.fsdecode(os.fsencode(file.parent) + b"/" + odd_name(rng) + file.suffix.encode()))
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
    from synthcmr.cohort import Cohort

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
