"""The labelled frames of some subjects, and what a segmentation of them is worth, case by case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.errors import CohortError
from synthcmr.evaluation.adherence.outlines import hd95

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("subject_id", "stack", "phase", "slice_index", "slice_step_mm", "spacing_row_mm", "spacing_column_mm")


@dataclass(frozen=True)
class LabelledFrames:
    """Single frames with their masks."""

    image: npt.NDArray[np.float16]  # (frames, rows, columns), 0 to 1
    mask: npt.NDArray[np.uint8]
    table: pd.DataFrame  # COLUMNS of each

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.image)

    def stacks(self) -> Iterator[tuple[str, str, npt.NDArray[np.intp]]]:
        """Subject, phase and rows of each stack in one phase, from its first slice to its last."""
        place = self.table["slice_index"].to_numpy()
        for (subject, _, phase), rows in self.table.groupby(["subject_id", "stack", "phase"]).indices.items():
            yield str(subject), str(phase), rows[np.argsort(place[rows], kind="stable")]

    def spacing(self, rows: npt.NDArray[np.intp]) -> tuple[float, float, float]:
        """Millimetres between slices, rows and columns of a stack; NaN where it is not known."""
        first = self.table.iloc[rows[0]]
        step = 1.0 if len(rows) == 1 else float(first["slice_step_mm"])
        return step, float(first["spacing_row_mm"]), float(first["spacing_column_mm"])

    def of(self, subjects: Sequence[str]) -> LabelledFrames:
        """The frames of some subjects."""
        keep = self.table["subject_id"].isin(set(subjects)).to_numpy()
        return self if keep.all() else LabelledFrames(self.image[keep], self.mask[keep], self.table[keep])


@lru_cache(maxsize=4)  # each process reads a cohort once, not once for each network
def read_frames(path: Path, subjects: tuple[str, ...]) -> LabelledFrames:
    """Every labelled frame of some subjects.

    Raises:
        CohortError: there is none, or images differ in size.
    """
    import pandas as pd

    cohort = Cohort.open(path).select(subject_id=list(subjects))
    _check(cohort)
    parts = [_of_length(cohort, int(n)) for n in sorted(cohort.images["n_frames"].unique())]
    result = LabelledFrames(
        np.concatenate([p.image for p in parts]),
        np.concatenate([p.mask for p in parts]),
        pd.concat([p.table for p in parts], ignore_index=True),
    )
    if not len(result):
        raise CohortError(f"{path}: expected frames with masks to segment hearts by, found none")
    return result


def _check(cohort: Cohort) -> None:
    sizes = sorted({(int(h), int(w)) for h, w in cohort.images[["height", "width"]].itertuples(index=False)})
    if len(sizes) != 1:
        listed = ", ".join(f"{h}x{w}" for h, w in sizes) or "no image"
        raise CohortError(f"{cohort.path}: expected images of one size, got {listed}; ingest with --size, e.g. 128")


def _of_length(cohort: Cohort, frames: int) -> LabelledFrames:
    """The labelled frames of images that have so many."""
    rows = np.flatnonzero(cohort.images["n_frames"] == frames)
    image, mask = cohort.read_many(rows.tolist())
    images = cohort.images.iloc[rows]
    drawn = (mask != Label.UNLABELLED).any(axis=(2, 3))
    phases = np.array([_phases(names, frames) for names in images["phases"]])
    which, frame = np.nonzero(drawn)
    table = images.iloc[which].reset_index(drop=True).assign(phase=phases[which, frame])[list(COLUMNS)]
    return LabelledFrames(image[which, frame].astype(np.float16, copy=False), mask[which, frame], table)


def _phases(names: Sequence[str], frames: int) -> list[str]:
    """The phase of each frame; its number where none is known."""
    return [names[k] if k < len(names) and names[k] else f"frame {k}" for k in range(frames)]


Spacing = tuple[float, ...]
CASE = ("subject_id", "phase", "structure")


def cases(frames: LabelledFrames, predicted: Mask) -> pd.DataFrame:
    """One row per subject, phase and structure that the truth has: dice, hd95_mm, failed.

    Args:
        frames: what was segmented, with the truth.
        predicted: labels of each frame.
    """
    import pandas as pd

    rows = []
    for subject, phase, order in frames.stacks():
        truth, spacing = frames.mask[order], frames.spacing(order)
        known = truth != Label.UNLABELLED
        for name, label in STRUCTURES.items():
            if (truth == label).any():
                rows.append(
                    (subject, phase, name, *scored((predicted[order] == label) & known, truth == label, spacing))
                )
    table = pd.DataFrame(rows, columns=[*CASE, "dice", "hd95_mm", "failed"])
    return table.groupby(list(CASE), as_index=False).mean()  # of several stacks


def scored(result: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_], spacing: Spacing) -> tuple[float, float, float]:
    """Dice, HD95 in mm, and whether it failed, of one structure; (slices, rows, columns).

    A failed one has a Dice of 0 and the worst HD95 there can be: the diagonal of the imaged block.
    """
    if not result.any():
        return 0.0, worst_mm(truth.shape, spacing), 1.0
    dice = 2 * float((result & truth).sum()) / float(result.sum() + truth.sum())
    if not np.isfinite(spacing).all():  # the spacing is not known
        return dice, float("nan"), 0.0
    if len(truth) == 1:  # of a single slice the outline lies in the plane
        return dice, hd95(result[0], truth[0], spacing[1:]), 0.0
    return dice, hd95(result, truth, spacing), 0.0


def worst_mm(shape: tuple[int, ...], spacing: Spacing) -> float:
    """Diagonal of the block that was imaged."""
    return float(np.linalg.norm([n * s for n, s in zip(shape, spacing, strict=True)]))
