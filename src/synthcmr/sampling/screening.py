"""Screening of generated images: is the mask a heart, is it found again, is the patient recognised, is it a near copy; and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.generators.fingerprints import Fingerprints
from synthcmr.judges.reader import AttributeReader, by_subject
from synthcmr.judges.scores import category_probability, mean_dice
from synthcmr.judges.segmenter import Segmenter
from synthcmr.sampling.settings import ScreenSettings
from synthcmr.training.shipped_weights import shipped

MIN_ENCLOSED = 0.6  # share of the cavity's border that is wall; basal slices open towards the outflow tract
MIN_WALL_SHARE = 0.15  # of the ventricle's area
PARTS_ALLOWED = 0.05  # of a structure's area that may lie apart from its largest part


def implausible(mask: Mask) -> str | None:
    """Why the masks of one slice are no heart; None where they may be one.

    Args:
        mask: (frames, rows, columns), canonical labels.
    """
    for frame in mask:
        reason = _frame(frame)
        if reason is not None:
            return reason
    return None


def _frame(mask: Mask) -> str | None:
    from scipy.ndimage import binary_dilation, label

    for structure in (Label.LV, Label.MYOCARDIUM, Label.RV):
        region = mask == structure
        if not region.any():
            continue
        parts, count = label(region, np.ones((3, 3)))
        if count > 1 and 1 - np.bincount(parts.ravel())[1:].max() / region.sum() > PARTS_ALLOWED:
            return f"{structure.name.lower()} in {count} parts"
    cavity, wall = mask == Label.LV, mask == Label.MYOCARDIUM
    if not cavity.any():
        return None
    border = binary_dilation(cavity, np.ones((3, 3))) & ~cavity
    if wall[border].mean() < MIN_ENCLOSED:
        return "the wall does not enclose the cavity"
    if wall.sum() < MIN_WALL_SHARE * (wall.sum() + cavity.sum()):
        return "the wall is thinner than any heart's"
    return None


@dataclass(frozen=True)
class ScreeningResult:
    """What the judges measured, and why it was rejected, if it was."""

    reasons: tuple[str, ...]
    measures: dict[str, float]  # screen_dice, screen_similarity, read_<attribute>


@dataclass(frozen=True)
class Screen:
    """The judges, and their limits."""

    settings: ScreenSettings
    segmenter: Segmenter
    reader: AttributeReader
    fingerprints: Fingerprints | None

    @classmethod
    def load(cls, settings: ScreenSettings, judges: Path | None, fingerprints: Path | None) -> Screen:
        """The shipped judges, or those in a folder (`segmenter` and `reader` runs), and the fingerprints of a run."""
        from synthcmr.training.weights import weights_file

        segmenter = shipped("segmenter") if judges is None else weights_file(judges / "segmenter")
        reader = shipped("reader") if judges is None else weights_file(judges / "reader")
        known = None if fingerprints is None else Fingerprints.load(fingerprints)
        return cls(settings, Segmenter.load(segmenter), AttributeReader.load(reader), known)

    def judge(self, image: npt.NDArray[np.float32], mask: Mask, requested: Mapping[str, object]) -> ScreeningResult:
        """Look at one stack, or at one slice of a stack.

        Args:
            image: (frames, slices, rows, columns).
            mask: the requested one.
            requested: attributes of the patient.
        """
        kind = "slice" if image.shape[1] == 1 else "stack"
        reasons = [f"mask: {why}" for why in {implausible(mask[:, z]) for z in range(mask.shape[1])} if why]
        measures: dict[str, float] = {}
        self._agreement(image, mask, kind, reasons, measures)
        self._attributes(image, requested, kind, reasons, measures)
        self._copy(image, reasons, measures)
        return ScreeningResult(tuple(sorted(reasons)), measures)

    def _agreement(
        self, image: npt.NDArray[np.float32], mask: Mask, kind: str, reasons: list[str], measures: dict[str, float]
    ) -> None:
        agreement = mean_dice(self.segmenter.segment(image), mask)
        if agreement != agreement:
            return
        measures["screen_dice"] = round(agreement, 4)
        own = self.segmenter.limits.get(kind, {}).get("dice", 0.0)
        limit = own if self.settings.min_dice is None else self.settings.min_dice
        if agreement < limit:
            reasons.append("re-segmentation disagrees with the mask")

    def _attributes(
        self,
        image: npt.NDArray[np.float32],
        requested: Mapping[str, object],
        kind: str,
        reasons: list[str],
        measures: dict[str, float],
    ) -> None:
        slices = np.ascontiguousarray(image.transpose(1, 0, 2, 3))
        if slices.shape[1] != self.reader.frames:
            return
        _, reading = by_subject(self.reader.read(slices), ["one"] * len(slices))
        limits = self.reader.limits.get(kind, {})
        for name, value in requested.items():
            probability = category_probability(reading, name, 0, value)
            if probability is not None:
                measures[f"read_{name}"] = round(probability, 4)
                if probability < min(limits.get(name, 0.0), self.settings.min_probability):
                    reasons.append(f"{name} is not seen in the image")
            elif name in reading.numbers:
                seen = float(reading.numbers[name][0])
                measures[f"read_{name}"] = round(seen, 2)
                if abs(seen - float(str(value))) > limits.get(name, np.inf) * self.settings.number_margin:
                    reasons.append(f"{name} is not seen in the image")

    def _copy(self, image: npt.NDArray[np.float32], reasons: list[str], measures: dict[str, float]) -> None:
        if self.fingerprints is None:
            return
        slices = np.ascontiguousarray(image.transpose(1, 0, 2, 3))
        if not self.fingerprints.fits(slices):
            return
        nearest = float(self.fingerprints.nearest(slices).max())
        measures["screen_similarity"] = round(nearest, 4)
        if nearest > max(self.fingerprints.limit, self.settings.max_similarity):
            reasons.append("nearly a copy of a training image")
