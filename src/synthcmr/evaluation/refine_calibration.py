"""What a refining generator is set to after its training, by measurement: times of its steps, where phantoms begin."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.provenance import Input
from synthcmr.config import PreprocessSettings
from synthcmr.evaluation.sample_scores import frame_descriptors, ring_powers, thinned
from synthcmr.statistics.energy import distance
from synthcmr.training.training_task import Frames

if TYPE_CHECKING:
    from synthcmr.cohort.records import SubjectRecord
    from synthcmr.generators.refine.generator import RefineGenerator
    from synthcmr.judges.segmenter import Segmenter

BEGINS = (0.35, 0.45, 0.55, 0.65)  # of the way from noise (0) to image (1)
LATES = (1.5, 2.0, 2.5, 3.0)  # above 1: more of the steps close to the image; the finest frequencies depend on it
KEPT = 0.98  # of the Dice that phantoms themselves reach: what refined ones must keep
ALIKE = 1.05  # times a distance: what it may be by the draw of the frames
PHANTOMS, SEED = 8, 2026
LEVELS = ("basal", "mid", "apical")
STEPS = 8
CALIBRATION = "calibration"  # name in the header of the weights


@dataclass(frozen=True)
class BeginPoint:
    """What phantoms become that begin at one place."""

    begin: float
    distance: float  # mean energy distance of textures and ring powers to real frames, in standard deviations
    dice_share: float  # mean Dice of the shipped segmenter with the mask, as a share of that on the phantoms


@dataclass(frozen=True)
class LatePoint:
    """What phantoms become with the steps at some times."""

    late: float
    rings: float  # mean energy distance of ring powers to real frames, in standard deviations


@dataclass(frozen=True)
class Calibration:
    """What was measured, and what is chosen by it."""

    lates: tuple[LatePoint, ...]
    begins: tuple[BeginPoint, ...]

    @property
    def late(self) -> float:
        """The times of steps whose images have ring powers most like those of real ones."""
        return min(self.lates, key=lambda point: point.rings).late

    @property
    def best(self) -> BeginPoint:
        """The earliest of the places from which masks are kept that are about nearest to real images: there most is drawn anew.

        Where none keeps them, the one that keeps most.
        """
        keeping = [point for point in self.begins if point.dice_share >= KEPT]
        if keeping:
            nearest = min(point.distance for point in keeping)
            return next(point for point in keeping if point.distance <= ALIKE * nearest)
        return max(self.begins, key=lambda point: point.dice_share)

    def to_json(self) -> dict[str, Any]:
        """The curves, as plain values."""
        return {"late": [asdict(point) for point in self.lates], "begin": [asdict(point) for point in self.begins]}


@dataclass(frozen=True)
class _Phantoms:
    """Slices of phantoms."""

    image: npt.NDArray[np.float32]  # (slices, ED and ES, rows, columns)
    mask: Mask
    attributes: list[dict[str, Any]]

    def __len__(self) -> int:
        """Number of frames."""
        return self.image.shape[0] * self.image.shape[1]


def calibrate(run: Path, cohort: Cohort) -> tuple[RefineGenerator, str]:
    """Measure a finished run, and write what that says into its weights.

    A run that was measured before, or that is private, stays as it is: what is measured would tell of people without noise.

    Args:
        run: its folder.
        cohort: that it learned from.

    Returns:
        The generator, and a sentence that says what was chosen; empty where nothing was measured.
    """
    from synthcmr.generators.refine.generator import RefineGenerator
    from synthcmr.training.run_folder import WEIGHTS, RunFolder
    from synthcmr.training.weights import read_header, save_weights

    generator, header = RefineGenerator.load(run / WEIGHTS), read_header(run / WEIGHTS)
    if header.get("privacy") or CALIBRATION in header:
        return generator, ""
    measured = measure(generator, cohort)
    header["model"] |= {"begin": measured.best.begin, "late": measured.late}
    digest = save_weights(generator.network, run / WEIGHTS, header | {CALIBRATION: measured.to_json()})
    folder = RunFolder(run)
    ended = (folder.record().get("ended") or {}) | {CALIBRATION: measured.to_json()}
    folder.finish(digest, [Input(str(cohort.path), "cohort", cohort.hash)], ended)
    return RefineGenerator.load(run / WEIGHTS), (
        f"phantoms begin at {measured.best.begin:g} of the way: distance to real images {measured.best.distance:.2f}, "
        f"{measured.best.dice_share:.0%} of their Dice kept (curves.html shows other places; --begin chooses one)"
    )


def measure(generator: RefineGenerator, cohort: Cohort) -> Calibration:
    """Refine the same phantoms at several settings, and compare them with real images of the look that is usually given.

    Args:
        generator: a trained one.
        cohort: that it learned from; all its people of that look are compared with: their looks are what was learned.
    """
    from synthcmr.judges.segmenter import Segmenter
    from synthcmr.training.shipped_weights import shipped

    phantoms = _phantoms(*_grid(cohort))
    real = thinned(_real_frames(generator, cohort), 2 * len(phantoms))
    descriptors, rings = frame_descriptors(real), ring_powers(real)
    usual = generator.network.settings.begin
    lates = tuple(
        LatePoint(late, round(distance(rings, ring_powers(_refined(generator, phantoms, usual, late))), 4))
        for late in LATES
    )
    late = min(lates, key=lambda point: point.rings).late
    segmenter = Segmenter.load(shipped("segmenter"))
    own = _mean_dice(segmenter, phantoms.image, phantoms.mask)
    begins = []
    for begin in (b for b in BEGINS if b >= generator.network.settings.earliest):
        refined = _refined(generator, phantoms, begin, late)
        share = _mean_dice(segmenter, refined.image.reshape(phantoms.image.shape), phantoms.mask) / own
        apart = distance(descriptors, frame_descriptors(refined))
        begins.append(BeginPoint(begin, round(apart, 4), round(share, 4)))
    return Calibration(lates, tuple(begins))


def _refined(generator: RefineGenerator, phantoms: _Phantoms, begin: float, late: float) -> Frames:
    from synthcmr.conditioning.condition import Condition
    from synthcmr.generators.sampler import SamplerSettings

    vocabulary, network = generator.vocabulary, generator.network
    known = [{k: v for k, v in row.items() if vocabulary.knows(k, v)} for row in phantoms.attributes]
    conditions = [Condition(m, row, start=s) for m, row, s in zip(phantoms.mask, known, phantoms.image, strict=True)]
    usual, network.settings = network.settings, network.settings.model_copy(update={"late": late})
    try:
        images = generator.sample(conditions, range(len(conditions)), SamplerSettings(steps=STEPS, begin=begin))
    finally:
        network.settings = usual
    return Frames.of(images, phantoms.mask)


def _grid(cohort: Cohort) -> tuple[int, float]:
    """Size and pixel of a cohort's images."""
    first = cohort.table.iloc[0]
    return int(first["height"]), float(first["spacing_row_mm"] or PreprocessSettings().spacing_mm or 1.5)


def _phantoms(size: int, spacing_mm: float) -> _Phantoms:
    """Two slices of each of several phantoms, scaled as parts of a whole stack are."""
    from synthcmr.cohort.preprocess.orient import slice_at
    from synthcmr.phantom.cohort import scanned
    from synthcmr.phantom.population import draw_subject

    grid = PreprocessSettings(size=size, spacing_mm=spacing_mm, frames="pair")
    stacks = [_stack(scanned(draw_subject("everyone", i, SEED), str(i), 2, grid)) for i in range(PHANTOMS)]
    chosen = [
        (image[:, z], mask[:, z], attributes)
        for i, (image, mask, attributes) in enumerate(stacks)
        for z in (slice_at(mask, LEVELS[(i + k) % len(LEVELS)]) for k in (0, 1))
    ]
    return _Phantoms(
        np.stack([image for image, _, _ in chosen]).astype(np.float32),
        np.stack([mask for _, mask, _ in chosen]),
        [attributes for _, _, attributes in chosen],
    )


def _stack(record: SubjectRecord) -> tuple[npt.NDArray[np.floating], Mask, dict[str, Any]]:
    slices = sorted(record.images, key=lambda one: one.slice_index)
    return (
        np.stack([one.image for one in slices], axis=1),
        np.stack([one.mask for one in slices], axis=1),
        dict(record.attributes),
    )


def _real_frames(generator: RefineGenerator, cohort: Cohort) -> Frames:
    """Frames of the look that is usually given."""
    from synthcmr.conditioning.condition import LOOK
    from synthcmr.generators.refine.training_task import load_frames

    images = load_frames(cohort, "train")
    rows = [i for i, row in enumerate(images.attributes) if row[LOOK] == generator.usual_look]
    rows = rows or list(range(len(images)))
    return Frames.of(images.image[rows], images.mask[rows])


def _mean_dice(segmenter: Segmenter, image: npt.NDArray[np.float32], mask: Mask) -> float:
    from synthcmr.judges.scores import mean_dice

    segmented = segmenter.segment(image)
    return float(np.nanmean([mean_dice(one, truth) for one, truth in zip(segmented, mask, strict=True)]))
