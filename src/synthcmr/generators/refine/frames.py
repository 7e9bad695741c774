"""The frames of a cohort, each as an image of its own, with the look it has."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import Value
from synthcmr.conditioning.condition import LOOK
from synthcmr.errors import CohortError
from synthcmr.training.images import TrainingImages, joined, load_images

PHANTOM = "phantom"  # the look of simulated images


def load_frames(cohort: Cohort, split: str) -> TrainingImages:
    """Every frame of a split, whatever number of frames its images have.

    Raises:
        CohortError: there is none.
    """
    table = cohort.table
    counts = sorted(set(table["n_frames"][table["split"] == split].astype(int)))
    if not counts:
        raise CohortError(f"{cohort.path}, split '{split}': expected images, found none")
    return joined([single_frames(load_images(cohort, split, count)) for count in counts])


def load_frame_splits(cohort: Cohort) -> tuple[TrainingImages, TrainingImages | None]:
    """Frames to learn from, and those of the validation split where the cohort has one."""
    watched = bool((cohort.table["split"] == "validation").any())
    return load_frames(cohort, "train"), load_frames(cohort, "validation") if watched else None


def single_frames(images: TrainingImages) -> TrainingImages:
    """The frames of images as images; the neighbours of a frame are the same frame of adjacent slices."""
    count = images.image.shape[1]
    shape = (-1, 1, *images.image.shape[2:])
    return TrainingImages(
        images.image.reshape(shape),
        images.mask.reshape(shape),
        [{**row, LOOK: look_of(row)} for row in images.attributes for _ in range(count)],
        [name for name in images.subject for _ in range(count)],
        [tuple(i * count + f for i in beside) for beside in images.neighbours for f in range(count)],
        images.cohort_hash,
    )


def look_of(row: dict[str, Value]) -> str:
    """The look that a cohort names, or where its images come from."""
    return str(row.get(LOOK) or row.get("origin") or "real")


def looks_of(images: TrainingImages) -> dict[str, int]:
    """How many frames there are of each look, most first."""
    return dict(Counter(str(row[LOOK]) for row in images.attributes).most_common())


def usual_look(looks: dict[str, int]) -> str:
    """The look to give where none is asked for: that of most images that were not simulated."""
    real = {name: count for name, count in looks.items() if name != PHANTOM}
    return max(real or looks, key=lambda name: (real or looks)[name])


def frame_weights(images: TrainingImages, phantoms: float) -> npt.NDArray[np.float64]:
    """How often each frame is drawn: phantoms make up a share, and who has four times the frames is seen twice as often.

    Args:
        images: to learn from.
        phantoms: their share, where there are other images too.
    """
    of_subject = Counter(images.subject)
    weights = np.array([of_subject[name] ** -0.5 for name in images.subject])
    simulated = np.array([row[LOOK] == PHANTOM for row in images.attributes])
    if simulated.any() and not simulated.all():
        weights[simulated] *= phantoms / weights[simulated].sum()
        weights[~simulated] *= (1 - phantoms) / weights[~simulated].sum()
    return weights / weights.sum()
