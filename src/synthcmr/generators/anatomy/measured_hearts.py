"""What an anatomy generator learns from: the hearts of a cohort, described, measured, and whose they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from synthcmr.cohort import Cohort
from synthcmr.cohort.measures import measure
from synthcmr.generators.anatomy.anatomy import usable_stack
from synthcmr.generators.anatomy.shape_space import AnatomySettings, Described, describe


@dataclass(frozen=True)
class MeasuredHearts:
    """The subjects whose masks hold LV, myocardium and RV at ED and ES, in the order of the cohort."""

    hearts: list[Described]
    numbers: list[dict[str, float]]
    rows: list[dict[str, Any]]
    steps: list[float]
    systolic_mass: list[float]

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        settings: AnatomySettings,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> MeasuredHearts:
        """Those of the training split, or of a cohort that has none."""
        chosen = cohort.select(split="train") if (cohort.subjects["split"] == "train").any() else cohort
        measured = cls([], [], [], [], [])
        subjects = list(chosen.subjects["subject_id"])
        for i, subject in enumerate(subjects):
            measured._add(chosen, subject, settings)
            if progress is not None:
                progress(i + 1, len(subjects), str(subject))
        return measured

    def _add(self, cohort: Cohort, subject: str, settings: AnatomySettings) -> None:
        """Take in one subject, where its masks allow."""
        stack = usable_stack(cohort, subject)
        if stack is None or stack.spacing_mm is None or stack.slice_step_mm is None:
            return
        heart = describe(stack.mask, stack.spacing_mm, stack.slice_step_mm, settings)
        numbers = measure(stack.mask, stack.spacing_mm, stack.slice_step_mm)
        if heart is None or not {"lv_ef_percent", "rv_ef_percent"} <= set(numbers) or numbers["wall_max_mm"] <= 0:
            return
        self.hearts.append(heart)
        self.numbers.append(numbers)
        self.rows.append(cohort.attributes(subject))
        self.steps.append(round(stack.slice_step_mm, 3))
        muscle = (stack.mask == 2).sum(axis=(1, 2, 3))
        self.systolic_mass.append(float(muscle[1] / max(muscle[0], 1)))
