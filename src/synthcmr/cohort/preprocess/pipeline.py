"""From a subject as it was acquired to its records as they are stored: attributes typed and screened, stacks made into image rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import clean
from synthcmr.cohort.identifiers import column_name, salted_id, screen, without_own_id
from synthcmr.cohort.labels import STRUCTURES, Label, Mask, is_drawn
from synthcmr.cohort.phases import frame_groups
from synthcmr.cohort.preprocess.grid import PixelAxis, PixelGrid
from synthcmr.cohort.preprocess.heart import heart_centre
from synthcmr.cohort.preprocess.orient import Level, base_first, septum_left, slice_levels
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.records import ImageRecord, Reject, SubjectRecord, plain_text
from synthcmr.cohort.splits import OFFICIAL
from synthcmr.config import PreprocessSettings
from synthcmr.errors import ReadError

RANGE_SAMPLES = 1 << 20  # pixels that percentiles are taken from; a cine holds many more and gives the same answer
PIXELS_MM, SLICES_MM = (0.02, 20.0), (0.05, 100.0)  # that a length may have
RESERVED = {"subject_id"}  # filled by the reader, never by an attribute


@dataclass(frozen=True)
class Prepared:
    """A whole stack on its output grid."""

    stack: Stack
    image: npt.NDArray[np.float32]  # (frames, slices, rows, columns)
    mask: Mask
    grid: PixelGrid
    low: float | None
    high: float | None


def preprocess(
    stack: Stack,
    subject_id: str,
    number: int,
    origin: str,
    settings: PreprocessSettings,
    groups: Sequence[tuple[int, ...]] | None = None,
) -> list[ImageRecord]:
    """Turn one stack into image rows.

    Args:
        stack: as a reader gave it.
        subject_id: whose it is.
        number: which stack of the subject it is.
        origin: "real", "phantom" or "synthetic".
        settings: what to do.
        groups: frames that become one image row each; default as the settings say.

    Raises:
        ReadError: the stack cannot be used: not finite, constant, or without the frames asked for.
    """
    _check(stack)
    groups = frame_groups(stack, settings.frames) if groups is None else groups
    ordered = base_first(stack)
    prepared = _prepare(septum_left(ordered) if settings.orientation == "septum" else ordered, settings)
    levels = _levels(prepared.stack)
    areas = _areas(prepared.stack)
    return [
        _record(prepared, frames, z, subject_id, number, origin, levels[z], areas)
        for frames in groups
        for z in range(prepared.stack.slice_count)
    ]


def _check(stack: Stack) -> None:
    image = stack.image
    if image.ndim != 4 or 0 in image.shape:
        raise ReadError(f"expected frames x slices x rows x columns with at least one of each, got shape {image.shape}")
    if stack.mask is not None and stack.mask.shape != image.shape:
        raise ReadError(f"mask and image differ in shape: mask {stack.mask.shape}, image {image.shape}")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ReadError(f"expected finite intensities, got {int((~np.isfinite(image)).sum())} NaN or infinite pixels")
    if image.min() == image.max():
        raise ReadError(f"expected an image, got the constant value {image.min()} everywhere")
    _check_geometry(stack)


def _check_geometry(stack: Stack) -> None:
    """Refuse lengths that no scan of a heart has, of a mouse's or a man's: a volume computed with them would be wrong.

    Raises:
        ReadError: a length is outside its range, or the affine is not finite.
    """
    row, column = stack.spacing_mm or (None, None)
    lengths = {
        "pixel size": (row, PIXELS_MM),
        "pixel width": (column, PIXELS_MM),
        "slice step": (stack.slice_step_mm, SLICES_MM),
        "slice thickness": (stack.slice_thickness_mm, SLICES_MM),
    }
    for what, (value, (low, high)) in lengths.items():
        if value is not None and not low <= value <= high:
            raise ReadError(f"expected a {what} of {low:g} to {high:g} mm, got {value:g} mm")
    if stack.affine is not None and not np.isfinite(stack.affine).all():
        raise ReadError("expected an affine of finite numbers, got NaN or infinite ones")


def _prepare(stack: Stack, settings: PreprocessSettings) -> Prepared:
    grid = _grid(stack, settings)
    low, high = _range(stack.image, settings)
    image = grid.image(stack.image, settings.kernel)
    if low is not None and high is not None:
        inside = grid.image(np.ones((1, 1, *stack.image.shape[-2:]), dtype=np.uint8), "linear") > 0.5
        image = np.where(inside, np.clip((image - low) / (high - low), 0.0, 1.0), 0.0).astype(np.float16)
    native = stack.mask if stack.mask is not None else np.full(stack.image.shape, Label.UNLABELLED, dtype=np.uint8)
    return Prepared(stack, image, grid.mask(native), grid, low, high)


def _grid(stack: Stack, settings: PreprocessSettings) -> PixelGrid:
    lengths = stack.image.shape[-2:]
    steps = (1.0, 1.0)
    if settings.spacing_mm is not None and stack.spacing_mm is not None:
        steps = (settings.spacing_mm / stack.spacing_mm[0], settings.spacing_mm / stack.spacing_mm[1])
    centre = heart_centre(stack, settings) if settings.size is not None else tuple((n - 1) / 2.0 for n in lengths)
    axes = []
    for length, step, position in zip(lengths, steps, centre, strict=True):
        size = settings.size if settings.size is not None else max(1, round(length / step))
        if step == 1.0:  # without resampling a crop must copy pixels, so it starts on one
            position = round(position - (size - 1) / 2.0) + (size - 1) / 2.0
        axes.append(PixelAxis(size, step, position))
    return PixelGrid(axes[0], axes[1])


def _range(image: npt.NDArray[np.generic], settings: PreprocessSettings) -> tuple[float | None, float | None]:
    """Intensities that become 0 and 1, one pair for the whole stack so that its slices and frames stay comparable."""
    if settings.intensity == "none":
        return None, None
    stride = 1 + image.size // RANGE_SAMPLES
    sample = image.reshape(-1)[::stride].astype(np.float32)
    low, high = np.percentile(sample, [settings.low_percentile, settings.high_percentile])
    if high <= low:
        return float(image.min()), float(image.max())
    return float(low), float(high)


def _levels(stack: Stack) -> list[Level]:
    """Third and fraction of every slice, where masks and a known order tell."""
    if stack.mask is None or not stack.slices_ordered:
        return [(None, None)] * stack.slice_count
    return slice_levels(stack.mask)


def _areas(stack: Stack) -> dict[str, npt.NDArray[np.float64]] | None:
    """Area of each structure on the native pixels, mm2, (frames, slices)."""
    if stack.mask is None or stack.spacing_mm is None:
        return None
    pixel = stack.spacing_mm[0] * stack.spacing_mm[1]
    return {name: (stack.mask == label).sum(axis=(2, 3)) * pixel for name, label in STRUCTURES.items()}


def _of_slice(
    areas: dict[str, npt.NDArray[np.float64]] | None, name: str, frames: list[int], z: int
) -> tuple[float, ...]:
    return () if areas is None else tuple(float(v) for v in areas[name][frames, z])


def _record(
    prepared: Prepared,
    frames: tuple[int, ...],
    z: int,
    subject_id: str,
    number: int,
    origin: str,
    level: tuple[str | None, float | None],
    areas: dict[str, npt.NDArray[np.float64]] | None,
) -> ImageRecord:
    stack, grid = prepared.stack, prepared.grid
    pick = list(frames)
    affine = _stored_affine(stack, grid)
    spacing = stack.spacing_mm
    first_slice = stack.slice_indices[z] if stack.slice_indices else z
    return ImageRecord(
        image=prepared.image[pick, z],
        mask=prepared.mask[pick, z],
        subject_id=subject_id,
        stack=number,
        slice_index=first_slice,
        slice_count=stack.slice_count,
        phases=tuple(stack.phases[k] for k in pick),
        labelled=tuple(",".join(stack.labelled_in(k)) for k in pick),
        slice_level=level[0],
        slice_fraction=level[1],
        frame_indices=tuple(stack.frame_indices[k] if stack.frame_indices else k for k in pick),
        trigger_ms=tuple(float(stack.trigger_ms[k]) for k in pick) if stack.trigger_ms else (),
        spacing_row_mm=None if spacing is None else spacing[0] * grid.rows.step,
        spacing_column_mm=None if spacing is None else spacing[1] * grid.columns.step,
        slice_step_mm=stack.slice_step_mm,
        slice_thickness_mm=stack.slice_thickness_mm,
        affine=None if affine is None else tuple(float(v) for v in affine.ravel()),
        intensity_low=prepared.low,
        intensity_high=prepared.high,
        area_lv_mm2=_of_slice(areas, "lv", pick, z),
        area_myo_mm2=_of_slice(areas, "myo", pick, z),
        area_rv_mm2=_of_slice(areas, "rv", pick, z),
        heart_cut=_is_cut(prepared, pick, z),
        origin=origin,
        extra={name: tuple(v[pick, z]) if isinstance(v, np.ndarray) else v for name, v in stack.columns.items()},
    )


def _stored_affine(stack: Stack, grid: PixelGrid) -> npt.NDArray[np.float64] | None:
    """The stored affine counts slices by slice_index, so that it is the same for every row of a stack."""
    if stack.affine is None:
        return None
    start = np.eye(4)
    start[2, 3] = -float(stack.slice_indices[0] if stack.slice_indices else 0)
    return grid.affine(stack.affine) @ start


def _is_cut(prepared: Prepared, frames: list[int], z: int) -> bool:
    """Whether the crop lost labelled pixels: their share outside the grid exceeds what resampling explains."""
    mask = prepared.stack.mask
    if mask is None:
        return False
    rows, columns = np.nonzero(is_drawn(mask[frames, z]).any(axis=0))
    if not rows.size:
        return False
    r, c = prepared.grid.rows.positions, prepared.grid.columns.positions
    return bool(
        rows.min() < r[0] - 1 or rows.max() > r[-1] + 1 or columns.min() < c[0] - 1 or columns.max() > c[-1] + 1
    )


def to_record(raw: RawSubject, case_id: str, settings: PreprocessSettings, salt: str | None = None) -> SubjectRecord:
    """Type and screen the attributes of a subject, and preprocess its stacks."""
    own_id = plain_text(raw.subject_id)
    subject_id = salted_id(own_id, salt) if salt else own_id
    kept, dropped = screen({_column(k): v for k, v in raw.attributes.items()})
    attributes, remarks = clean(kept)
    if salt:
        attributes, repeated = without_own_id(attributes, (own_id, case_id, case_id.rpartition("/")[2]))
        dropped |= repeated
    attributes |= {OFFICIAL: raw.official_split} if raw.official_split else {}
    rejects = [Reject(case_id, part, reason) for part, reason in raw.rejects]
    rejects += [Reject(case_id, "attributes", text, "note") for text in (*raw.notes, *remarks)]
    rejects += [Reject(case_id, part, text, "note") for part, text in raw.remarks]
    images: list[ImageRecord] = []
    for number, stack in enumerate(raw.stacks):
        try:
            images += preprocess(stack, subject_id, number, raw.origin, settings)
        except ReadError as error:
            rejects.append(Reject(case_id, f"stack {number}", str(error)))
    rejects += _remarks_on(images, case_id)
    if not images:
        if not any(r.level == "reject" for r in rejects):
            rejects.append(Reject(case_id, "subject", "no image was found in it"))
        return SubjectRecord(case_id, None, rejects=tuple(rejects), dropped=dropped)
    return SubjectRecord(
        case_id, subject_id, attributes, tuple(images), tuple(rejects), measures=dict(raw.measures), dropped=dropped
    )


def _column(name: str) -> str:
    clean_name = column_name(name)
    return f"{clean_name}_given" if clean_name in RESERVED else clean_name


def _remarks_on(images: Iterable[ImageRecord], case_id: str) -> list[Reject]:
    cut = [str(i.slice_index) for i in images if i.heart_cut]
    if not cut:
        return []
    return [Reject(case_id, f"slice {','.join(cut)}", "the crop cuts labelled pixels off; use a larger --size", "note")]
