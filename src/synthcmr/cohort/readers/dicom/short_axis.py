"""The short-axis cine among all images of a study, found by geometry with names as a hint only, and where it lies."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.readers.dicom.files import Vector
from synthcmr.cohort.readers.dicom.frames import Frame
from synthcmr.cohort.readers.stacking import grouped
from synthcmr.errors import ReadError

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# The heart's long axis from base to apex points left, forward and down (LPS), give or take some 30 degrees.
APEX_DIRECTION = np.array([0.6, -0.6, -0.5]) / np.linalg.norm([0.6, -0.6, -0.5])
PLAUSIBLE_COSINE = float(np.cos(np.radians(45)))  # a plane axial, coronal or sagittal to the body lies beyond it
ORDERED_COSINE = 0.6  # below it the geometry does not tell which end is the apex; a plain axial stack lies at 0.51
TIME_KEYS = ("trigger", "temporal", "acquisition", "content", "instance")  # the first that orders a slice is taken
PARALLEL_COSINE = float(np.cos(np.radians(3)))
SAME_POSITION_MM = 0.5
STEP_TOLERANCE = 0.2  # of a step: how far a slice may lie off the regular grid
MAX_MISSING_SLICES = 2  # a wider gap starts another stack
MIN_SLICES = 3
LONGEST_CYCLE_MS = 2500.0  # images over a longer time are no single heartbeat (perfusion, say)


@dataclass(frozen=True)
class Geometry:
    """The grid of a stack."""

    affine: npt.NDArray[np.float64]  # (column, row, slice, 1) -> RAS+ millimetres
    spacing_mm: tuple[float, float]  # row, column
    step_mm: float | None  # between slice centres; None: one slice of unknown thickness
    thickness_mm: float | None
    slice_indices: tuple[int, ...]  # gaps show where a slice is missing
    ordered: bool  # slices run base -> apex for certain


def apex_cosine(frame: Frame) -> float:
    """Cosine between a frame's normal and the usual base-to-apex direction."""
    return float(frame.normal @ APEX_DIRECTION)


def is_short_axis_like(frame: Frame) -> bool:
    """Whether a plane cuts the long axis of a heart that lies as hearts do."""
    return abs(apex_cosine(frame)) >= PLAUSIBLE_COSINE


def towards_apex(frame: Frame) -> Vector:
    """The normal of a stack, signed so that it points from base to apex where that is known."""
    return frame.normal if apex_cosine(frame) >= 0 else -frame.normal


def stack_geometry(slices: Sequence[Frame], steps: Sequence[int]) -> Geometry:
    """The grid of parallel slices.

    Args:
        slices: one frame per slice, in order along `towards_apex`.
        steps: whole-numbered position of each slice, from 0.
    """
    first = slices[0]
    step = _slice_vector(slices, steps)
    affine = np.eye(4)
    affine[:3, 0] = first.along_columns * first.spacing_mm[1]
    affine[:3, 1] = first.along_rows * first.spacing_mm[0]
    affine[:3, 2] = step if step is not None else towards_apex(first)
    affine[:3, 3] = first.position
    return Geometry(
        affine=LPS_TO_RAS @ affine,
        spacing_mm=first.spacing_mm,
        step_mm=None if step is None else float(np.linalg.norm(step)),
        thickness_mm=first.thickness_mm,
        slice_indices=tuple(steps),
        ordered=len(slices) > 1 and abs(apex_cosine(first)) >= ORDERED_COSINE,
    )


def slice_affine(frame: Frame) -> npt.NDArray[np.float64]:
    """(column, row, 0, 1) -> RAS+ millimetres of one frame, from its own position."""
    affine = np.eye(4)
    affine[:3, 0] = frame.along_columns * frame.spacing_mm[1]
    affine[:3, 1] = frame.along_rows * frame.spacing_mm[0]
    affine[:3, 2] = frame.normal
    affine[:3, 3] = frame.position
    return LPS_TO_RAS @ affine


def _slice_vector(slices: Sequence[Frame], steps: Sequence[int]) -> Vector | None:
    """From one slice to the next (LPS mm): from positions; the header's words count only where there is one slice."""
    if len(slices) > 1:
        vector: Vector = (slices[-1].position - slices[0].position) / (steps[-1] - steps[0])
        return vector
    nominal = slices[0].nominal_step_mm or slices[0].thickness_mm
    return None if nominal is None or nominal <= 0 else towards_apex(slices[0]) * nominal


@dataclass(frozen=True)
class FrameStack:
    """The frames of a stack, slices x phases, and what was left out of it."""

    slices: list[list[Frame]]
    steps: list[int]  # whole-numbered position of each slice
    rejects: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def score(self) -> tuple[bool, bool, int, int]:
        """Better stacks are greater: cut like a short axis, named like one, more slices, more phases."""
        frame = self.slices[0][0]
        return is_short_axis_like(frame), frame.short_axis_hint, len(self.slices), len(self.slices[0])


def find_short_axis(frames: Sequence[Frame]) -> FrameStack:
    """The short-axis cine of a study.

    Several parallel slices at regular positions with several phases each make a candidate, whether a series holds one
    slice or all of them. Long-axis views lie alone and fall out. A study of one single stack is taken as it is.

    Raises:
        ReadError: nothing in the study is such a stack.
    """
    stacks = [_stack(family) for family in grouped(frames, _same_family)]
    cines = [
        s for s in stacks if len(s.slices) >= MIN_SLICES and len(s.slices[0]) > 1 and _within_one_beat(s.slices[0])
    ]
    if cines:
        best = max(cines, key=lambda s: s.score)
        if not best.score[0]:
            best.notes.append(
                "the stack does not lie as a short axis usually does; slice order is not known from geometry"
            )
        return best
    if len(stacks) == 1:
        if not frames[0].synthetic:
            stacks[0].notes.append("no short-axis cine stack was found; the study's only stack was taken")
        return stacks[0]
    sizes = ", ".join(f"{len(s.slices)} x {len(s.slices[0])}" for s in stacks[:6])
    raise ReadError(
        f"expected a short-axis cine ({MIN_SLICES} or more parallel slices with several phases each), got "
        f"{len(stacks)} stacks of slices x phases: {sizes}; is the short-axis series in this folder?"
    )


def _same_family(a: Frame, b: Frame) -> bool:
    """Whether two frames have one grid, sequence and orientation."""
    return (
        a.shape == b.shape
        and a.sequence == b.sequence
        and np.allclose(a.spacing_mm, b.spacing_mm, rtol=1e-3)
        and (a.thickness_mm or 0) == (b.thickness_mm or 0)
        and float(a.along_columns @ b.along_columns) >= PARALLEL_COSINE
        and float(a.along_rows @ b.along_rows) >= PARALLEL_COSINE
    )


def _stack(family: list[Frame]) -> FrameStack:
    """The longest regular run of slices of a family, with one number of phases."""
    rejects: list[tuple[str, str]] = []
    notes: list[str] = []
    cines = _one_per_position(family, notes)
    phases = _common_phase_count(cines)
    cines_in_place = []
    for place, cine in cines:
        if len(cine) < phases:
            rejects.append((_name(place), f"expected {phases} phases as in the other slices, got {len(cine)}"))
            continue
        if len(cine) > phases:
            notes.append(f"{_name(place)} has {len(cine)} phases where the stack has {phases}; the nearest were taken")
        cines_in_place.append((place, _nearest_phases(cine, phases)))
    run, steps = _longest_regular_run([place for place, _ in cines_in_place])
    outside = [_name(place) for i, (place, _) in enumerate(cines_in_place) if i not in run]
    rejects += [(name, "lies off the regular positions of the other slices") for name in outside]
    return FrameStack([cines_in_place[i][1] for i in run], steps, rejects, notes)


def _one_per_position(family: list[Frame], notes: list[str]) -> list[tuple[float, list[Frame]]]:
    """(millimetres along the stack, cine) per slice position, in order, each once."""
    axis = towards_apex(family[0])
    by_series: dict[str, list[Frame]] = defaultdict(list)
    for frame in family:
        by_series[frame.series].append(frame)
    cines = [cine for frames in by_series.values() for cine in _split_by_position(frames, axis)]
    # Within a position the fullest and then the latest comes first: a slice is measured again because it failed before.
    cines.sort(key=lambda c: (-len(c[1]), -c[1][0].series_number))
    chosen: list[tuple[float, list[Frame]]] = []
    for place, cine in cines:
        if any(abs(place - other) <= SAME_POSITION_MM for other, _ in chosen):
            notes.append(f"{_name(place)} was measured more than once; the fullest and latest series was taken")
        else:
            chosen.append((place, sorted_by_time(cine)))
    return sorted(chosen, key=lambda c: c[0])


def _split_by_position(frames: list[Frame], axis: np.ndarray) -> list[tuple[float, list[Frame]]]:
    groups: list[tuple[float, list[Frame]]] = []
    for place, frame in sorted(((float(f.position @ axis), f) for f in frames), key=lambda item: item[0]):
        if groups and place - groups[-1][0] <= SAME_POSITION_MM:
            groups[-1][1].append(frame)
        else:
            groups.append((place, [frame]))
    return groups


def sorted_by_time(cine: list[Frame]) -> list[Frame]:
    """Frames of one slice in the order of the cycle, by the first header that tells all of them apart."""
    for key in TIME_KEYS:
        times = [frame.times.get(key) for frame in cine]
        known = [t for t in times if t is not None]
        if len(set(known)) == len(cine):
            order = np.argsort(known, kind="stable")
            return [cine[i] for i in order]
    return cine


def _common_phase_count(cines: list[tuple[float, list[Frame]]]) -> int:
    counts = Counter(len(cine) for _, cine in cines)
    return max(counts, key=lambda n: (counts[n], n))


def _nearest_phases(cine: list[Frame], count: int) -> list[Frame]:
    if len(cine) == count:
        return cine
    return [cine[round(t * (len(cine) - 1) / max(count - 1, 1))] for t in range(count)]


def _longest_regular_run(places: list[float]) -> tuple[list[int], list[int]]:
    """Positions in `places` that lie on one grid, and their whole-numbered steps along it."""
    if len(places) < 2:
        return list(range(len(places))), [0] * len(places)
    step = float(np.median(np.diff(places)))
    runs: list[tuple[list[int], list[int]]] = [([0], [0])]
    for i in range(1, len(places)):
        gap = (places[i] - places[i - 1]) / step
        steps = round(gap)
        if 1 <= steps <= 1 + MAX_MISSING_SLICES and abs(gap - steps) <= STEP_TOLERANCE * steps:
            runs[-1][0].append(i)
            runs[-1][1].append(runs[-1][1][-1] + steps)
        else:
            runs.append(([i], [0]))
    return max(runs, key=lambda run: len(run[0]))


def _within_one_beat(cine: list[Frame]) -> bool:
    triggers = [f.times["trigger"] for f in cine if "trigger" in f.times]
    return not triggers or max(triggers) - min(triggers) <= LONGEST_CYCLE_MS


def _name(place: float) -> str:
    return f"slice at {place:.1f} mm"
