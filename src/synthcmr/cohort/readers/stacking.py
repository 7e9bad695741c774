"""Putting the files of one subject together: slices of one phase into a stack, phases of the same slices into frames."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask, in_canonical_order
from synthcmr.cohort.raw import Stack
from synthcmr.cohort.readers.volume import Volume

SAME_PLACE_MM = 0.05
PHASE_ORDER = {"ED": 0, "ES": 1}

FrameKey = tuple[str, int | None]  # phase, and the frame's number where the phase has no name
Cell = tuple[int, int, int]  # part, frame, slice


@dataclass(frozen=True)
class Part:
    """One file and what is known of it."""

    name: str  # for rejects
    volume: Volume
    mask: Mask | None  # same shape, canonical labels, unlabelled where nobody looked
    labelled: tuple[tuple[str, ...], ...]  # per frame
    phases: tuple[str, ...]  # per frame
    frames: tuple[int | None, ...]  # per frame, its position in the cine
    first_slice: int | None = None  # position of its first slice; None: nobody said
    stack: str = ""  # which acquisition of the subject
    slice_thickness_mm: float | None = None

    @property
    def slice_count(self) -> int:
        """Number of slices in the file."""
        return int(self.volume.pixels.shape[1])

    def key(self, frame: int) -> FrameKey:
        """What the frame is called when it is matched with those of other files."""
        return (self.phases[frame], None) if self.phases[frame] else ("", self.frames[frame])


def stacks_of(parts: Sequence[Part]) -> tuple[tuple[Stack, ...], tuple[tuple[str, str], ...]]:
    """Group files into stacks.

    Files of the same acquisition and pixel grid are put on one board of frames by slices. Slices that have the same
    frames become one stack: ED and ES of nine slices, say, and one of a tenth slice that has ED only.

    Returns:
        The stacks, and (file, reason) of files that had no place.
    """
    stacks: list[Stack] = []
    rejects: list[tuple[str, str]] = []
    for group in _groups(parts):
        cells = _board(group, rejects)
        for keys, slices in sorted(_alike(cells).items(), key=lambda item: (-len(item[0]), item[1][0])):
            stacks.append(_assemble(group, cells, keys, slices))
    return tuple(stacks), tuple(rejects)


def _groups(parts: Sequence[Part]) -> list[list[Part]]:
    groups: list[list[Part]] = []
    for part in parts:
        home = next((g for g in groups if _same_grid(g[0], part)), None)
        if home is None:
            groups.append([part])
        else:
            home.append(part)
    return [split for group in groups for split in _told_apart(group)]


def _told_apart(group: list[Part]) -> list[list[Part]]:
    """Several files of one phase with no word on their slices: nobody knows which belong together."""
    unplaced = [part for part in group if part.first_slice is None]
    seen = Counter(part.key(t) for part in unplaced for t in range(len(part.phases)))
    if not seen or max(seen.values()) == 1:
        return [group]
    placed = [part for part in group if part.first_slice is not None]
    return ([placed] if placed else []) + [[part] for part in unplaced]


def _same_grid(a: Part, b: Part) -> bool:
    if a.stack != b.stack or a.volume.pixels.shape[2:] != b.volume.pixels.shape[2:]:
        return False
    if not _close(a.volume.spacing_mm, b.volume.spacing_mm):
        return False
    if a.slice_count == 1 or b.slice_count == 1:
        return True
    first, second = _by_slice_index(a), _by_slice_index(b)
    return first is None or second is None or np.allclose(first, second, atol=SAME_PLACE_MM)


def _close(a: tuple[float, float] | None, b: tuple[float, float] | None) -> bool:
    return a is b if a is None or b is None else bool(np.allclose(a, b, rtol=1e-3))


def _by_slice_index(part: Part) -> npt.NDArray[np.float64] | None:
    """The affine that counts slices by their position in the subject's stack."""
    return None if part.volume.affine is None else part.volume.affine @ _along_slices(-(part.first_slice or 0))


def _along_slices(count: int) -> npt.NDArray[np.float64]:
    shift = np.eye(4)
    shift[2, 3] = count
    return shift


def _board(group: list[Part], rejects: list[tuple[str, str]]) -> dict[int, dict[FrameKey, Cell]]:
    """Slice -> frame -> where its pixels are."""
    cells: dict[int, dict[FrameKey, Cell]] = defaultdict(dict)
    for number, part in enumerate(group):
        first = part.first_slice or 0
        places = [
            (first + z, part.key(t), (number, t, z)) for t in range(len(part.phases)) for z in range(part.slice_count)
        ]
        taken = next((place for place in places if place[1] in cells[place[0]]), None)
        if taken is not None:
            what = taken[1][0] or ("the same frame" if taken[1][1] is None else f"frame {taken[1][1]}")
            reason = f"a second image of slice {taken[0]}, {what}; tell acquisitions apart by a column 'stack'"
            rejects.append((part.name, reason))
            continue
        for z, key, cell in places:
            cells[z][key] = cell
    return {z: frames for z, frames in sorted(cells.items()) if frames}


def _alike(cells: dict[int, dict[FrameKey, Cell]]) -> dict[frozenset[FrameKey], list[int]]:
    alike: dict[frozenset[FrameKey], list[int]] = defaultdict(list)
    for z, frames in cells.items():
        alike[frozenset(frames)].append(z)
    return alike


def _assemble(
    group: list[Part], cells: dict[int, dict[FrameKey, Cell]], keys: frozenset[FrameKey], slices: list[int]
) -> Stack:
    order = sorted(keys, key=lambda key: _rank(key, group, cells[slices[0]]))
    board = [[cells[z][key] for z in slices] for key in order]
    parts = [group[n] for n in sorted({cell[0] for row in board for cell in row})]
    first = parts[0]
    masked = any(part.mask is not None for part in parts)
    explicit = any(part.first_slice is not None for part in parts)
    return Stack(
        image=_image(group, parts, board),
        mask=_mask(group, parts, board) if masked else None,
        spacing_mm=first.volume.spacing_mm,
        slice_step_mm=next((p.volume.slice_step_mm for p in parts if p.volume.slice_step_mm is not None), None),
        phases=tuple(phase for phase, _ in order),
        labelled=tuple(_structures(group, row) for row in board) if masked else (),
        affine=_affine(parts, slices[0]),
        slice_thickness_mm=next((p.slice_thickness_mm for p in parts if p.slice_thickness_mm is not None), None),
        frame_indices=_frame_indices(group, board),
        trigger_ms=_times(group, board),
        slice_indices=tuple(slices) if explicit or slices[0] else (),
    )


def _rank(key: FrameKey, group: list[Part], frames: dict[FrameKey, Cell]) -> tuple[int, int]:
    """Frames go by their number, where it is known, and ED before ES where it is not."""
    part, t, _ = frames[key]
    number = group[part].frames[t]
    return (-1 if number is None else number, PHASE_ORDER.get(key[0], len(PHASE_ORDER)))


def _is_whole(parts: list[Part], board: list[list[Cell]]) -> bool:
    """Whether the stack is one file as it is, which then need not be copied."""
    frames, slices = len(board), len(board[0])
    return len(parts) == 1 and board == [[(board[0][0][0], t, z) for z in range(slices)] for t in range(frames)]


def _image(group: list[Part], parts: list[Part], board: list[list[Cell]]) -> npt.NDArray[np.generic]:
    if _is_whole(parts, board) and parts[0].volume.pixels.shape[:2] == (len(board), len(board[0])):
        return parts[0].volume.pixels
    out = np.empty(
        (len(board), len(board[0]), *parts[0].volume.pixels.shape[2:]),
        dtype=np.result_type(*(part.volume.pixels.dtype for part in parts)),
    )
    for k, row in enumerate(board):
        for j, (n, t, z) in enumerate(row):
            out[k, j] = group[n].volume.pixels[t, z]
    return out


def _mask(group: list[Part], parts: list[Part], board: list[list[Cell]]) -> Mask:
    shape = (len(board), len(board[0]), *parts[0].volume.pixels.shape[2:])
    out = np.full(shape, Label.UNLABELLED, dtype=np.uint8)
    for k, row in enumerate(board):
        for j, (n, t, z) in enumerate(row):
            mask = group[n].mask
            if mask is not None:
                out[k, j] = mask[t, z]
    return out


def _structures(group: list[Part], row: list[Cell]) -> tuple[str, ...]:
    return in_canonical_order({name for n, t, _ in row if group[n].mask is not None for name in group[n].labelled[t]})


def _affine(parts: list[Part], first_slice: int) -> npt.NDArray[np.float64] | None:
    """Of single slices only if they all lie on one line of evenly spaced places, as a stack's affine says."""
    affines = [_by_slice_index(part) for part in parts]
    known = [a for a in affines if a is not None]
    if len(known) < len(affines) or not all(np.allclose(a, known[0], atol=SAME_PLACE_MM) for a in known):
        return None
    return known[0] @ _along_slices(first_slice)


def _frame_indices(group: list[Part], board: list[list[Cell]]) -> tuple[int, ...]:
    """Positions in the cine; where slices disagree, as many of them say. Empty where a frame's is unknown."""
    indices: list[int] = []
    for row in board:
        numbers = Counter(number for n, t, _ in row if (number := group[n].frames[t]) is not None)
        if not numbers:
            return ()
        indices.append(numbers.most_common(1)[0][0])
    return tuple(indices) if len(set(indices)) == len(indices) else ()


def _times(group: list[Part], board: list[list[Cell]]) -> tuple[float, ...]:
    triggers = []
    for row in board:
        n, t, _ = row[0]
        times = group[n].volume.trigger_ms
        if not times:
            return ()
        triggers.append(times[t])
    return tuple(triggers)
