"""Putting the files of one subject together: slices of one phase into a stack, phases of the same slices into frames."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask, in_canonical_order
from synthcmr.cohort.raw_subject import Stack
from synthcmr.cohort.readers.image_files import Volume

SAME_PLACE_MM = 0.05
PHASE_ORDER = {"ED": 0, "ES": 1}

FrameKey = tuple[str, int | None]  # phase, and the frame's number where the phase has no name
Cell = tuple[int, int, int]  # file, frame, slice
Item = TypeVar("Item")


@dataclass(frozen=True)
class LabelledVolume:
    """One file and what is known of it."""

    name: str  # for rejects
    volume: Volume
    mask: Mask | None  # same shape, canonical labels, unlabelled where no label exists
    labelled: tuple[tuple[str, ...], ...]  # per frame
    phases: tuple[str, ...]  # per frame
    frames: tuple[int | None, ...]  # per frame, its position in the cine
    first_slice: int | None = None  # position of its first slice; None: unknown
    stack: str = ""  # which acquisition of the subject
    slice_thickness_mm: float | None = None

    @property
    def slice_count(self) -> int:
        """Number of slices in the file."""
        return int(self.volume.pixels.shape[1])

    @property
    def slice_affine(self) -> npt.NDArray[np.float64] | None:
        """The affine that counts slices by their position in the subject's stack."""
        return None if self.volume.affine is None else self.volume.affine @ _along_slices(-(self.first_slice or 0))

    def key(self, frame: int) -> FrameKey:
        """What the frame is called when it is matched with those of other files."""
        return (self.phases[frame], None) if self.phases[frame] else ("", self.frames[frame])


def stacks_of(files: Sequence[LabelledVolume]) -> tuple[tuple[Stack, ...], tuple[tuple[str, str], ...]]:
    """Group files into stacks.

    Files of the same acquisition and pixel grid are put on one board of frames by slices. Slices that have the same
    frames become one stack: ED and ES of nine slices, say, and one of a tenth slice that has ED only.

    Returns:
        The stacks, and (file, reason) of files that had no place.
    """
    stacks: list[Stack] = []
    rejects: list[tuple[str, str]] = []
    for group in chain.from_iterable(map(_kept_apart, grouped(files, _same_grid))):
        cells = _cells_by_slice(group, rejects)
        slices_of: dict[frozenset[FrameKey], list[int]] = defaultdict(list)
        for z, frames in cells.items():
            slices_of[frozenset(frames)].append(z)
        for keys, slices in sorted(slices_of.items(), key=lambda item: (-len(item[0]), item[1][0])):
            order = sorted(keys, key=lambda key: _rank(key, group, cells[slices[0]]))
            stacks.append(_Board(group, order, slices, [[cells[z][key] for z in slices] for key in order]).stack())
    return tuple(stacks), tuple(rejects)


def grouped(items: Iterable[Item], belong_together: Callable[[Item, Item], bool]) -> list[list[Item]]:
    """Items in groups: each joins the first group whose first item it belongs to."""
    groups: list[list[Item]] = []
    for item in items:
        home = next((group for group in groups if belong_together(group[0], item)), None)
        if home is None:
            groups.append([item])
        else:
            home.append(item)
    return groups


def _kept_apart(group: list[LabelledVolume]) -> list[list[LabelledVolume]]:
    """Several files of one phase with no word on their slices: which belong together is unknown."""
    unplaced = [file for file in group if file.first_slice is None]
    counts = Counter(file.key(t) for file in unplaced for t in range(len(file.phases)))
    if not counts or max(counts.values()) == 1:
        return [group]
    placed = [file for file in group if file.first_slice is not None]
    return ([placed] if placed else []) + [[file] for file in unplaced]


def _same_grid(a: LabelledVolume, b: LabelledVolume) -> bool:
    if a.stack != b.stack or a.volume.pixels.shape[2:] != b.volume.pixels.shape[2:]:
        return False
    if not _close(a.volume.spacing_mm, b.volume.spacing_mm):
        return False
    if a.slice_count == 1 or b.slice_count == 1:
        return True
    first, second = a.slice_affine, b.slice_affine
    return first is None or second is None or np.allclose(first, second, atol=SAME_PLACE_MM)


def _close(a: tuple[float, float] | None, b: tuple[float, float] | None) -> bool:
    return a is b if a is None or b is None else bool(np.allclose(a, b, rtol=1e-3))


def _along_slices(count: int) -> npt.NDArray[np.float64]:
    shift = np.eye(4)
    shift[2, 3] = count
    return shift


def _cells_by_slice(group: list[LabelledVolume], rejects: list[tuple[str, str]]) -> dict[int, dict[FrameKey, Cell]]:
    """Slice -> frame -> where its pixels are."""
    cells: dict[int, dict[FrameKey, Cell]] = defaultdict(dict)
    for number, file in enumerate(group):
        first = file.first_slice or 0
        places = [
            (first + z, file.key(t), (number, t, z)) for t in range(len(file.phases)) for z in range(file.slice_count)
        ]
        taken = next((place for place in places if place[1] in cells[place[0]]), None)
        if taken is not None:
            what = taken[1][0] or ("the same frame" if taken[1][1] is None else f"frame {taken[1][1]}")
            reason = f"a second image of slice {taken[0]}, {what}; tell acquisitions apart by a column 'stack'"
            rejects.append((file.name, reason))
            continue
        for z, key, cell in places:
            cells[z][key] = cell
    return {z: frames for z, frames in sorted(cells.items()) if frames}


def _rank(key: FrameKey, group: list[LabelledVolume], frames: dict[FrameKey, Cell]) -> tuple[int, int]:
    """Frames go by their number, where it is known, and ED before ES where it is not."""
    file, t, _ = frames[key]
    number = group[file].frames[t]
    return (-1 if number is None else number, PHASE_ORDER.get(key[0], len(PHASE_ORDER)))


@dataclass(frozen=True)
class _Board:
    """The pixels of one stack: for each frame and slice, which file, frame and slice holds them."""

    group: list[LabelledVolume]
    keys: list[FrameKey]  # per frame
    slices: list[int]
    cells: list[list[Cell]]  # frames x slices

    @property
    def files(self) -> list[LabelledVolume]:
        """The files that the stack is made of."""
        return [self.group[n] for n in sorted({cell[0] for row in self.cells for cell in row})]

    def stack(self) -> Stack:
        """Copy the pixels together."""
        files = self.files
        masked = any(file.mask is not None for file in files)
        explicit = any(file.first_slice is not None for file in files)
        return Stack(
            image=self._image(),
            mask=self._mask() if masked else None,
            spacing_mm=files[0].volume.spacing_mm,
            slice_step_mm=_first_known(file.volume.slice_step_mm for file in files),
            phases=tuple(phase for phase, _ in self.keys),
            labelled=tuple(self._structures(row) for row in self.cells) if masked else (),
            affine=self._affine(),
            slice_thickness_mm=_first_known(file.slice_thickness_mm for file in files),
            frame_indices=self._frame_indices(),
            trigger_ms=self._trigger_ms(),
            slice_indices=tuple(self.slices) if explicit or self.slices[0] else (),
        )

    def _image(self) -> npt.NDArray[np.generic]:
        pixels = [file.volume.pixels for file in self.files]
        shape = (len(self.keys), len(self.slices))
        first = self.cells[0][0][0]
        whole = [[(first, t, z) for z in range(shape[1])] for t in range(shape[0])]
        if self.cells == whole and pixels[0].shape[:2] == shape:
            return pixels[0]  # one file as it is, which need not be copied
        empty = np.empty((*shape, *pixels[0].shape[2:]), dtype=np.result_type(*(array.dtype for array in pixels)))
        return self._filled(empty, lambda file: file.volume.pixels)

    def _mask(self) -> Mask:
        shape = (len(self.keys), len(self.slices), *self.files[0].volume.pixels.shape[2:])
        return self._filled(np.full(shape, Label.UNLABELLED, dtype=np.uint8), lambda file: file.mask)

    def _filled(self, target: npt.NDArray[Any], source: Callable[[LabelledVolume], npt.NDArray[Any] | None]) -> Any:
        for k, row in enumerate(self.cells):
            for j, (n, t, z) in enumerate(row):
                values = source(self.group[n])
                if values is not None:
                    target[k, j] = values[t, z]
        return target

    def _structures(self, row: list[Cell]) -> tuple[str, ...]:
        files = [(self.group[n], t) for n, t, _ in row]
        return in_canonical_order({name for file, t in files if file.mask is not None for name in file.labelled[t]})

    def _affine(self) -> npt.NDArray[np.float64] | None:
        """Of single slices only if they all lie on one line of evenly spaced places, as a stack's affine says."""
        affines = [file.slice_affine for file in self.files]
        first = affines[0]
        if first is None or any(a is None or not np.allclose(a, first, atol=SAME_PLACE_MM) for a in affines):
            return None
        return first @ _along_slices(self.slices[0])

    def _frame_indices(self) -> tuple[int, ...]:
        """Positions in the cine; where slices disagree, as many of them say. Empty where a frame's is unknown."""
        indices: list[int] = []
        for row in self.cells:
            numbers = Counter(number for n, t, _ in row if (number := self.group[n].frames[t]) is not None)
            if not numbers:
                return ()
            indices.append(numbers.most_common(1)[0][0])
        return tuple(indices) if len(set(indices)) == len(indices) else ()

    def _trigger_ms(self) -> tuple[float, ...]:
        firsts = [(self.group[row[0][0]].volume.trigger_ms, row[0][1]) for row in self.cells]
        return tuple(times[t] for times, t in firsts) if all(times for times, _ in firsts) else ()


def _first_known(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)
