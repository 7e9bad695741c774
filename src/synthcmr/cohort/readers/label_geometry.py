"""Which value of a mask is which structure, told by shape alone: the myocardium is the ring around the LV cavity.

Data sets number the structures differently (ACDC 1 RV, 2 myocardium, 3 LV; M&Ms 1 LV, 2 myocardium, 3 RV), and nothing in
the values says which order was used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, binary_fill_holes

IN_RING = 0.7  # share of the cavity that its ring encloses, over all slices; basal rings are open
NOT_IN_RING = 0.15  # and of anything else
TOUCHES = 0.5  # share of slices in which the RV lies against the ring
MOST_VALUES = 12  # of a mask
HOLLOW = 0.2  # background within a ring, as a share of the ring
Plane = npt.NDArray[np.generic]


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
        seen = ", ".join(f"{ring} around {inside}" for ring, inside in rings) or "none"
        return GuessedLabels("", f"expected one value that forms a ring around one other, found {seen}")
    ring, cavity = rings[0]
    share = f"value {ring} encloses {shapes.enclosed(cavity, ring):.0%} of value {cavity}"
    rest = [value for value in values if value not in (ring, cavity)]
    if len(rest) > 1 or (rest and not _beside(rest[0], ring, cavity, shapes)):
        return GuessedLabels(
            "", f"{share}, but {' and '.join(map(str, rest))} cannot be told to be the RV beside the ring"
        )
    named = {cavity: "lv", ring: "myo", **dict.fromkeys(rest, "rv")}
    outside = f", and {rest[0]} lies beside it" if rest else ""
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
        values = [int(value) for value in np.unique(plane) if value != 0]
        for value in values:
            self.area[value] += int((plane == value).sum())
            filled = binary_fill_holes(plane == value)
            self.hollow[value] += int((filled & (plane == 0)).sum())
            self._compare(plane, value, filled, values)

    def _compare(self, plane: Plane, ring: int, filled: npt.NDArray[np.bool_], values: Sequence[int]) -> None:
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
        shown = self._beside[value, ring]
        return self._enclosed[value, ring] / shown if shown else 0.0
