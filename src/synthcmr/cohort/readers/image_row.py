"""One row of a table of images: which file, what it shows and where that lies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from synthcmr.cohort.attributes import is_missing
from synthcmr.cohort.readers.label_names import CANONICAL, parse_labels, parse_structures
from synthcmr.errors import ReadError

ED_WORDS = {"ed", "end_diastole", "end_diastolic", "diastole", "diastolic"}
ES_WORDS = {"es", "end_systole", "end_systolic", "systole", "systolic"}


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
        known = {name: value for name, value in cells.items() if not is_missing(value)}
        if "image" not in known:
            raise ReadError("image: expected the path of a file, got nothing")
        labels, labelled = known.get("labels"), known.get("labelled")
        return cls(
            image=str(known["image"]),
            mask=str(known["mask"]) if "mask" in known else None,
            stack=_code(known.get("stack", "")),
            phase=_phase(str(known.get("phase", ""))),
            frame=_whole(known, "frame"),
            ed_frame=_whole(known, "ed_frame"),
            es_frame=_whole(known, "es_frame"),
            trigger_ms=_number(known, "trigger_ms"),
            slice_index=_whole(known, "slice_index"),
            spacing_mm=_spacing(known),
            slice_step_mm=_number(known, "slice_step_mm", positive=True),
            slice_thickness_mm=_number(known, "slice_thickness_mm", positive=True),
            intensity_low=_number(known, "intensity_low"),
            intensity_high=_number(known, "intensity_high"),
            labels=CANONICAL if labels is None else parse_labels(str(labels)),
            labelled=None if labelled is None else parse_structures(str(labelled)),
            says_labels=labels is not None or labelled is not None,
        )


def code_of(value: object) -> str:
    """An id as text: 7.0, as some programs write 7, is "7"."""
    return _code(value)


def _code(value: object) -> str:
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
        raise ReadError(f"{name}: expected a number, got {cells[name]!r}") from error
    if positive and not value > 0:
        raise ReadError(f"{name}: expected a number above 0, got {value:g}")
    return value


def _whole(cells: Mapping[str, object], name: str) -> int | None:
    value = _number(cells, name)
    if value is None:
        return None
    if not value.is_integer() or value < 0:
        raise ReadError(f"{name}: expected a whole number from 0, got {cells[name]!r}")
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
        raise ReadError(f"spacing_mm: expected one number, or two for rows and columns, got {cells['spacing_mm']!r}")
    return numbers[0], numbers[-1]
