"""A small cohort that has what formats differ in, and how to compare it with what a reader gives back."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import hide_unknown
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.readers import get_reader
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.cohort.writers.subjects import Subject, iter_subjects
from tests.cohort.making import disc_mask

SPACING = (1.4, 1.25)  # unequal, so that swapped axes are noticed
SHAPE = (2, 5, 48, 40)
STEP = 9.0
FULL = {
    "sex": "female",
    "age": 61.0,
    "height_cm": 165.0,
    "weight_kg": 70.5,
    "bmi": 25.9,
    "diagnosis": "HCM",
    "vendor": "Siemens",
    "scanner": "Aera",
    "field_strength_t": 1.5,
    "heart_rate": 60.0,
    "smoker": True,
}


def short_axis_affine() -> npt.NDArray[np.float64]:
    """(column, row, slice, 1) -> RAS millimetres of a short axis as hearts lie, slices base to apex."""
    normal = np.array([-0.6, 0.6, -0.5]) / np.linalg.norm([0.6, 0.6, 0.5])  # RAS: left, forward, down
    columns = np.cross(normal, [0.0, 0.0, 1.0])
    columns /= np.linalg.norm(columns)
    affine = np.eye(4)
    affine[:3, 0] = columns * SPACING[1]
    affine[:3, 1] = np.cross(normal, columns) * SPACING[0]
    affine[:3, 2] = normal * STEP
    affine[:3, 3] = (30.0, -20.0, 45.0)
    return affine


def records(
    subject_id: str,
    seed: int,
    structures: tuple[str, ...] = ("lv", "myo", "rv"),
    shape: tuple[int, int, int, int] = SHAPE,
    phases: tuple[str, ...] = ("ED", "ES"),
    frame_indices: tuple[int, ...] = (0, 11),
    skip: tuple[int, ...] = (),
    **changes: Any,
) -> tuple[ImageRecord, ...]:
    """Rows of one subject: a disc-shaped heart in noise, smaller in the second frame."""
    rng = np.random.default_rng(seed)
    mask = disc_mask(shape, (3.0, 3.0), range(0, shape[1]), (shape[2] / 2, shape[3] / 2 + 3))
    mask[1:] = np.where(np.roll(mask[1:], 2, axis=-1) == mask[1:], mask[1:], 0)
    image = np.clip(rng.random(shape) * 0.2 + (mask == 1) * 0.7 + (mask == 2) * 0.2, 0, 1).astype(np.float16)
    drawn = {"lv": 1, "myo": 2, "rv": 3}
    mask = np.where(np.isin(mask, [drawn[s] for s in structures]), mask, 0).astype(np.uint8)
    stored = hide_unknown(mask, structures) if structures else np.full(shape, 255, dtype=np.uint8)
    geometry: dict[str, Any] = {
        "spacing_row_mm": SPACING[0],
        "spacing_column_mm": SPACING[1],
        "slice_step_mm": STEP,
        "slice_thickness_mm": 8.0,
        "affine": tuple(short_axis_affine().ravel()),
        "trigger_ms": tuple(30.0 * i for i in frame_indices),
        "origin": "synthetic",
    }
    return tuple(
        ImageRecord(
            image=image[:, z],
            mask=stored[:, z],
            subject_id=subject_id,
            stack=0,
            slice_index=z,
            slice_count=shape[1],
            phases=phases,
            labelled=(",".join(structures),) * shape[0],
            frame_indices=frame_indices,
            **geometry | changes,
        )
        for z in range(shape[1])
        if z not in skip
    )


def build(out: Path, subjects: list[tuple[str, dict[str, Any], tuple[ImageRecord, ...]]]) -> Cohort:
    """A cohort of given subjects; attributes may hold a `split`."""
    with CohortWriter(out, {"step": "test"}, "float16", (SHAPE[2], SHAPE[3])) as writer:
        for subject_id, attributes, images in subjects:
            writer.add(SubjectRecord(subject_id, subject_id, {"split": "train", **attributes}, images))
        writer.finish(None, [])
    return Cohort.open(out)


def standard_cohort(out: Path) -> Cohort:
    """Full labels and attributes; LV only; attributes missing (test split); and a validation subject."""
    return build(
        out,
        [
            ("p01", dict(FULL), records("p01", 1)),
            ("p02", {"sex": "male", "age": 44.0, "diagnosis": "NOR"}, records("p02", 2, ("lv",))),
            ("p03", {"split": "test"}, records("p03", 3)),
            (
                "p04",
                {"sex": "male", "split": "validation"},
                records("p04", 4, phases=("ED", "ES"), frame_indices=(0, 9)),
            ),
        ],
    )


def read_all(format_: str, source: Path) -> dict[str, RawSubject]:
    """Every subject that a reader finds, by its id."""
    reader = get_reader(format_)
    read = [reader.read(source, case) for case in reader.cases(source)]
    return {raw.subject_id: raw for raw in read}


def written(cohort: Cohort) -> dict[str, Subject]:
    """Every subject of a cohort, by its id."""
    return {subject.subject_id: subject for subject in iter_subjects(cohort)}


def assert_same_pixels(subject: Subject, raw: RawSubject, tolerance: float, masks: bool = True) -> None:
    """The only stack of a subject came back: pixels, labels, phases and spacing."""
    (expected,), (stack,) = subject.stacks, raw.stacks
    order = [stack.phases.index(p) for p in expected.phases]
    image = stack.image[order].astype(np.float64)
    assert image.shape == expected.image.shape
    np.testing.assert_allclose(image, expected.image, atol=tolerance)
    if masks:
        assert stack.mask is not None
        np.testing.assert_array_equal(stack.mask[order], expected.mask)
        assert [",".join(stack.labelled_in(t)) for t in order] == list(expected.labelled)
    assert stack.spacing_mm is not None
    assert expected.spacing_mm is not None
    np.testing.assert_allclose(stack.spacing_mm, expected.spacing_mm, rtol=1e-5)
    np.testing.assert_allclose(stack.slice_step_mm, expected.slice_step_mm, rtol=1e-5)


def assert_same_place(subject: Subject, stack: Stack, atol: float = 1e-3) -> None:
    """Every voxel lies where it lay."""
    affine = subject.stacks[0].affine
    assert stack.affine is not None
    assert affine is not None
    np.testing.assert_allclose(stack.affine, affine, atol=atol)
