"""The rows of one subject: their cells are parsed, their files loaded, checked and put together to stacks."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from synthcmr.cohort.attributes import is_missing
from synthcmr.cohort.labels import Label, Mask, hide_unknown
from synthcmr.cohort.raw_subject import Stack
from synthcmr.cohort.readers.image_files import (
    Volume,
    canonical_mask,
    check_intensities,
    check_same_grid,
    is_raster,
    load_image,
)
from synthcmr.cohort.readers.mask_labels import CANONICAL, parse_labels, parse_structures, structures_in
from synthcmr.cohort.readers.stacking import LabelledVolume, stacks_of
from synthcmr.cohort.reasons import kind_of
from synthcmr.errors import ReadError

ED_WORDS = {"ed", "end_diastole", "end_diastolic", "diastole", "diastolic"}
ES_WORDS = {"es", "end_systole", "end_systolic", "systole", "systolic"}
Rejects = tuple[tuple[str, str], ...]
Cells = Mapping[str, object]


@dataclass(frozen=True)
class ImageRow:
    """What a row says of its file; None or empty where it says nothing."""

    image: str
    mask: str | None = None
    stack: str = ""
    phase: str = ""
    frame: int | None = None
    ed_frame: int | None = None
    es_frame: int | None = None
    trigger_ms: float | None = None
    slice_index: int | None = None
    spacing_mm: tuple[float, float] | None = None
    slice_step_mm: float | None = None
    slice_thickness_mm: float | None = None
    intensity_low: float | None = None
    intensity_high: float | None = None
    labels: Mapping[int, int] = field(default_factory=lambda: CANONICAL)  # mask value -> canonical label
    labelled: tuple[str, ...] | None = None  # structures that the mask draws; None: all that `labels` names
    says_labels: bool = False  # the row says what its mask means

    @classmethod
    def parse(cls, cells: Mapping[str, object]) -> "ImageRow":
        """Read the cells of a row, keyed as in `table_columns.CONTROL`.

        Raises:
            ReadError: a cell holds something else than its column should.
        """
        present = {name: value for name, value in cells.items() if not is_missing(value)}
        if "image" not in present:
            raise ReadError("image: expected the path of a file, got nothing")
        labels, labelled = present.get("labels"), present.get("labelled")
        return cls(
            image=str(present["image"]),
            mask=str(present["mask"]) if "mask" in present else None,
            stack=code_of(present.get("stack", "")),
            phase=_phase(str(present.get("phase", ""))),
            frame=_whole(present, "frame"),
            ed_frame=_whole(present, "ed_frame"),
            es_frame=_whole(present, "es_frame"),
            trigger_ms=_number(present, "trigger_ms"),
            slice_index=_whole(present, "slice_index"),
            spacing_mm=_spacing(present),
            slice_step_mm=_number(present, "slice_step_mm", positive=True),
            slice_thickness_mm=_number(present, "slice_thickness_mm", positive=True),
            intensity_low=_number(present, "intensity_low"),
            intensity_high=_number(present, "intensity_high"),
            labels=CANONICAL if labels is None else parse_labels(str(labels)),
            labelled=None if labelled is None else parse_structures(str(labelled)),
            says_labels=labels is not None or labelled is not None,
        )


def code_of(value: object) -> str:
    """An id as text: 7.0, as some programs write 7, is "7"."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _phase(text: str) -> str:
    key = re.sub(r"[^a-z]+", "_", text.strip().lower())
    return "ED" if key in ED_WORDS else "ES" if key in ES_WORDS else ""


def _number(cells: Mapping[str, object], name: str, positive: bool = False) -> float | None:
    if name not in cells:
        return None
    try:
        value = float(str(cells[name]).replace(",", "."))
    except ValueError as error:
        raise ReadError(f"{name}: expected a number, got {kind_of(cells[name])}") from error
    if positive and not value > 0:
        raise ReadError(f"{name}: expected a number above 0, got {value:g}")
    return value


def _whole(cells: Mapping[str, object], name: str) -> int | None:
    value = _number(cells, name)
    if value is None:
        return None
    if not value.is_integer() or value < 0:
        raise ReadError(f"{name}: expected a whole number from 0, got {kind_of(cells[name])}")
    return int(value)


def _spacing(cells: Mapping[str, object]) -> tuple[float, float] | None:
    """(row, column) in mm, from two columns, or from one that holds one number or two."""
    row, column = _number(cells, "spacing_row_mm", positive=True), _number(cells, "spacing_column_mm", positive=True)
    if row is not None and column is not None:
        return row, column
    if "spacing_mm" not in cells:
        return None
    numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", str(cells["spacing_mm"]))]
    if len(numbers) not in (1, 2) or not all(n > 0 for n in numbers):
        raise ReadError(
            f"spacing_mm: expected one number, or two for rows and columns, got {kind_of(cells['spacing_mm'])}"
        )
    return numbers[0], numbers[-1]


def read_rows_of_subject(rows: Iterable[tuple[Path, Cells]]) -> tuple[tuple[Stack, ...], Rejects]:
    """Read the files of one subject.

    Args:
        rows: (folder that paths are relative to, cells keyed as in `table_columns.CONTROL`).

    Returns:
        Stacks, and (file, reason) of rows that could not be read.

    Raises:
        ReadError: no row could be read.
    """
    files: list[LabelledVolume] = []
    rejects: list[tuple[str, str]] = []
    for folder, cells in rows:
        try:
            files.append(read_part(folder, ImageRow.parse(cells)))
        except ReadError as error:
            rejects.append((str(cells.get("image") or "a row without image"), str(error)))
    if not files:
        more = f" (and {len(rejects) - 1} more of its images cannot be read)" if len(rejects) > 1 else ""
        raise ReadError((rejects[0][1] if rejects else "no image is listed for it") + more)
    stacks, unplaced = stacks_of(files)
    return stacks, (*rejects, *unplaced)


def read_part(folder: Path, row: ImageRow) -> LabelledVolume:
    """Load the file of one row with its mask.

    Raises:
        ReadError: a file is missing or damaged, or the mask does not fit.
    """
    path = folder / row.image
    volume = load_image(path)
    check_intensities(volume, path.name)
    volume = _as_stated(volume, row, is_raster(path))
    mask = None if row.mask is None else _mask(folder / row.mask, volume, path.name, row)
    count = len(volume.pixels)
    return LabelledVolume(
        name=row.image,
        volume=volume,
        mask=mask,
        labelled=_labelled(mask, row, count),
        phases=_phases(row, count),
        frames=(row.frame,) if count == 1 else tuple(range(row.frame or 0, (row.frame or 0) + count)),
        first_slice=row.slice_index,
        stack=row.stack,
        slice_thickness_mm=row.slice_thickness_mm,
    )


def _as_stated(volume: Volume, row: ImageRow, raster: bool) -> Volume:
    """What the row says goes before what the file says."""
    times = (row.trigger_ms,) if row.trigger_ms is not None and len(volume.pixels) == 1 else volume.trigger_ms
    stated = replace(
        volume,
        spacing_mm=row.spacing_mm or volume.spacing_mm,
        slice_step_mm=row.slice_step_mm or volume.slice_step_mm,
        trigger_ms=times,
    )
    low, high = row.intensity_low, row.intensity_high
    kind = stated.pixels.dtype
    if not raster or low is None or high is None or kind.kind != "u":
        return stated
    # Grey values of a picture: 0 stands for intensity_low and the largest value for intensity_high.
    scale = np.float32((high - low) / float(np.iinfo(f"u{kind.itemsize}").max))
    return replace(stated, pixels=stated.pixels.astype(np.float32) * scale + np.float32(low))


def _mask(path: Path, volume: Volume, image_name: str, row: ImageRow) -> Mask:
    mask_volume = load_image(path, "mask")
    check_same_grid(mask_volume, volume, path.name, image_name)
    if len(mask_volume.pixels) != len(volume.pixels):
        raise ReadError(
            f"{path.name}: expected {len(volume.pixels)} frame(s) as {image_name} has, got {len(mask_volume.pixels)}"
        )
    if not row.says_labels and set(np.unique(mask_volume.pixels)) == {0, int(Label.UNLABELLED)}:
        raise ReadError(
            f"{path.name}: its values are 0 and 255 only, which does not say what was drawn; "
            "add a column 'labels' that holds e.g. 255=lv"
        )
    mask = canonical_mask(mask_volume.pixels, row.labels, path.name)
    return hide_unknown(mask, _structures(row))


def _structures(row: ImageRow) -> tuple[str, ...]:
    return structures_in(row.labels) if row.labelled is None else row.labelled


def _labelled(mask: Mask | None, row: ImageRow, count: int) -> tuple[tuple[str, ...], ...]:
    """Structures per frame; a frame that is unlabelled all over has none."""
    if mask is None:
        return ((),) * count
    return tuple(() if (frame == Label.UNLABELLED).all() else _structures(row) for frame in mask)


def _phases(row: ImageRow, count: int) -> tuple[str, ...]:
    if count == 1:
        return (row.phase,)
    for name, frame in (("ed_frame", row.ed_frame), ("es_frame", row.es_frame)):
        if frame is not None and frame >= count:
            raise ReadError(f"{name}: expected a frame from 0 to {count - 1} of {row.image}, got {frame}")
    return tuple("ED" if t == row.ed_frame else "ES" if t == row.es_frame else "" for t in range(count))
