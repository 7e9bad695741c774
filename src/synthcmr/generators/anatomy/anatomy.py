"""One heart as masks: drawn, real, or real and bent so that it is nobody's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import Value
from synthcmr.cohort.labels import STRUCTURES, Mask
from synthcmr.cohort.measures import measure
from synthcmr.cohort.subject_stack import SubjectStack

KNOTS = 4  # of the displacement field across the image, and along the heart
DISPLACEMENT_MM, TURN_DEG, STRETCH = 4.0, 8.0, 0.06  # standard deviations at strength 1


@dataclass(frozen=True)
class Anatomy:
    """The masks of one subject at end-diastole and end-systole."""

    mask: Mask  # (2, slices, rows, columns), canonical labels, base -> apex
    spacing_mm: tuple[float, float]
    slice_step_mm: float
    slice_thickness_mm: float
    source: str  # "generated", "real:<subject>", "deformed:<subject>"
    phases: tuple[str, ...] = ("ED", "ES")
    attributes: Mapping[str, Value] = field(default_factory=dict)  # requested and, where not, drawn
    requested: Mapping[str, float] = field(default_factory=dict)  # what the heart was drawn, or requested, to measure

    def numbers(self) -> dict[str, float]:
        """Volumes (ml), ejection fractions (%), mass (g) and thickest wall (mm), counted on the masks."""
        return measure(self.mask, self.spacing_mm, self.slice_step_mm)


def usable_stack(cohort: Cohort, subject: str) -> SubjectStack | None:
    """The stack of a subject that has all structures drawn at ED and ES, reduced to these two frames."""
    for stack in cohort.stacks(subject):
        if not {"ED", "ES"} <= set(stack.phases):
            continue
        frames = [stack.phases.index("ED"), stack.phases.index("ES")]
        if all(set(stack.labelled[f].split(",")) == {"lv", "myo", "rv"} for f in frames):
            return replace(stack, image=stack.image[frames], mask=stack.mask[frames], phases=("ED", "ES"))
    return None


def real_anatomies(cohort: Cohort) -> Iterator[Anatomy]:
    """The masks of every subject that has all structures drawn at ED and ES."""
    for subject in cohort.subjects["subject_id"]:
        stack = usable_stack(cohort, subject)
        if stack is None or stack.spacing_mm is None:
            continue
        step = stack.slice_step_mm or 10.0
        yield Anatomy(
            stack.mask,
            stack.spacing_mm,
            step,
            stack.slice_thickness_mm or min(8.0, step),
            f"real:{subject}",
            attributes=cohort.attributes(subject),
        )


def deform(anatomy: Anatomy, rng: np.random.Generator, strength: float = 1.0) -> Anatomy:
    """Bend an anatomy smoothly: one displacement for both phases, varying slowly along the heart."""
    from scipy.ndimage import map_coordinates

    at = _coordinates(anatomy, rng, strength)
    frames = []
    for frame in anatomy.mask:
        share = [
            np.stack(
                [
                    map_coordinates((one == label).astype(np.float32), where, order=1)
                    for one, where in zip(frame, at, strict=True)
                ]
            )
            for label in STRUCTURES.values()
        ]
        frames.append(_most_of([1.0 - np.sum(share, axis=0), *share]))
    bent = np.stack(frames)
    return replace(anatomy, mask=bent, source=anatomy.source.replace("real:", "deformed:"))


def _most_of(shares: list[npt.NDArray[np.float32]]) -> Mask:
    values = np.array([0, *STRUCTURES.values()], dtype=np.uint8)
    return values[np.argmax(shares, axis=0)]


def _coordinates(anatomy: Anatomy, rng: np.random.Generator, strength: float) -> npt.NDArray[np.float64]:
    """Where each pixel of each slice is taken from, (slices, 2, rows, columns)."""
    from scipy.ndimage import zoom

    _, slices, rows, columns = anatomy.mask.shape
    knots = rng.standard_normal((2, KNOTS, KNOTS, KNOTS)) * strength * DISPLACEMENT_MM
    field = np.stack([zoom(k, (slices / KNOTS, rows / KNOTS, columns / KNOTS), order=3) for k in knots], axis=1)
    field /= np.array(anatomy.spacing_mm)[None, :, None, None]
    turn = np.radians(rng.normal(0, TURN_DEG * strength))
    stretch = np.exp(rng.normal(0, STRETCH * strength, 2))
    y, x = np.mgrid[:rows, :columns].astype(float)
    y, x = y - (rows - 1) / 2, x - (columns - 1) / 2
    turned = (
        np.stack([np.cos(turn) * y - np.sin(turn) * x, np.sin(turn) * y + np.cos(turn) * x]) / stretch[:, None, None]
    )
    middle = np.array([(rows - 1) / 2, (columns - 1) / 2])[:, None, None]
    return turned[None] + middle[None] + field
