"""One heart as masks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from synthcmr.cohort.attributes import Value
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.measures import measure


@dataclass(frozen=True)
class Anatomy:
    """The masks of one subject at end-diastole and end-systole."""

    mask: Mask  # (2, slices, rows, columns), canonical labels, base -> apex
    spacing_mm: tuple[float, float]
    slice_step_mm: float
    slice_thickness_mm: float
    source: str  # "generated", "real:<subject>", "deformed:<subject>"
    phases: tuple[str, ...] = ("ED", "ES")
    attributes: Mapping[str, Value] = field(default_factory=dict)  # asked for and, where not, drawn
    asked: Mapping[str, float] = field(default_factory=dict)  # what the heart was drawn, or asked, to measure

    def numbers(self) -> dict[str, float]:
        """Volumes (ml), ejection fractions (%), mass (g) and thickest wall (mm), counted on the masks."""
        return measure(self.mask, self.spacing_mm, self.slice_step_mm)
