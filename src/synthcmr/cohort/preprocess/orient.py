"""Order of slices, which third of the ventricle each lies in, and quarter turns of the image."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask, is_drawn
from synthcmr.cohort.raw_subject import Stack

LEVELS = ("basal", "mid", "apical")
Level = tuple[str | None, float | None]


def slice_levels(mask: Mask) -> list[Level]:
    """Level and fraction of every slice with LV in any frame; (None, None) of the others.

    Args:
        mask: (frames, slices, rows, columns), base -> apex.
    """
    none: Level = (None, None)
    present = np.flatnonzero((mask == Label.LV).any(axis=(0, 2, 3)))
    if present.size < 3:
        return [none] * mask.shape[1]
    first, last = int(present[0]), int(present[-1])
    levels: list[Level] = []
    for z in range(mask.shape[1]):
        fraction = (z - first) / (last - first)
        if not 0.0 <= fraction <= 1.0:
            levels.append(none)
            continue
        third = min(2, int(3 * (z - first + 0.5) / (last - first + 1)))
        levels.append((LEVELS[third], round(fraction, 4)))
    return levels


def slice_at(mask: Mask, level: str) -> int:
    """The slice in the middle of a third of the ventricle; the middle one where no slice lies in it."""
    places = [z for z, (name, _) in enumerate(slice_levels(mask)) if name == level]
    return places[len(places) // 2] if places else mask.shape[1] // 2


def base_first(stack: Stack) -> Stack:
    """Turn the stack base to apex where masks tell which end is which.

    The base is wide and shows both ventricles; the apex is narrow. The centre of mass of the labelled area along the
    stack therefore lies on the base side of the middle of the labelled slices.
    """
    if stack.slices_ordered or stack.mask is None or stack.slice_count < 3:
        return stack
    area = is_drawn(stack.mask).sum(axis=(0, 2, 3)).astype(float)
    present = np.flatnonzero(area)
    if present.size < 3:
        return stack
    centroid = float((area * np.arange(area.size)).sum() / area.sum())
    if centroid <= (present[0] + present[-1]) / 2.0:
        return replace(stack, slices_ordered=True)
    return reverse(stack)


def reverse(stack: Stack) -> Stack:
    """The same stack, slices the other way round; its affine and the numbers of its slices follow."""
    numbers = stack.slice_indices or tuple(range(stack.slice_count))
    span = numbers[-1] - numbers[0]
    affine = None
    if stack.affine is not None:
        flip = np.eye(4)
        flip[2, 2], flip[2, 3] = -1.0, float(span)
        affine = stack.affine @ flip
    return replace(
        stack,
        image=stack.image[:, ::-1],
        mask=None if stack.mask is None else stack.mask[:, ::-1],
        affine=affine,
        slice_indices=tuple(numbers[0] + numbers[-1] - n for n in reversed(numbers)) if stack.slice_indices else (),
        slices_ordered=True,
        columns={k: v[:, ::-1] if isinstance(v, np.ndarray) else v for k, v in stack.columns.items()},
    )


def septum_left(stack: Stack) -> Stack:
    """Turn the image by quarter turns so that the right ventricle lies to the left of the left one."""
    if stack.mask is None:
        return stack
    turns = quarter_turns(stack.mask)
    return stack if turns == 0 else turned(stack, turns)


def quarter_turns(mask: Mask) -> int:
    """How many counter-clockwise quarter turns bring the RV to the left; 0 where the mask lacks LV or RV."""
    lv, rv = np.argwhere(mask == Label.LV), np.argwhere(mask == Label.RV)
    if not len(lv) or not len(rv):
        return 0
    down, right = (rv.mean(axis=0) - lv.mean(axis=0))[-2:]
    angle = np.degrees(np.arctan2(-down, right))  # of the RV seen from the LV, counter-clockwise from "right"
    return int(np.rint((180.0 - angle) / 90.0)) % 4


def turned(stack: Stack, turns: int) -> Stack:
    """Turn the image counter-clockwise by quarter turns; spacing and affine follow."""
    rows, columns = stack.image.shape[-2:]
    spacing = stack.spacing_mm
    if spacing is not None and turns % 2:
        spacing = (spacing[1], spacing[0])
    return replace(
        stack,
        image=np.rot90(stack.image, turns, axes=(-2, -1)),
        mask=None if stack.mask is None else np.rot90(stack.mask, turns, axes=(-2, -1)),
        spacing_mm=spacing,
        affine=None if stack.affine is None else stack.affine @ _turn_matrix(turns % 4, rows, columns),
    )


def _turn_matrix(turns: int, rows: int, columns: int) -> npt.NDArray[np.float64]:
    """From (column, row) of the turned image to (column, row) of the original one."""
    matrix = np.eye(4)
    for _ in range(turns):
        one = np.eye(4)  # np.rot90 once: turned[r, c] = original[c, columns - 1 - r]
        one[0, :] = (0.0, -1.0, 0.0, columns - 1.0)
        one[1, :] = (1.0, 0.0, 0.0, 0.0)
        matrix = matrix @ one
        rows, columns = columns, rows
    return matrix
