"""What is measured of the cines of a cohort, subject by subject."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.evaluation.adherence.outlines import segmented
from synthcmr.evaluation.motion.flicker import LEAST_PHASES, closure, flicker, regions
from synthcmr.judges.segmenter import Segmenter
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import weights_file

Numbers = npt.NDArray[np.float64]
CODE = ("flicker.py", "volume_curve.py", "cine_measures.py")


@dataclass(frozen=True)
class CineMeasures:
    """Of one subject; flicker and closure are means over the slices that show the left ventricle."""

    place: int  # row of `cohort.subjects`
    flicker: Numbers  # (6,)
    closure: float
    volume: Numbers  # of each phase, pixels of the cavity over all slices


def phase_counts(cohort: Cohort) -> Counter[int]:
    """Numbers of phases of the cines of a cohort -> subjects that have one."""
    cines = cohort.images[cohort.images["n_frames"] >= LEAST_PHASES]
    return Counter(int(n) for _, n in {(r.subject_id, r.n_frames) for r in cines.itertuples()})


def common_phases(real: Cohort, synthetic: Cohort) -> int | None:
    """The number of phases that most subjects of both sides have; slower sampling alone would make steps larger."""
    a, b = phase_counts(real), phase_counts(synthetic)
    return max(a.keys() & b.keys(), key=lambda n: (min(a[n], b[n]), n), default=None)


class CineJudge:
    """Finds the left ventricle in every phase of both sides: real cines rarely have masks of more than two."""

    def __init__(self, run: Path | None, min_pixels: int) -> None:
        """Load a segmenter of `synthcmr judge fit segmenter`, or the one that ships."""
        self._segmenter, self._least = Segmenter.load(weights_file(run) if run else shipped("segmenter")), min_pixels
        code = b"".join((Path(__file__).parent / name).read_bytes() for name in CODE)
        self.hash = hashlib.sha256(f"{self._segmenter.hash} {min_pixels}".encode() + code).hexdigest()

    def of(
        self, cohort: Cohort, phases: int, report: Callable[[int, int], None] = lambda done, total: None
    ) -> list[CineMeasures]:
        """Measures of every subject with a cine of so many phases in which the ventricle is seen."""
        subjects = cohort.subjects["subject_id"].tolist()
        results = []
        for place, subject in enumerate(subjects):
            stacks = [s for s in cohort.stacks(subject) if s.frame_count == phases and s.spacing_mm is not None]
            if stacks:
                measured = self._measured(place, max(stacks, key=lambda s: s.image.shape[1]))
                results += [] if measured is None else [measured]
            report(place + 1, len(subjects))
        return results

    def _measured(self, place: int, stack: SubjectStack) -> CineMeasures | None:
        slices = list(self._slices(stack))
        if not slices:
            return None
        flickers, closures, volumes = (np.array(column) for column in zip(*slices, strict=True))
        return CineMeasures(place, flickers.mean(axis=0), float(closures.mean()), volumes.sum(axis=0))

    def _slices(self, stack: SubjectStack) -> Iterator[tuple[Numbers, float, Numbers]]:
        """Flicker, closure and pixels of the cavity in each phase, of the slices that show it."""
        spacing = float(np.mean(stack.spacing_mm)) if stack.spacing_mm else 1.0
        for cine in stack.image.swapaxes(0, 1):
            cavity = segmented(self._segmenter, cine) == Label.LV
            area = cavity.sum(axis=(1, 2)).astype(np.float64)
            there = regions(cavity, spacing) if area.mean() >= self._least else None
            if there is not None:
                yield flicker(cine, *there), closure(cine, there.heart), area
