"""The short-axis cine of one DICOM study, ready to be labelled."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from synthcmr.cohort.labels import Label, Mask, hide_unknown
from synthcmr.cohort.phases import choose_phases
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.readers.archive import Entry
from synthcmr.cohort.readers.dicom.files import Pixels, decode, header_attributes
from synthcmr.cohort.readers.dicom.frames import Frame, scan
from synthcmr.cohort.readers.dicom.short_axis import FrameStack, Geometry, find_short_axis, stack_geometry
from synthcmr.errors import ReadError


@dataclass(frozen=True)
class Cine:
    """A short-axis cine as measured; without labels yet."""

    slices: tuple[tuple[Frame, ...], ...]  # slices x phases
    image: Pixels  # (phases, slices, rows, columns)
    geometry: Geometry
    segmentations: tuple[Entry, ...] = ()
    rejects: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Frame:
        """The first phase of the first slice."""
        return self.slices[0][0]

    @property
    def origin(self) -> str:
        """Whether the headers call these images synthetic."""
        return "synthetic" if self.first.synthetic else "real"

    @property
    def stated_phases(self) -> tuple[str, ...]:
        """Per phase what the headers say it is: "ED", "ES" or ""."""
        return tuple(_agreed([cine[t].cycle for cine in self.slices]) for t in range(len(self.slices[0])))

    @property
    def trigger_ms(self) -> tuple[float, ...]:
        """Per phase the mean time after the R wave over the slices; empty where some frame does not tell."""
        times = [[frame.times.get("trigger") for frame in cine] for cine in self.slices]
        if any(t is None for row in times for t in row):
            return ()
        return tuple(float(t) for t in np.mean(np.array(times, dtype=np.float64), axis=0))

    def empty_mask(self) -> Mask:
        """A mask of the image's shape in which nothing is labelled."""
        return np.full(self.image.shape, Label.UNLABELLED, dtype=np.uint8)


@dataclass(frozen=True)
class CineMasks:
    """What is said of a cine beside its images."""

    mask: Mask | None = None  # (phases, slices, rows, columns), canonical labels
    labelled: tuple[tuple[str, ...], ...] = ()  # per phase the structures that the mask draws
    phases: tuple[str, ...] = ()  # per phase "ED", "ES" or ""; none stated: the headers are believed
    notes: tuple[str, ...] = ()
    rejects: tuple[tuple[str, str], ...] = ()  # (file, reason) of what could not be used


def read_cine(entries: list[Entry]) -> Cine:
    """Find and read the short-axis cine among files.

    Raises:
        ReadError: no file is an MR image, none make a short-axis stack, or no slice of it can be decoded.
    """
    study = scan(entries)
    short_axis = find_short_axis(study.frames)
    pixels, failed = load_slices(short_axis.slices)
    if not pixels:
        raise ReadError(failed[0][1])
    rejects = [*study.rejects, *short_axis.rejects, *((f"slice {short_axis.steps[i]}", reason) for i, reason in failed)]
    readable = sorted(pixels)
    return Cine(
        slices=tuple(tuple(short_axis.slices[i]) for i in readable),
        image=np.stack([pixels[i] for i in readable], axis=1),
        geometry=_geometry(short_axis, readable),
        segmentations=tuple(study.segmentations),
        rejects=tuple(rejects),
        notes=tuple(short_axis.notes),
    )


def to_subject(
    subject_id: str, cine: Cine, masks: CineMasks | None = None, attributes: Mapping[str, object] | None = None
) -> RawSubject:
    """A cine with its masks as a subject of one stack.

    Args:
        subject_id: who it is.
        cine: what was measured.
        masks: what is said of it beside the images; phases that nothing states are estimated, which is noted.
        attributes: what goes before the attributes in the headers.
    """
    masks = masks or CineMasks()
    stated = masks.phases if any(masks.phases) else cine.stated_phases
    phases, phase_notes = choose_phases(cine.image, masks.mask, masks.labelled, stated)
    mask = masks.mask
    if mask is not None:
        mask = np.stack([hide_unknown(m, parts) for m, parts in zip(mask, masks.labelled, strict=True)])
    geometry = cine.geometry
    stack = Stack(
        image=cine.image,
        mask=mask,
        spacing_mm=geometry.spacing_mm,
        slice_step_mm=geometry.step_mm,
        phases=phases,
        labelled=masks.labelled if mask is not None else (),
        affine=geometry.affine,
        slice_thickness_mm=geometry.thickness_mm,
        frame_indices=tuple(range(cine.image.shape[0])),
        trigger_ms=cine.trigger_ms,
        slice_indices=geometry.slice_indices,
        slices_ordered=geometry.ordered,
    )
    return RawSubject(
        subject_id,
        {**header_attributes(cine.first.entry), **(attributes or {})},
        (stack,),
        rejects=(*cine.rejects, *masks.rejects),
        notes=(*cine.notes, *masks.notes, *phase_notes),
    )


def _geometry(stack: FrameStack, kept: list[int]) -> Geometry:
    """The grid of the slices that were read, numbered within the whole stack."""
    steps = [stack.steps[i] for i in kept]
    geometry = stack_geometry([stack.slices[i][0] for i in kept], steps)
    whole = stack_geometry([cine[0] for cine in stack.slices], stack.steps)
    return replace(geometry, step_mm=whole.step_mm) if len(kept) == 1 else geometry


def _agreed(words: list[str]) -> str:
    return words[0] if len(set(words)) == 1 else ""


def load_slices(slices: list[list[Frame]]) -> tuple[dict[int, Pixels], list[tuple[int, str]]]:
    """Decode a stack slice by slice.

    Args:
        slices: frames, slices x phases.

    Returns:
        (phases, rows, columns) per slice that could be read, as stored integers or, where any frame is rescaled, as
        float32; and (slice, reason) for the others.
    """
    rescaled = any((f.slope, f.intercept) != (1.0, 0.0) for cine in slices for f in cine)
    decoder = _Decoder()
    read: dict[int, Pixels] = {}
    failed: list[tuple[int, str]] = []
    for i, cine in enumerate(slices):
        try:
            images = [decoder.frame(f) for f in cine]
        except ReadError as error:
            failed.append((i, str(error)))
            continue
        if rescaled:
            images = [
                image.astype(np.float32) * np.float32(f.slope) + np.float32(f.intercept)
                for image, f in zip(images, cine, strict=True)
            ]
        read[i] = np.stack(images)
    return read, failed


class _Decoder:
    """Decodes frames, keeping the last file, so that a multi-frame file is decoded once."""

    def __init__(self) -> None:
        self._entry: Entry | None = None
        self._pixels: Pixels = np.empty(0)

    def frame(self, frame: Frame) -> Pixels:
        if self._entry is not frame.entry:
            self._pixels, self._entry = decode(frame.entry), frame.entry
        image = self._pixels if frame.index is None or self._pixels.ndim == 2 else self._pixels[frame.index]
        if image.shape != frame.shape:
            raise ReadError(f"{frame.entry.base}: expected an image of {frame.shape}, got {image.shape}")
        return image
