"""Opening a cohort: tables at once, pixels only when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.checksums import FILES, check_record, read_checked, record_in
from synthcmr.cohort.frame_store import FrameReader
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.output_place import heal
from synthcmr.cohort.provenance import PROVENANCE_FILE
from synthcmr.cohort.subject_stack import SubjectStack, read_stacks
from synthcmr.cohort.tables import present_cells
from synthcmr.cohort.writer import ARRAYS, COHORT_FILE, IMAGES, MEASURES, REJECTS, SUBJECTS, TRUTH, WORK
from synthcmr.errors import CohortError, absence, in_words
from synthcmr.formats import COHORT

if TYPE_CHECKING:
    import pandas as pd

STRETCH = 512  # frames read at once
Choice = str | float | int | bool | Sequence[object] | tuple[float | None, float | None]


class Cohort:
    """A cohort folder, or a selection from one.

    Example:
        >>> cohort = Cohort.open("acdc")  # doctest: +SKIP
        >>> women = cohort.select(sex="female", age=(60, None), split="train")  # doctest: +SKIP
        >>> image, mask = women.image(0), women.mask(0)  # each (frames, rows, columns)  # doctest: +SKIP
    """

    def __init__(
        self, path: Path, info: dict[str, Any], subjects: pd.DataFrame | None = None, images: pd.DataFrame | None = None
    ) -> None:
        """Use `Cohort.open`; this is for selections, which share the folder."""
        self.path = path
        self.info = info
        self._frames = FrameReader(path / ARRAYS, info)
        if subjects is not None:
            self.subjects = subjects
        if images is not None:
            self.images = images

    @classmethod
    def open(cls, path: str | Path) -> Cohort:
        """Open a cohort folder without reading tables or pixels.

        Raises:
            CohortError: there is no finished cohort, or a newer version of synthcmr wrote it.
        """
        folder = Path(path)
        heal(folder)
        file = folder / COHORT_FILE
        if (folder / WORK).exists() and not file.exists():
            raise CohortError(
                f"{folder}: holds an unfinished cohort; repeat the command that started it and it will continue"
            )
        if not file.exists():
            raise CohortError(
                f"{folder}: expected a cohort folder with {COHORT_FILE}, but {absence(folder)}; make one with 'synthcmr ingest' or "
                "'synthcmr phantom'"
            )
        try:
            content = file.read_bytes()
            info = json.loads(content.decode("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CohortError(f"{file}: expected JSON, got: {in_words(error)}") from error
        if not isinstance(info, dict):
            raise CohortError(f"{file}: expected the record of a cohort, got {type(info).__name__}")
        read = COHORT.read(info, file)
        check_record(info, content, file)
        return cls(folder, read)

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """One row per subject: `subject_id`, typed attributes, `split`, and any further column. Missing values are null."""
        return self._table(SUBJECTS)

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row per image: subject, slice, phases, spacing, affine, and where its frames lie."""
        return self._table(IMAGES)

    @cached_property
    def rejects(self) -> pd.DataFrame:
        """What could not be read (level "reject") or had to be assumed (level "note"), with the reason."""
        return self._table(REJECTS)

    @cached_property
    def truth(self) -> pd.DataFrame:
        """What is known of phantom subjects, one row each: volumes, mass, wall thickness, under both papillary conventions.

        Raises:
            CohortError: the cohort is not of phantoms.
        """
        return self._optional(TRUTH, "which only phantom cohorts have; nobody knows the truth of others")

    @property
    def has_truth(self) -> bool:
        """Whether the truth of the subjects is known, as it is of phantoms."""
        return self._has(TRUTH)

    @cached_property
    def measures(self) -> pd.DataFrame:
        """What a judge measured in subjects that it labelled, one row each, with uncertainties.

        Raises:
            CohortError: no judge labelled the cohort.
        """
        return self._optional(MEASURES, "which 'synthcmr label' and 'synthcmr ingest --label' write; label the cohort")

    @property
    def has_measures(self) -> bool:
        """Whether a judge labelled the cohort and measured its subjects."""
        return self._has(MEASURES)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What the cohort was made from."""
        return record_in(read_checked(self.path, PROVENANCE_FILE, self.info), self.path / PROVENANCE_FILE)

    @property
    def hash(self) -> str:
        """Hash of the whole cohort's subjects, pixels and labels."""
        return str(self.info["hash"])

    @cached_property
    def table(self) -> pd.DataFrame:
        """Images joined with the attributes of their subjects."""
        extra = [c for c in self.subjects.columns if c == "subject_id" or c not in self.images.columns]
        return self.images.merge(self.subjects[extra], on="subject_id", how="left", validate="many_to_one")

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def __repr__(self) -> str:
        """Name and size."""
        return f"Cohort('{self.path}', {len(self.subjects)} subjects, {len(self.images)} images)"

    def summary(self) -> str:
        """What it holds: subjects, images, attributes, rejects."""
        from synthcmr.cohort.summary import summary

        return summary(self)

    def _repr_html_(self) -> str:
        """The summary and the first subjects, for notebooks."""
        from html import escape

        return f"<pre>{escape(self.summary())}</pre>{self.subjects.head().to_html(index=False)}"

    def select(self, **wanted: Choice) -> Cohort:
        """The images whose columns have the wanted values.

        Args:
            **wanted: column = value, a list of values, or a (low, high) tuple for numbers, where None leaves a side open.
                Columns of subjects and of images both work. Missing values never match.

        Raises:
            CohortError: a column does not exist.
        """
        keep = np.ones(len(self.table), dtype=bool)
        for name, choice in wanted.items():
            if name not in self.table.columns:
                raise CohortError(
                    f"{self.path}: no column '{name}' to select by; there are: {', '.join(map(str, self.table.columns))}"
                )
            keep &= _matches(self.table[name], choice)
        return self._subset(keep)

    def where(self, query: str) -> Cohort:
        """The images for which a condition on the columns holds, e.g. `where("age > 60 and sex == 'female'")`.

        Raises:
            SettingsError: the text is no such condition, or names a column that is not there.
        """
        from synthcmr.cohort.query import rows_where

        return self._subset(rows_where(self.table, query).to_numpy(dtype=bool))

    def with_images(self, image_ids: Sequence[str]) -> Cohort:
        """The images of these names."""
        return self._subset(self.images["image_id"].isin(list(image_ids)).to_numpy(dtype=bool))

    def image(self, index: int) -> npt.NDArray[np.float32]:
        """Frames of one image as float32, (frames, rows, columns)."""
        return self._read("image", index).astype(np.float32)

    def mask(self, index: int) -> Mask:
        """Canonical labels of one image, (frames, rows, columns); 255 where nothing is known."""
        return self._read("mask", index).astype(np.uint8, copy=False)

    def read_many(
        self, rows: Sequence[int], progress: Callable[[int, int], None] | None = None
    ) -> tuple[npt.NDArray[np.floating], Mask]:
        """Images and masks of many rows that have one size and one number of frames, in long stretches: several times quicker.

        Returns:
            Image, in the type it is stored in, and mask, each (images, frames, rows, columns).
        """
        table = self.images.iloc[list(rows)]
        first = table["first_frame"].to_numpy()
        count, height, width = (int(table[name].iloc[0]) for name in ("n_frames", "height", "width"))
        order = np.argsort(first, kind="stable")
        breaks = np.flatnonzero(np.diff(first[order]) != count) + 1
        image: npt.NDArray[np.floating] | None = None
        mask = np.empty((len(first), count, height, width), dtype=np.uint8)
        done = 0
        for run in np.split(order, breaks):
            for part in np.split(run, range(STRETCH // count, len(run), STRETCH // count)):
                start, total = int(first[part[0]]), len(part) * count
                pixels = self._frames.read("image", start, total, height, width)
                if image is None:
                    image = np.empty(mask.shape, dtype=pixels.dtype)
                image[part] = pixels.reshape(len(part), count, height, width)
                labels = self._frames.read("mask", start, total, height, width)
                mask[part] = labels.reshape(len(part), count, height, width)
                done += len(part)
                if progress is not None:
                    progress(done, len(first))
        return (np.zeros(mask.shape, dtype=np.float32) if image is None else image), mask

    def stacks(self, subject_id: str) -> list[SubjectStack]:
        """The stacks of one subject, reassembled from its slices."""
        rows = self.images[self.images["subject_id"] == subject_id]
        if rows.empty:
            raise CohortError(f"{self.path}: no subject '{subject_id}'")
        return read_stacks(rows, self._frames)

    def iter_stacks(self) -> Iterator[tuple[str, SubjectStack]]:
        """Every stack of every subject, one subject in memory at a time."""
        for subject_id in self.subjects["subject_id"]:
            for stack in self.stacks(subject_id):
                yield subject_id, stack

    def attributes(self, subject_id: str) -> dict[str, Any]:
        """The attributes of one subject that are present."""
        row = self.subjects[self.subjects["subject_id"] == subject_id].iloc[0]
        return present_cells(row, "subject_id")

    def volumes(self) -> pd.DataFrame:
        """LV and RV volumes (ml) and myocardial mass (g) per subject, stack and phase, counted on the native masks."""
        from synthcmr.cohort.measures import volumes

        return volumes(self.images)

    def dataset(self) -> CohortDataset:
        """A torch-style map dataset of this selection; see `CohortDataset`."""
        return CohortDataset(self)

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd
        import pyarrow.parquet as pq

        content = read_checked(self.path, name, self.info)
        try:
            if name not in self.info.get(
                FILES, {}
            ):  # no checksum speaks for it, and damaged text fails where it is used
                pq.read_table(BytesIO(content)).validate(full=True)
            table = pd.read_parquet(BytesIO(content))
        except Exception as error:
            raise CohortError(f"{self.path / name}: expected a Parquet table, got: {in_words(error)}") from error
        return COHORT.updated(table, name, self.info["version"])

    def _optional(self, name: str, whose: str) -> pd.DataFrame:
        if not self._has(name):
            raise CohortError(f"{self.path}: expected {name}, {whose}")
        return self._table(name)

    def _has(self, name: str) -> bool:
        """Whether a file was written, which may be gone by now."""
        return name in self.info.get(FILES, {}) or (self.path / name).exists()

    def _subset(self, keep: npt.NDArray[np.bool_]) -> Cohort:
        images = self.images[keep].reset_index(drop=True)
        subjects = self.subjects[self.subjects["subject_id"].isin(images["subject_id"])].reset_index(drop=True)
        return Cohort(self.path, self.info, subjects, images)

    def _read(self, name: str, index: int) -> npt.NDArray[np.generic]:
        row = self.images.iloc[index]
        return self._frames.read(
            name, int(row["first_frame"]), int(row["n_frames"]), int(row["height"]), int(row["width"])
        )


def _matches(column: pd.Series, choice: Choice) -> npt.NDArray[np.bool_]:
    if isinstance(choice, tuple) and len(choice) == 2 and all(v is None or isinstance(v, (int, float)) for v in choice):
        low, high = choice
        keep = column.notna()
        if low is not None:
            keep &= column >= low
        if high is not None:
            keep &= column <= high
        return keep.to_numpy(dtype=bool)
    if isinstance(choice, (list, tuple, set)):
        return column.isin(list(choice)).to_numpy(dtype=bool)
    return (column == choice).fillna(False).to_numpy(dtype=bool)


class CohortDataset:
    """`dataset[i]` gives `image` float32 and `mask` uint8, both (frames, rows, columns), and `index` into the cohort.

    It needs no torch itself: torch's DataLoader takes any object with a length and items, and turns the arrays into
    tensors. Pixels are read on access, so memory does not grow with the cohort; it pickles into worker processes.
    """

    def __init__(self, cohort: Cohort) -> None:
        """Take the images of a cohort or of a selection from one."""
        self.cohort = cohort
        self._size = len(cohort)

    def __len__(self) -> int:
        """Number of images."""
        return self._size

    def __getitem__(self, index: int) -> dict[str, npt.NDArray[np.generic] | int]:
        """Read one image with its mask."""
        if not -self._size <= index < self._size:
            raise IndexError(f"expected an image index below {self._size}, got {index}")
        index %= self._size
        return {"image": self.cohort.image(index), "mask": self.cohort.mask(index), "index": index}
