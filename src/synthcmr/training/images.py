"""The images of a cohort in memory, with their attributes and their neighbours: what networks are trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import Value
from synthcmr.conditioning.vocabulary import typed
from synthcmr.errors import CohortError, SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort

SHOWN = {"slice_level", "slice_fraction"}  # what of an image's own columns an image can show
TRUTH_ATTRIBUTES = ("chest_fat_mm", "epicardial_fat_ml")  # known of phantoms alone


@dataclass(frozen=True)
class TrainingImages:
    """Pixels, labels and attributes of the images of one split."""

    image: npt.NDArray[np.float16]  # (images, frames, rows, columns), 0 to 1
    mask: npt.NDArray[np.uint8]  # same shape
    attributes: list[dict[str, Value]]  # of each image
    subject: list[str]
    neighbours: list[tuple[int, ...]]  # rows of adjacent slices of the same stack
    cohort_hash: str

    def __len__(self) -> int:
        """Number of images."""
        return len(self.image)


def load_images(
    cohort: Cohort, split: str | None, frames: int = 2, progress: Callable[[int, int], None] | None = None
) -> TrainingImages:
    """Read the images of a split.

    Args:
        cohort: any cohort whose images have one size.
        split: train, validation, test, or None for all.
        frames: ED alone (1), ED and ES (2), or that many phases; images with other frames are left out.
        progress: called with (done, total).

    Raises:
        CohortError: nothing fits.
    """
    table = _with_truth(cohort)
    wanted = np.array(table["n_frames"] == frames)
    if split is not None:
        wanted &= (table["split"] == split).to_numpy()
    rows = np.flatnonzero(wanted)
    _check(cohort, table, rows, split, frames)
    image, mask = cohort.read_many(rows.tolist(), progress)
    chosen = table.iloc[rows]
    attributes = [typed(_scalars(record)) for record in chosen.to_dict("records")]
    return TrainingImages(
        image.astype(np.float16, copy=False),
        mask,
        attributes,
        chosen["subject_id"].tolist(),
        _neighbours(chosen.to_dict("records")),
        cohort.hash,
    )


def check_balance(cohort: Cohort, names: Sequence[str]) -> None:
    """Refuse attributes to balance by that nobody in the training split has; tables alone are read.

    Raises:
        SettingsError: there is one.
    """
    if not names:
        return
    table = _with_truth(cohort)
    train = table[table["split"] == "train"]
    known = [c for c in train.columns if c not in _images_only(cohort) and train[c].notna().any()]
    for name in names:
        if name not in known:
            raise SettingsError(f"--balance: expected attributes of the cohort ({', '.join(known)}), got '{name}'")


def _images_only(cohort: Cohort) -> set[str]:
    """Columns that say where an image lies or what it is called, and nothing of whom or what it shows."""
    return {*cohort.images.columns, "subject_id", "split"} - SHOWN


def load_splits(
    cohort: Cohort, frames: int, also: Sequence[Cohort] = ()
) -> tuple[TrainingImages, TrainingImages | None]:
    """Training images, and validation images where the cohort has such a split.

    Args:
        cohort: whose splits are loaded.
        frames: of an image.
        also: further cohorts whose training splits are learned from too.
    """
    watched = bool((cohort.table["split"] == "validation").any())
    training = joined([load_images(one, "train", frames) for one in (cohort, *also)])
    return training, load_images(cohort, "validation", frames) if watched else None


def joined(parts: Sequence[TrainingImages]) -> TrainingImages:
    """Images of several cohorts as one set; their subjects and slices stay apart.

    Raises:
        CohortError: their images differ in size.
    """
    if len(parts) == 1:
        return parts[0]
    sizes = {part.image.shape[1:] for part in parts}
    if len(sizes) > 1:
        listed = ", ".join("x".join(map(str, size)) for size in sorted(sizes))
        raise CohortError(
            f"cohorts to learn from together: expected images of one size, got {listed}; ingest with --size"
        )
    starts = np.cumsum([0, *(len(part) for part in parts)])
    return TrainingImages(
        np.concatenate([part.image for part in parts]),
        np.concatenate([part.mask for part in parts]),
        [row for part in parts for row in part.attributes],
        [f"{k}/{name}" for k, part in enumerate(parts) for name in part.subject],
        [
            tuple(int(start) + i for i in beside)
            for start, part in zip(starts, parts, strict=False)
            for beside in part.neighbours
        ],
        "+".join(dict.fromkeys(part.cohort_hash for part in parts)),
    )


def _with_truth(cohort: Cohort) -> pd.DataFrame:
    """Images with the attributes of their subjects and, of phantoms, the truths an image can show."""
    table = cohort.table
    if not cohort.has_truth:
        return table
    known = [c for c in TRUTH_ATTRIBUTES if c in cohort.truth.columns and c not in table.columns]
    return table.merge(cohort.truth[["subject_id", *known]], on="subject_id", how="left")


def _check(cohort: Cohort, table: pd.DataFrame, rows: npt.NDArray[np.intp], split: str | None, frames: int) -> None:
    where = f"{cohort.path}" + (f", split '{split}'" if split else "")
    if not len(rows):
        counts = table["n_frames"].value_counts().to_dict()
        listed = ", ".join(f"{n} with {k} frame(s)" for k, n in counts.items())
        raise CohortError(
            f"{where}: expected images with {frames} frame(s), found none; the cohort has {listed or 'no image'}. "
            "Train with --set model.frames=N, or ingest with --frames pair"
        )
    sizes = {(int(h), int(w)) for h, w in zip(table["height"].iloc[rows], table["width"].iloc[rows], strict=True)}
    if len(sizes) > 1:
        listed = ", ".join(f"{h}x{w}" for h, w in sorted(sizes))
        raise CohortError(f"{where}: expected images of one size, got {listed}; ingest with --size, e.g. 128")


def _scalars(record: dict[str, object]) -> dict[str, object]:
    return {str(k): v for k, v in record.items() if isinstance(v, (str, int, float, np.generic))}


def _neighbours(records: list[dict[str, Any]]) -> list[tuple[int, ...]]:
    """Rows of the slices directly above and below, within the same stack and frames."""
    place: dict[tuple[object, ...], dict[int, int]] = defaultdict(dict)
    keys = [(r["subject_id"], r["stack"], tuple(np.atleast_1d(r["frame_indices"]))) for r in records]
    for row, (key, record) in enumerate(zip(keys, records, strict=True)):
        place[key][int(str(record["slice_index"]))] = row
    neighbours = []
    for key, record in zip(keys, records, strict=True):
        index = int(str(record["slice_index"]))
        neighbours.append(tuple(place[key][k] for k in (index - 1, index + 1) if k in place[key]))
    return neighbours
