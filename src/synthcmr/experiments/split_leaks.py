"""No subject of the test split may have reached what makes, plans or chooses synthetic images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import read_record
from synthcmr.cohort.places import current_place
from synthcmr.cohort.provenance import PROVENANCE_FILE
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.errors import CohortError

if TYPE_CHECKING:
    import numpy.typing as npt

    from synthcmr.generators.fingerprints import Fingerprints


class Origin(NamedTuple):
    """Something that a cohort was made from."""

    kind: str
    place: Path  # where it lies, if it is still there


RECALIBRATION = "recalibration.json"
DEEPEST = 8  # steps that provenance is followed back
SAME = 0.999  # correlation of fingerprints above which two images are of one scan
HOW = "make them from the training split alone: synthcmr plan, synthcmr train and synthcmr generate do"


def check_synthetic(real: Cohort, synthetic: Cohort, name: str) -> None:
    """Refuse synthetic images that test subjects of the real cohort have reached.

    Looked for are: test images themselves, masks of test subjects, and test images among those that the generator learned from,
    where its run is still there, and a recalibration that learned from the test split.

    Raises:
        CohortError: there is a leak.
    """
    tested = set(real.subjects.loc[real.subjects["split"] == "test", "subject_id"].astype(str))
    _check_pixels(real, synthetic, tested, name)
    _check_masks(synthetic, tested, name)
    generated = _origins(synthetic)
    for run in _runs(generated):
        _check_generator(real, tested, run, name)
    for row in generated:
        if row.kind == "recalibration":
            _check_recalibration(real, row.place, name)


def _check_pixels(real: Cohort, synthetic: Cohort, tested: set[str], name: str) -> None:
    mine = real.images[real.images["subject_id"].isin(tested)]
    known = dict(zip(mine["content_hash"], mine["subject_id"], strict=True))
    results = sorted({known[h] for h in synthetic.images["content_hash"] if h in known})
    if results:
        raise CohortError(_leak_text(name, synthetic.path, "images of", results))


def _check_masks(synthetic: Cohort, tested: set[str], name: str) -> None:
    if "anatomy_source" not in synthetic.images:
        return
    sources = synthetic.images["anatomy_source"].dropna().astype(str)
    followed = {source.split(":", 1)[1] for source in sources if ":" in source}
    results = sorted(followed & tested)
    if results:
        raise CohortError(_leak_text(name, synthetic.path, "masks of", results))


def _check_generator(real: Cohort, tested: set[str], run: Path, name: str) -> None:
    from synthcmr.generators.fingerprints import NAME, Fingerprints
    from synthcmr.training.images import load_images

    prints = Fingerprints.load(run / NAME)
    if prints is None:
        return
    frames = int(real.images["n_frames"].mode()[0])
    test = load_images(real, "test", frames)
    if not prints.fits(test.image):
        return
    seen = _same(prints, test.image, np.asarray(test.subject))
    if seen:
        raise CohortError(_leak_text(name, run, "a generator that learned from images of", seen))


def _same(prints: Fingerprints, image: npt.NDArray[np.floating], subject: npt.NDArray[np.str_]) -> list[str]:
    return sorted(set(subject[prints.nearest(image) > max(SAME, prints.limit)].tolist()))


def _runs(generated: Sequence[Origin]) -> list[Path]:
    """Run folders that a synthetic cohort was made with and that are still there."""
    results = [row.place for row in generated if row.kind == "run"]
    return [run if run.is_dir() else run.parent for run in results if run.exists()]


def _check_recalibration(real: Cohort, model: Path, name: str) -> None:
    """A recalibration that learned from every image of this cohort has seen its test split."""
    if not all((model / name).is_file() for name in (PROVENANCE_FILE, RECALIBRATION)):
        return
    inputs = read_record(model / PROVENANCE_FILE).get("inputs", [])
    split = read_record(model / RECALIBRATION).get("split", "")
    if split in ("all", "test") and real.hash in {row["hash"] for row in inputs}:
        raise CohortError(
            f"the set '{name}' was recalibrated with {model}, which learned from {real.path} with its test split; scores would be "
            "worthless. Expected none of it: fit again with --split train"
        )


def _origins(cohort: Cohort, depth: int = 0) -> list[Origin]:
    """Everything a cohort was made from, also where it was joined or recalibrated in between."""
    results: list[Origin] = []
    for row in cohort.provenance.get("inputs", []):
        origin = Origin(row["kind"], current_place(row["name"], cohort.path))
        results.append(origin)
        if origin.kind == "cohort" and depth < DEEPEST and (origin.place / COHORT_FILE).exists():
            results += _origins(Cohort.open(origin.place), depth + 1)
    return results


def _leak_text(name: str, where: Path, what: str, subjects: list[str]) -> str:
    shown = ", ".join(subjects[:3]) + (f" and {len(subjects) - 3} more" if len(subjects) > 3 else "")
    return f"the set '{name}' ({where}) comes from {what} test subjects ({shown}); scores would be worthless. Expected none: {HOW}"
