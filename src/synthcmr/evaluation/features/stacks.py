"""Numbers of whole stacks: what the heart measures, and how slices follow one another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import measures as stack_measures
from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.measures import measure
from synthcmr.evaluation.features.stream import FrameBatch, Rows, Values

HEART: dict[str, tuple[str, str]] = {  # measure -> in words, unit
    "lv_edv_ml": ("LV EDV", "ml"),
    "lv_esv_ml": ("LV ESV", "ml"),
    "lv_ef_percent": ("LV EF", "%"),
    "lv_mass_g": ("LV mass", "g"),
    "rv_edv_ml": ("RV EDV", "ml"),
    "rv_esv_ml": ("RV ESV", "ml"),
    "rv_ef_percent": ("RV EF", "%"),
    "wall_max_mm": ("thickest wall", "mm"),
}
AT_ES = ("lv_esv_ml", "lv_ef_percent", "rv_esv_ml", "rv_ef_percent")
NEXT: dict[str, str] = {
    "inside": "likeness of adjacent slices, heart",
    "outside": "likeness of adjacent slices, around it",
    "outline": "overlap of adjacent outlines",
}
LEAST_SLICES = 4  # of a stack that is a heart rather than a piece of one
FEW = 100  # pixels, below which a correlation is of noise


def stacks(batch: FrameBatch) -> Iterator[Rows]:
    """Places in a batch of the slices of each stack, base to apex."""
    places = batch.table.reset_index(drop=True)
    key = [places["subject_id"], places["stack"], places["frame_indices"].map(tuple)]
    for _, rows in places.groupby(key, sort=False):
        yield rows.sort_values("slice_index").index.to_numpy()


class HeartExtractor:
    """What the heart of each image's stack measures on the masks that came with it, the same for all its slices."""

    name = "heart"
    columns = tuple(HEART)

    def __init__(self) -> None:
        """Nothing is learned."""
        self.hash = _hash_of(Path(__file__), Path(stack_measures.__file__))

    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch."""
        result = np.full((len(batch.rows), len(self.columns)), np.nan, dtype=np.float32)
        spacing = batch.spacing_mm()
        step = batch.table["slice_step_mm"].to_numpy(dtype=float)
        for rows in stacks(batch):
            first = rows[0]
            if len(rows) >= LEAST_SLICES and np.isfinite([*spacing[first], step[first]]).all():
                mask = batch.mask[rows].swapaxes(0, 1)
                result[rows] = heart_numbers(mask, (spacing[first][0], spacing[first][1]), step[first])
        return result


def heart_numbers(mask: Mask, spacing_mm: tuple[float, float], step_mm: float) -> npt.NDArray[np.float32]:
    """What a stack (frames, slices, rows, columns) measures, in the order of HEART; NaN for what it does not tell."""
    both = mask if len(mask) > 1 else np.repeat(mask, 2, axis=0)
    described = measure(both, spacing_mm, step_mm)
    if len(mask) < 2:
        described = {k: v for k, v in described.items() if k not in AT_ES}
    # nothing of a structure in the whole stack: it is not labelled, rather than that it measures nothing
    return np.array([described[k] if described.get(k, 0) > 0 else np.nan for k in HEART], dtype=np.float32)


class NextExtractor:
    """How each slice's first frame is like the next one's; NaN for the last of a stack."""

    name = "next"
    columns = tuple(NEXT)

    def __init__(self) -> None:
        """Nothing is learned."""
        self.hash = _hash_of(Path(__file__))

    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch."""
        result = np.full((len(batch.rows), len(self.columns)), np.nan, dtype=np.float32)
        image, mask = batch.image[:, 0], batch.mask[:, 0]
        index = batch.table["slice_index"].to_numpy()
        for rows in stacks(batch):
            for here, there in pairwise(rows):
                if index[there] == index[here] + 1:
                    result[here] = _likeness(image[here], image[there], mask[here], mask[there])
        return result


def _likeness(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], x: Mask, y: Mask) -> tuple[float, float, float]:
    """Correlations over pixels whose label stays, so that the anatomy's own change does not count, and outlines' Dice."""
    same = (x == y) & (x != Label.UNLABELLED)
    heart_x, heart_y = (np.isin(m, (Label.LV, Label.MYOCARDIUM)) for m in (x, y))
    total = heart_x.sum() + heart_y.sum()
    outline = 2 * (heart_x & heart_y).sum() / total if total >= FEW else np.nan
    return _correlation(a, b, same & (x > 0)), _correlation(a, b, same & (x == 0)), float(outline)


def _correlation(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], where: npt.NDArray[np.bool_]) -> float:
    if where.sum() < FEW or a[where].std() == 0 or b[where].std() == 0:
        return float("nan")
    return float(np.corrcoef(a[where].astype(np.float64), b[where].astype(np.float64))[0, 1])


def _hash_of(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
