"""Frames with their masks as stacks: what the challenges (ACDC, M&Ms, EMIDEC) hand out as NIfTI files."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from synthcmr.cohort.labels import ALL_STRUCTURES, Label, Mask, hide_unknown
from synthcmr.cohort.phases import phase_names
from synthcmr.cohort.raw_subject import Stack
from synthcmr.cohort.readers.image_files import Volume, canonical_mask, check_intensities, check_same_grid, load_volume
from synthcmr.errors import ReadError


def load_cine(path: Path) -> Volume:
    """A NIfTI file of any number of frames that holds an image (ReadError as for `load_volume` and `check_intensities`)."""
    volume = load_volume(path)
    check_intensities(volume, path.name)
    return volume


def load_frame(path: Path) -> Volume:
    """A NIfTI file of one frame.

    Raises:
        ReadError: as for `load_cine`, or the file has several frames.
    """
    volume = load_cine(path)
    check_one_frame(volume, path)
    return volume


def check_one_frame(volume: Volume, path: Path) -> None:
    """Refuse several frames (ReadError)."""
    if len(volume.pixels) != 1:
        raise ReadError(f"{path.name}: expected one frame, got {len(volume.pixels)}")


def load_frame_mask(path: Path | None, image: Volume, image_name: str, labels: Mapping[int, int]) -> Mask | None:
    """The canonical mask of one frame, (slices, rows, columns); None where there is no file.

    Raises:
        ReadError: the file cannot be read, does not lie on its image, or holds other labels.
    """
    if path is None:
        return None
    volume = load_volume(path)
    check_same_grid(volume, image, path.name, image_name)
    return canonical_mask(volume.pixels[0], labels, path.name)


def pair_stack(ed: Volume, es: Volume, masks: Mapping[int, Mask | None], frame_indices: tuple[int, ...] = ()) -> Stack:
    """ED and ES as a stack of two frames; `masks` are those of 0 and 1."""
    pair = replace(ed, pixels=np.concatenate([ed.pixels, es.pixels]))
    return labelled_stack(pair, ("ED", "ES"), masks, frame_indices)


def cine_stack(cine: Volume, ed: int | None, es: int | None, masks: Mapping[int, Mask | None]) -> Stack:
    """A whole cine of which ED and ES, as far as they are known, are the frames of these numbers."""
    count = len(cine.pixels)
    return labelled_stack(cine, phase_names(count, ed, es), masks, tuple(range(count)))


def labelled_stack(
    volume: Volume,
    phases: tuple[str, ...],
    masks: Mapping[int, Mask | None],
    frame_indices: tuple[int, ...] = (),
    structures: tuple[str, ...] = ALL_STRUCTURES,
) -> Stack:
    """A stack of which some frames have masks.

    Args:
        volume: pixels and geometry.
        phases: per frame.
        masks: frame -> canonical mask (slices, rows, columns); the other frames are unlabelled.
        frame_indices: per frame, its 0-based position in the whole cine.
        structures: what these masks draw.
    """
    drawn = {frame: mask for frame, mask in masks.items() if mask is not None}
    stack_mask: Mask | None = None
    if drawn:
        stack_mask = np.full(volume.pixels.shape, Label.UNLABELLED, dtype=np.uint8)
        for frame, mask in drawn.items():
            stack_mask[frame] = hide_unknown(mask, structures)
    return Stack(
        image=volume.pixels,
        mask=stack_mask,
        spacing_mm=volume.spacing_mm,
        slice_step_mm=volume.slice_step_mm,
        phases=phases,
        labelled=tuple(structures if t in drawn else () for t in range(len(phases))) if drawn else (),
        affine=volume.affine,
        trigger_ms=volume.trigger_ms,
        frame_indices=frame_indices,
    )
