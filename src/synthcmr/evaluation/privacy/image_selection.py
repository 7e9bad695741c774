"""Which images are compared: those learned from, those held out to calibrate on, those held out to be judged by, and synthetic ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from synthcmr.evaluation.features.stream import shown_frames
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings

BLOCK = 128  # images read at once
Images = npt.NDArray[np.floating]  # (images, frames, rows, columns), 0 to 1
Names = npt.NDArray[np.str_]
Rows = npt.NDArray[np.intp]
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ImageSelection:
    """Some images of a cohort."""

    cohort: Cohort
    rows: Rows
    frames: int = 2  # shown of each image
    vectors: Vectors | None = None  # features of all images of the cohort, where they are known

    def __len__(self) -> int:
        """Number of images."""
        return len(self.rows)

    @property
    def subject(self) -> Names:
        """The subject of each image."""
        return self.cohort.images["subject_id"].to_numpy()[self.rows].astype(str)

    @property
    def image(self) -> Names:
        """The name of each image."""
        return self.cohort.images["image_id"].to_numpy()[self.rows].astype(str)

    @property
    def features(self) -> Vectors | None:
        """The features of each image, where they are known."""
        return None if self.vectors is None else self.vectors[self.rows]

    def of_subjects(self, names: Iterable[str]) -> ImageSelection:
        """The images of some subjects."""
        return self.with_rows(self.rows[np.isin(self.subject, list(names))])

    def with_rows(self, rows: Rows) -> ImageSelection:
        """Other images of the same cohort, shown in the same way."""
        return replace(self, rows=rows)

    def sample(self, subjects: int, images: int, seed: int) -> ImageSelection:
        """At most so many subjects with at most so many images each: who has more images would have more chances."""
        rng = np.random.default_rng([seed, 7])
        subject = self.subject
        names = np.sort(rng.permutation(np.unique(subject))[:subjects])
        rows = [rng.permutation(self.rows[subject == name])[:images] for name in names]
        return self.with_rows(np.concatenate([np.sort(some) for some in rows]))

    def blocks(self) -> Iterator[Images]:
        """The pixels, some images at a time."""
        for start in range(0, len(self.rows), BLOCK):
            yield from _read(self.cohort, self.rows[start : start + BLOCK], self.frames)


@dataclass(frozen=True)
class MemberSplit:
    """The real images of each side; no subject is on two."""

    members: ImageSelection
    calibrating: ImageSelection  # held out; thresholds and densities come from these
    judged: ImageSelection  # held out; what is said of non-members is said of these

    @property
    def held_out(self) -> ImageSelection:
        """All who were never seen."""
        return self.judged.with_rows(np.concatenate([self.calibrating.rows, self.judged.rows]))


def select_all(cohort: Cohort, frames: int, vectors: Vectors | None = None) -> ImageSelection:
    """All images of a cohort that have so many frames or more, those of a subject one after the other.

    Args:
        cohort: any cohort or selection.
        frames: shown of each image: ED and ES, or one.
        vectors: features of all images of the cohort, where they are known.

    Raises:
        CohortError: there is none, or their sizes differ.
    """
    table = cohort.images
    rows = np.flatnonzero(table["n_frames"].to_numpy() >= frames)
    if not len(rows):
        counts = ", ".join(map(str, sorted(table["n_frames"].unique())))
        raise CohortError(f"{cohort.path}: expected images with {frames} frame(s), got images with {counts}")
    sizes = table.iloc[rows][["height", "width"]].drop_duplicates()
    if len(sizes) > 1:
        raise CohortError(
            f"{cohort.path}: expected images of one size, got {len(sizes)} sizes; ingest with --size, e.g. 128"
        )
    order = np.argsort(table["subject_id"].to_numpy()[rows].astype(str), kind="stable")
    return ImageSelection(cohort, rows[order], frames, vectors)


def split_members(
    real: Cohort, frames: int, settings: PrivacyPartSettings, vectors: Vectors | None = None
) -> MemberSplit:
    """Divide the real images.

    Args:
        real: with its splits.
        frames: shown of each image.
        settings: which splits are members and held out.
        vectors: features of all images, where they are known.

    Raises:
        CohortError: one side has too few subjects to say anything.
    """
    if "split" not in real.table.columns or real.table["split"].isna().all():
        raise CohortError(
            f"{real.path}: it is not known whose images were learned from; give subjects a column 'split' "
            f"('{settings.members}', or one of {', '.join(settings.held_out)}), as 'synthcmr ingest' does"
        )
    everything = select_all(real, frames, vectors)
    split = real.table["split"].to_numpy()[everything.rows]
    members = everything.with_rows(everything.rows[split == settings.members])
    others = everything.with_rows(everything.rows[np.isin(split, settings.held_out)])
    for side, names in ((members, settings.members), (others, ", ".join(settings.held_out))):
        count = len(np.unique(side.subject))
        if count < settings.min_subjects:
            raise CohortError(
                f"{real.path}: expected at least {settings.min_subjects} subjects with {frames} frame(s) in '{names}' to "
                f"judge privacy, got {count}; name other splits in privacy.members and privacy.held_out, or ingest more"
            )
    shuffled = np.random.default_rng([settings.seed, 1]).permutation(np.unique(others.subject))
    half = len(shuffled) // 2
    return MemberSplit(members, others.of_subjects(shuffled[:half]), others.of_subjects(shuffled[half:]))


def _read(cohort: Cohort, rows: Rows, frames: int) -> Iterator[Images]:
    """Images in the order of their rows, those with as many frames read together."""
    table = cohort.images.iloc[rows]
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(table["n_frames"].to_numpy())) + 1):
        image, _ = cohort.read_many(rows[part].tolist())
        shown = np.array([shown_frames(phases, frames) for phases in table["phases"].iloc[part]])
        yield image[np.arange(len(part))[:, None], shown].astype(np.float32)
