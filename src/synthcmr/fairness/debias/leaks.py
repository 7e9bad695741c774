"""No subject of the test split may have reached what makes, plans or chooses synthetic images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError

if TYPE_CHECKING:
    import numpy.typing as npt

    from synthcmr.generators.fingerprints import Fingerprints

SAME = 0.999  # correlation of fingerprints above which two images are of one scan
HOW = "make them from the training split alone: synthcmr plan, synthcmr train and synthcmr generate do"


def check_synthetic(real: Cohort, synthetic: Cohort, name: str) -> None:
    """Refuse synthetic images that test subjects of the real cohort have reached.

    Looked for are: test images themselves, masks of test subjects, and test images among those that the generator learned from,
    where its run is still there.

    Raises:
        CohortError: a leak was found.
    """
    tested = set(real.subjects.loc[real.subjects["split"] == "test", "subject_id"].astype(str))
    _check_pixels(real, synthetic, tested, name)
    _check_masks(synthetic, tested, name)
    for run in _runs(synthetic):
        _check_generator(real, tested, run, name)


def _check_pixels(real: Cohort, synthetic: Cohort, tested: set[str], name: str) -> None:
    mine = real.images[real.images["subject_id"].isin(tested)]
    known = dict(zip(mine["content_hash"], mine["subject_id"], strict=True))
    found = sorted({known[h] for h in synthetic.images["content_hash"] if h in known})
    if found:
        raise CohortError(_told(name, synthetic.path, "images of", found))


def _check_masks(synthetic: Cohort, tested: set[str], name: str) -> None:
    if "anatomy_source" not in synthetic.images:
        return
    sources = synthetic.images["anatomy_source"].dropna().astype(str)
    followed = {source.split(":", 1)[1] for source in sources if ":" in source}
    found = sorted(followed & tested)
    if found:
        raise CohortError(_told(name, synthetic.path, "masks of", found))


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
        raise CohortError(_told(name, run, "a generator that learned from images of", seen))


def _same(prints: Fingerprints, image: npt.NDArray[np.floating], subject: npt.NDArray[np.str_]) -> list[str]:
    return sorted(set(subject[prints.nearest(image) > max(SAME, prints.limit)].tolist()))


def _runs(synthetic: Cohort) -> list[Path]:
    """Run folders that a synthetic cohort was made with and that are still there."""
    rows = synthetic.provenance.get("inputs", [])
    found = [Path(row["name"]) for row in rows if row["kind"] == "run"]
    return [run if run.is_dir() else run.parent for run in found if run.exists()]


def _told(name: str, where: Path, what: str, subjects: list[str]) -> str:
    shown = ", ".join(subjects[:3]) + (f" and {len(subjects) - 3} more" if len(subjects) > 3 else "")
    return f"the set '{name}' ({where}) comes from {what} test subjects ({shown}); scores would be worthless. Expected none: {HOW}"
