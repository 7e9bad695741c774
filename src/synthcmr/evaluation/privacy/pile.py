"""The images of one side of a comparison, as they are compared: looks, signatures, pixels and features, on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from synthcmr.evaluation.features.stream import shown_frames
from synthcmr.evaluation.privacy.looks import looks, pixels, signature
from synthcmr.evaluation.privacy.shelf import Shelf

BLOCK = 128  # images read at once
Images = npt.NDArray[np.floating]  # (images, frames, rows, columns), 0 to 1
Features = Callable[[Images], npt.NDArray[np.floating]]  # -> (images, numbers)


@dataclass(frozen=True)
class Pile:
    """Images with the subjects they are of."""

    subject: npt.NDArray[np.str_]
    image: npt.NDArray[np.str_]  # names
    looks: Shelf
    signatures: Shelf
    spaces: dict[str, Shelf]  # vectors whose distances count: pixels and, where an extractor was given, features

    def __len__(self) -> int:
        """Number of images."""
        return len(self.subject)

    @property
    def people(self) -> npt.NDArray[np.str_]:
        """The subjects, each once, in the order of their first image."""
        _, first = np.unique(self.subject, return_index=True)
        return self.subject[np.sort(first)]


@dataclass(frozen=True)
class Side:
    """Which images of a cohort are on one side."""

    cohort: Cohort
    rows: npt.NDArray[np.intp]
    frames: int = 2  # shown of each image
    vectors: npt.NDArray[np.float32] | None = None  # features of all images of the cohort, where they are known

    @property
    def subject(self) -> npt.NDArray[np.str_]:
        """The subject of each image."""
        return self.cohort.images["subject_id"].to_numpy()[self.rows].astype(str)

    def of(self, people: Iterable[str]) -> Side:
        """The images of some subjects."""
        return self.at(self.rows[np.isin(self.subject, list(people))])

    def at(self, rows: npt.NDArray[np.intp]) -> Side:
        """Other images of the same cohort, shown in the same way."""
        return replace(self, rows=rows)

    def some(self, subjects: int, images: int, seed: int) -> Side:
        """At most so many subjects with at most so many images each: who has more images would have more chances."""
        rng = np.random.default_rng([seed, 7])
        whose = self.subject
        names = np.sort(rng.permutation(np.unique(whose))[:subjects])
        kept = [rng.permutation(self.rows[whose == name])[:images] for name in names]
        return self.at(np.concatenate([np.sort(rows) for rows in kept]))

    def blocks(self) -> Iterator[Images]:
        """The pixels, some at a time."""
        for start in range(0, len(self.rows), BLOCK):
            rows = self.rows[start : start + BLOCK]
            yield from _shown(self.cohort, rows, self.frames)

    def pile(self, folder: Path, features: Features | None, report: Callable[[int], None] | None = None) -> Pile:
        """Its images as they are compared."""
        names = self.cohort.images["image_id"].to_numpy()[self.rows].astype(str)
        known = None if self.vectors is None else self.vectors[self.rows]
        return heap(folder, self.blocks(), self.subject, names, features, report, known)


def all_of(cohort: Cohort, frames: int, vectors: npt.NDArray[np.float32] | None = None) -> Side:
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
        told = ", ".join(map(str, sorted(table["n_frames"].unique())))
        raise CohortError(f"{cohort.path}: expected images with {frames} frame(s), got images with {told}")
    sizes = table.iloc[rows][["height", "width"]].drop_duplicates()
    if len(sizes) > 1:
        raise CohortError(
            f"{cohort.path}: expected images of one size, got {len(sizes)} sizes; ingest with --size, e.g. 128"
        )
    order = np.argsort(table["subject_id"].to_numpy()[rows].astype(str), kind="stable")
    return Side(cohort, rows[order], frames, vectors)


def _shown(cohort: Cohort, rows: npt.NDArray[np.intp], frames: int) -> Iterator[Images]:
    """Images in the order of their rows, those with as many frames read together."""
    table = cohort.images.iloc[rows]
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(table["n_frames"].to_numpy())) + 1):
        image, _ = cohort.read_many(rows[part].tolist())
        where = np.array([shown_frames(p, frames) for p in table["phases"].iloc[part]])
        yield image[np.arange(len(part))[:, None], where].astype(np.float32)


def heap(
    folder: Path,
    blocks: Iterable[Images],
    subject: npt.NDArray[np.str_],
    names: npt.NDArray[np.str_],
    features: Features | None,
    report: Callable[[int], None] | None = None,
    known: npt.NDArray[np.float32] | None = None,
) -> Pile:
    """Images that come block by block, as they are compared; what lies in the folder is written anew.

    Args:
        folder: for what is compared.
        blocks: the images.
        subject: of each.
        names: of each.
        features: an extractor.
        report: called with the number done.
        known: features of each image, where they need not be extracted again.
    """
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.rows"):
        old.unlink()
    shelves: dict[str, Shelf] = {}
    done = 0
    for block in blocks:
        with torch.no_grad():
            look = looks(block)
            made = {"looks": look, "signatures": signature(look), "pixels": pixels(block)}
        vectors = {name: value.numpy() for name, value in made.items()}
        if known is not None:
            vectors["features"] = known[done : done + len(block)]
        elif features is not None:
            vectors["features"] = np.asarray(features(block), dtype=np.float32)
        for name, value in vectors.items():
            shelf = shelves.setdefault(name, _shelf(folder, name, value.shape[1:]))
            shelf.append(value)
        done += len(block)
        if report is not None:
            report(done)
    spaces = {name: shelf for name, shelf in shelves.items() if name in ("pixels", "features")}
    return Pile(subject, names, shelves["looks"], shelves["signatures"], spaces)


def _shelf(folder: Path, name: str, shape: tuple[int, ...]) -> Shelf:
    return Shelf(folder / f"{name}.rows", shape, "float32" if name == "features" else "float16")
