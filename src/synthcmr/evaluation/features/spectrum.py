"""How much power an image has at each frequency: log power in rings that both cohorts share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.features.stream import FrameBatch, Values
from synthcmr.frequency import fourier, rings
from synthcmr.frequency.fourier import Floats, Plane, spectra
from synthcmr.frequency.rings import Rings

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort

COUNT = 24
Spacing = tuple[float, float] | None


class SpectrumExtractor:
    """Log power density of the first frame shown, ring by ring, without what borders leak."""

    name = "spectrum"

    def __init__(self, shared: Rings) -> None:
        """Take the rings; `of_both` chooses those that suit two cohorts."""
        self.rings = shared
        code = b"".join(Path(str(m.__file__)).read_bytes() for m in (fourier, rings))
        self.hash = hashlib.sha256(code + Path(__file__).read_bytes() + repr(shared).encode()).hexdigest()
        self.columns = tuple(f"{centre:.3g}" for centre in shared.centres)

    @classmethod
    def of_both(cls, real: Cohort, synthetic: Cohort) -> Self:
        """In cycles per millimetre where every image of both tells its pixels, else in cycles per pixel."""
        columns = ["height", "width", "spacing_row_mm", "spacing_column_mm"]
        sizes = [cohort.images[columns].to_numpy(dtype=float) for cohort in (real, synthetic)]
        in_mm = all(np.isfinite(size).all() for size in sizes)
        results = [
            _plane(one, in_mm) for size in sizes for one in np.unique(size if in_mm else size[:, :2], axis=0).tolist()
        ]
        coarsest = min(results, key=lambda p: p.corner)  # beyond it one side would have nothing to show
        return cls(Rings.of(coarsest, min(COUNT, min(coarsest.rows, coarsest.columns) // 2)))

    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch; NaN where an image is the same everywhere."""
        return np.concatenate([self._of_part(part) for part in batch.parts()])

    def _of_part(self, batch: FrameBatch) -> Values:
        image = batch.image[:, 0]
        values = np.full((len(image), len(self.columns)), np.nan, dtype=np.float32)
        spacing = batch.spacing_mm() if self.rings.unit == "mm" else np.zeros((len(image), 2))
        for one in np.unique(spacing, axis=0):
            rows = np.flatnonzero((spacing == one).all(axis=1) & (np.ptp(image, axis=(1, 2)) > 0))
            if len(rows):
                values[rows] = self._log_power(image[rows], _plane([*image.shape[1:], *one], self.rings.unit == "mm"))
        return values

    def _log_power(self, image: npt.NDArray[np.floating], of: Plane) -> Floats:
        return self.rings.log_power(spectra(image, of))


def _plane(size: list[float], in_mm: bool) -> Plane:
    spacing: Spacing = (float(size[2]), float(size[3])) if in_mm else None
    return Plane(int(size[0]), int(size[1]), spacing)
