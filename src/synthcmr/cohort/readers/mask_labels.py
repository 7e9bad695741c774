"""What the values of a mask mean: as a text or a file names them, or inferred from shape alone.

Data sets number the structures differently (ACDC 1 RV, 2 myocardium, 3 LV; M&Ms 1 LV, 2 myocardium, 3 RV), and nothing in the
values says which order was used. By shape, the myocardium is the ring around the LV cavity.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.identifiers import column_name
from synthcmr.cohort.labels import STRUCTURES, Label
from synthcmr.cohort.reasons import kind_of, token
from synthcmr.errors import ReadError

CANONICAL: dict[int, int] = {int(label): int(label) for label in Label}
NAMES: dict[Label, set[str]] = {
    Label.BACKGROUND: {"background", "bg", "other", "none"},
    Label.LV: {
        "lv", "lvc", "lv_cavity", "lv_blood_pool", "lvbp", "lv_bp", "lv_endo", "lv_endocardium", "left_ventricle",
        "left_ventricular_cavity", "left_ventricle_cavity", "left_ventricle_blood_pool", "papillary", "papillaries",
    },
    Label.MYOCARDIUM: {
        "myo", "myocardium", "lv_myo", "lvm", "lvmyo", "lv_myocardium", "lv_wall", "left_ventricular_myocardium",
        "left_ventricle_myocardium", "scar", "infarct", "infarction", "edema", "oedema", "mvo", "no_reflow",
    },
    Label.RV: {
        "rv", "rvc", "rv_cavity", "rv_blood_pool", "rvbp", "rv_bp", "rv_endo", "rv_endocardium", "right_ventricle",
        "right_ventricular_cavity", "right_ventricle_cavity", "right_ventricle_blood_pool",
    },
    Label.UNLABELLED: {"ignore", "unlabelled", "unlabeled", "unknown", "void"},
}  # fmt: skip
OTHER_ORGANS = {
    "la", "ra", "left_atrium", "right_atrium", "aorta", "ao", "pa", "pulmonary_artery", "pericardium", "fat", "liver", "lung",
}  # fmt: skip  # drawn, and background here
PAIR = re.compile(r"\s*[\"']?(-?\d+)[\"']?\s*[=:]\s*[\"']?([^,;\"'{}]+?)[\"']?\s*")
IN_RING = 0.7  # share of the cavity that its ring encloses, over all slices; basal rings are open
NOT_IN_RING = 0.15  # and of anything else
TOUCHES = 0.5  # share of slices in which the RV lies against the ring
MOST_VALUES = 12  # of a mask
HOLLOW = 0.2  # background within a ring, as a share of the ring
Plane = npt.NDArray[np.generic]


def label_of(name: str) -> Label:
    """The canonical label that a structure's name means.

    Raises:
        ReadError: its meaning is unknown.
    """
    key = column_name(name)
    if key in OTHER_ORGANS:
        return Label.BACKGROUND
    label = next((label for label, names in NAMES.items() if key in names), None)
    if label is None:
        known = ", ".join(
            sorted({*STRUCTURES, "background", "ignore", "left_ventricle", "myocardium", "right_ventricle"})
        )
        raise ReadError(f"label '{token(name)}': expected a structure such as {known}")
    return label


def parse_labels(text: str) -> dict[int, int]:
    """Mask value -> canonical label, from "1=lv,2=myo,3=rv" or {"1": "lv"}; 0 is background unless it is named.

    Raises:
        ReadError: the text is something else, or a name is unknown.
    """
    table: dict[int, int] = {}
    for part in re.split(r"[,;]", text.strip().strip("{}")):
        match = PAIR.fullmatch(part)
        if match is None:
            raise ReadError(f"labels: expected text such as '1=lv,2=myo,3=rv', got {kind_of(text)}")
        table[int(match[1])] = int(label_of(match[2]))
    return complete(table)


def complete(table: Mapping[int, int]) -> dict[int, int]:
    """The table with 0 as background and 255 as unlabelled, unless it says otherwise."""
    return {0: int(Label.BACKGROUND), 255: int(Label.UNLABELLED), **table}


def structures_in(table: Mapping[int, int]) -> tuple[str, ...]:
    """Structures that some mask value stands for."""
    return tuple(name for name, label in STRUCTURES.items() if label in table.values())


def parse_structures(text: str) -> tuple[str, ...]:
    """Structures from "lv,myo", in canonical order.

    Raises:
        ReadError: a name is unknown.
    """
    try:
        labels = {label_of(part) for part in re.split(r"[,;+ ]+", text.strip()) if part}
    except ReadError as error:
        raise ReadError(f"labelled: expected structures such as 'lv,myo', got {kind_of(text)}") from error
    return tuple(name for name, label in STRUCTURES.items() if label in labels)


def labels_from_json(table: Mapping[str, object]) -> dict[int, int]:
    """nnU-Net's `labels`: name -> value; regions (lists of several values) are unions of what is named elsewhere.

    Raises:
        ReadError: a name is unknown, or a value is no whole number.
    """
    labels: dict[int, int] = {}
    for name, value in table.items():
        values = value if isinstance(value, list) else [value]
        numbers = [v for v in values if isinstance(v, int)]
        if len(numbers) < len(values):
            raise ReadError(f"labels: expected a whole number for '{token(name)}', got {kind_of(value)}")
        if len(numbers) == 1:
            labels[numbers[0]] = int(label_of(name))
    return {0: int(Label.BACKGROUND), **labels}


@dataclass(frozen=True)
class GuessedLabels:
    """What the values of masks seem to mean."""

    text: str  # as the column `labels` takes it, e.g. "1=rv,2=myo,3=lv"; empty where shapes do not tell
    reason: str


def guess_labels(masks: Iterable[npt.NDArray[np.generic]]) -> GuessedLabels:
    """Tell the structures of masks apart.

    Args:
        masks: each (..., rows, columns), all of one data set; 0 is background.
    """
    shapes = _Shapes()
    for mask in masks:
        values = np.unique(mask)
        if len(values) > MOST_VALUES or (values % 1 != 0).any() or values.min() < 0:
            return GuessedLabels("", f"expected few whole numbers in each, got {len(values)} different values")
        for plane in mask.reshape(-1, *mask.shape[-2:]):
            shapes.add(plane.astype(np.int64))
    return _named_by_shape(shapes)


def _named_by_shape(shapes: _Shapes) -> GuessedLabels:
    values = sorted(shapes.area)
    if not values:
        return GuessedLabels("", "the masks are empty")
    if len(values) == 1:
        return _one(values[0], shapes)
    rings = [(ring, inside) for ring in values for inside in values if shapes.enclosed(inside, ring) >= IN_RING]
    if len(rings) != 1:
        pairs = ", ".join(f"{ring} around {inside}" for ring, inside in rings) or "none"
        return GuessedLabels("", f"expected one value that forms a ring around one other, found {pairs}")
    ring, cavity = rings[0]
    share = f"value {ring} encloses {shapes.enclosed(cavity, ring):.0%} of value {cavity}"
    others = [value for value in values if value not in (ring, cavity)]
    if len(others) > 1 or (others and not _beside(others[0], ring, cavity, shapes)):
        return GuessedLabels(
            "", f"{share}, but {' and '.join(map(str, others))} cannot be told to be the RV beside the ring"
        )
    named = {cavity: "lv", ring: "myo", **dict.fromkeys(others, "rv")}
    outside = f", and {others[0]} lies beside it" if others else ""
    return GuessedLabels(",".join(f"{value}={named[value]}" for value in values), share + outside)


def _one(value: int, shapes: _Shapes) -> GuessedLabels:
    if shapes.hollow.get(value, 0) >= HOLLOW * shapes.area[value]:
        return GuessedLabels(f"{value}=myo", f"value {value} is a ring, and nothing else is drawn")
    return GuessedLabels("", f"value {value} is all that is drawn, and no ring: it may be either cavity")


def _beside(value: int, ring: int, cavity: int, shapes: _Shapes) -> bool:
    """Whether a value lies against the ring from outside."""
    apart = all(shapes.enclosed(value, other) <= NOT_IN_RING for other in (ring, cavity))
    together = shapes.together[value, ring]
    return apart and together > 0 and shapes.touching[value, ring] >= TOUCHES * together


class _Shapes:
    """How the values of many slices lie to each other."""

    def __init__(self) -> None:
        self.area: Counter[int] = Counter()
        self.hollow: Counter[int] = Counter()  # background that a value encloses
        self.together: Counter[tuple[int, int]] = Counter()  # slices that show both
        self.touching: Counter[tuple[int, int]] = Counter()
        self._enclosed: Counter[tuple[int, int]] = Counter()  # pixels of the first within rings of the second
        self._beside: Counter[tuple[int, int]] = Counter()  # pixels of the first where the second is shown too

    def add(self, plane: Plane) -> None:
        """Measure one slice."""
        from scipy.ndimage import binary_fill_holes

        values = [int(value) for value in np.unique(plane) if value != 0]
        for value in values:
            self.area[value] += int((plane == value).sum())
            filled = binary_fill_holes(plane == value)
            self.hollow[value] += int((filled & (plane == 0)).sum())
            self._compare(plane, value, filled, values)

    def _compare(self, plane: Plane, ring: int, filled: npt.NDArray[np.bool_], values: Sequence[int]) -> None:
        from scipy.ndimage import binary_dilation

        near = binary_dilation(plane == ring, iterations=2)
        for other in values:
            if other == ring:
                continue
            there = plane == other
            self._beside[other, ring] += int(there.sum())
            self._enclosed[other, ring] += int((there & filled).sum())
            self.together[other, ring] += 1
            self.touching[other, ring] += bool((there & near).any())

    def enclosed(self, value: int, ring: int) -> float:
        """Share of a value's pixels that lie within rings of another, of slices that show both."""
        pixels = self._beside[value, ring]
        return self._enclosed[value, ring] / pixels if pixels else 0.0
