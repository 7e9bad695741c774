"""Phantoms in their whole field of view whose masks are hidden, so that what is drawn can be compared with the truth."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import STRUCTURES, Label, Mask, hide_unknown
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.writer import CohortWriter
from synthcmr.config import PreprocessSettings
from synthcmr.phantom.population import draw_subject
from synthcmr.phantom.render import render_subject

SEED = 77
FULL = PreprocessSettings(size=None, frames="cine")  # resampled to 1.5 mm, uncropped


@cache
def phantom(index: int, frames: int = 2, slices: tuple[int, ...] = ()) -> Stack:
    """A phantom with its truth; some slices of it, if they are named."""
    made = render_subject(draw_subject("acdc-like", index, SEED), frames, None)
    pick = list(slices) or list(range(made.image.shape[1]))
    return Stack(
        image=made.image[:, pick],
        mask=made.mask[:, pick],
        spacing_mm=made.spacing_mm,
        slice_step_mm=made.slice_step_mm,
        phases=made.phases,
        affine=made.affine,
        slices_ordered=True,
    )


def hidden(stack: Stack, keep: Sequence[str] = ()) -> Stack:
    """The stack as one meets it: without masks and phases, or with the structures that somebody drew."""
    mask = None
    if keep and stack.mask is not None:
        kept = np.isin(stack.mask, [int(STRUCTURES[name]) for name in keep])
        mask = hide_unknown(np.where(kept, stack.mask, 0).astype(np.uint8), tuple(keep))
    frames = stack.frame_count
    return replace(
        stack,
        mask=mask,
        labelled=tuple(tuple(keep) for _ in range(frames)) if keep else (),
        phases=("",) * frames,
        slices_ordered=bool(keep),
    )


def cohort_of(
    out: Path, stacks: Iterable[tuple[str, Stack]], settings: PreprocessSettings = FULL, origin: str = "phantom"
) -> Cohort:
    """A cohort of these stacks."""
    with CohortWriter(out, {"step": "test", "settings": {"preprocess": settings.model_dump(mode="json")}}) as writer:
        for name, stack in stacks:
            writer.add(to_record(RawSubject(name, {"age": 60}, (stack,), origin=origin), name, settings))
        writer.finish(None, [])
    return Cohort.open(out)


def dice(drawn: Mask, truth: Mask, label: Label) -> float:
    """Of whole stacks."""
    a, b = drawn == label, truth == label
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))
