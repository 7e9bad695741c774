"""Whole stacks: slices are drawn outwards from the middle, each seeing the one drawn before it, and become the records of a cohort."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import Value
from synthcmr.cohort.frame_times import cycle_times
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.preprocess.orient import slice_levels
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.conditioning.condition import Condition, Neighbour
from synthcmr.config import PreprocessSettings
from synthcmr.generators.anatomy.anatomy import Anatomy
from synthcmr.generators.interface import Generator, Redraws
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.sampling.requests import seed_of

Images = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StackCondition:
    """A stack to render: its masks, who it is, and its seed."""

    mask: Mask  # (frames, slices, rows, columns), base -> apex
    attributes: Mapping[str, Value]  # that can be conditions
    seed: int
    start: Images | None = None  # what to begin from, as the mask; of generators that refine

    def at(self, z: int, neighbour: Neighbour | None) -> Condition:
        """The condition of one slice."""
        level, fraction = slice_levels(self.mask)[z]
        view: dict[str, Value] = {}
        if level is not None and fraction is not None:
            view = {"slice_level": level, "slice_fraction": fraction}
        start = None if self.start is None else self.start[:, z]
        return Condition(self.mask[:, z], {**self.attributes, **view}, neighbour, start)


def order(slices: int) -> list[list[tuple[int, int | None]]]:
    """Rounds of (slice, neighbour it sees): the middle one first, then one further up and down in each round."""
    middle = slices // 2
    rounds: list[list[tuple[int, int | None]]] = [[(middle, None)]]
    for step in range(1, slices):
        now: list[tuple[int, int | None]] = [
            (z, z - sign) for sign in (-1, 1) if 0 <= (z := middle + sign * step) < slices
        ]
        if not now:
            break
        rounds.append(now)
    return rounds


def render_stacks(generator: Generator, stacks: Sequence[StackCondition], settings: SamplerSettings) -> list[Images]:
    """Render stacks together, round by round.

    Returns:
        Per stack, (frames, slices, rows, columns), 0 to 1.
    """
    images = [np.zeros(stack.mask.shape, dtype=np.float32) for stack in stacks]
    for work in _rounds(stacks):
        conditions = [stacks[s].at(z, _seen(images[s], stacks[s].mask, beside)) for s, z, beside in work]
        seeds = [seed_of(stacks[s].seed, "slice", z) for s, z, _ in work]
        slices = generator.sample(conditions, seeds, settings)
        for (s, z, _), image in zip(work, slices, strict=True):
            images[s][:, z] = image
    return images


def redraw_stacks(
    generator: Redraws,
    before: Sequence[StackCondition],
    after: Sequence[StackCondition],
    pixels: Sequence[Images],
    settings: SamplerSettings,
) -> list[Images]:
    """Draw given stacks again, round by round.

    Args:
        generator: can redraw.
        before: the subjects of the given images.
        after: the conditions that they shall show.
        pixels: of each stack, (frames, slices, rows, columns), 0 to 1.
        settings: sampler, steps, guidance.
    """
    images = [np.zeros(stack.mask.shape, dtype=np.float32) for stack in after]
    for work in _rounds(after):
        originals = np.stack([pixels[s][:, z] for s, z, _ in work])
        shown = [before[s].at(z, _seen(pixels[s], before[s].mask, beside)) for s, z, beside in work]
        conditions = [after[s].at(z, _seen(images[s], after[s].mask, beside)) for s, z, beside in work]
        for (s, z, _), image in zip(work, generator.redraw(originals, shown, conditions, settings), strict=True):
            images[s][:, z] = image
    return images


def render_slices(
    generator: Generator, stacks: Sequence[StackCondition], slices: Sequence[int], settings: SamplerSettings
) -> list[Images]:
    """Render one slice of each stack, by itself.

    Returns:
        Per stack, (frames, 1, rows, columns), 0 to 1.
    """
    conditions = [stack.at(z, None) for stack, z in zip(stacks, slices, strict=True)]
    seeds = [seed_of(stack.seed, "slice", z) for stack, z in zip(stacks, slices, strict=True)]
    return [image[:, None] for image in generator.sample(conditions, seeds, settings)]


def _rounds(stacks: Sequence[StackCondition]) -> Iterator[list[tuple[int, int, int | None]]]:
    """What can be drawn at the same time over all stacks: (stack, slice, neighbour)."""
    orders = [order(stack.mask.shape[1]) for stack in stacks]
    for k in range(max(len(o) for o in orders)):
        yield [(s, z, beside) for s, o in enumerate(orders) if k < len(o) for z, beside in o[k]]


def _seen(image: Images, mask: Mask, beside: int | None) -> Neighbour | None:
    return None if beside is None else Neighbour(image[:, beside], mask[:, beside])


PAIR = 2  # frames
AS_IT_IS = PreprocessSettings(spacing_mm=None, size=None, intensity="none", centre="middle", frames="auto")


def generated_record(
    name: str,
    anatomy: Anatomy,
    image: npt.NDArray[np.float32] | None,
    only: int | None,
    attributes: Mapping[str, Value],
    extra: Mapping[str, Value],
) -> SubjectRecord:
    """The record of one generated subject.

    Args:
        name: subject id.
        anatomy: the requested masks.
        image: (frames, slices, rows, columns); one slice where only one was made.
        only: which slice of the anatomy that one is; None for a whole stack.
        attributes: of the subject.
        extra: further columns of every image.
    """
    if image is None:
        raise ValueError("no image was rendered")
    mask = anatomy.mask if only is None else anatomy.mask[:, only : only + 1]
    stack = Stack(
        image=image,
        mask=mask,
        spacing_mm=anatomy.spacing_mm,
        slice_step_mm=anatomy.slice_step_mm,
        phases=anatomy.phases,
        affine=_affine(anatomy),
        slice_thickness_mm=anatomy.slice_thickness_mm,
        slice_indices=() if only is None else (only,),
        slices_ordered=True,
        trigger_ms=()
        if len(anatomy.phases) <= PAIR
        else cycle_times(len(anatomy.phases), attributes.get("heart_rate")),
    )
    grid = AS_IT_IS if len(anatomy.phases) <= PAIR else AS_IT_IS.model_copy(update={"frames": "cine"})
    record = to_record(RawSubject(name, dict(attributes), (stack,), "synthetic"), name, grid)
    levels = slice_levels(anatomy.mask)
    return replace(record, images=tuple(_subject_attributes(i, levels, anatomy, extra) for i in record.images))


def _subject_attributes(
    image: ImageRecord, levels: list[tuple[str | None, float | None]], anatomy: Anatomy, extra: Mapping[str, Value]
) -> ImageRecord:
    level, fraction = levels[image.slice_index]
    return replace(
        image,
        slice_level=level,
        slice_fraction=fraction,
        slice_count=anatomy.mask.shape[1],
        extra={k: v for k, v in extra.items() if v != ""},
    )


def _affine(anatomy: Anatomy) -> npt.NDArray[np.float64]:
    """(column, row, slice, 1) -> RAS+ mm: the middle of the base at the origin, rows towards the feet of the image."""
    rows, columns = anatomy.mask.shape[2:]
    dy, dx = anatomy.spacing_mm
    affine = np.diag([-dx, -dy, -anatomy.slice_step_mm, 1.0])
    affine[:2, 3] = dx * (columns - 1) / 2, dy * (rows - 1) / 2
    return affine
