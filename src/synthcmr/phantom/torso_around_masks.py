"""A phantom around hearts that are given as masks: their labels become tissue, the rest is the subject's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.phantom.acquisition.kspace import plan
from synthcmr.phantom.anatomy.curves import Around, Points
from synthcmr.phantom.anatomy.fields import sample_nearest
from synthcmr.phantom.anatomy.heart_tissue import TRABECULA_PITCH_MM, TRABECULA_PITCH_Z_MM, HeartTissue
from synthcmr.phantom.anatomy.tissues import Tissue, Tissues
from synthcmr.phantom.render import Renderer
from synthcmr.phantom.subject import PhantomSubject

RV_WALL_MM, FAT_MM = 2.5, 2.5
FILLED = ((Label.RV, Tissue.RV_BLOOD), (Label.MYOCARDIUM, Tissue.MYOCARDIUM), (Label.LV, Tissue.LV_BLOOD))
FAR_MM = 30.0
RV_ANGLE = np.pi  # where a phantom's right ventricle lies from its left one
Images = npt.NDArray[np.float32]


class PaintedHeart:
    """Tissue at points of slices whose labels are given; what `HeartTissue` is for hearts that are drawn."""

    def __init__(
        self, drawn: HeartTissue, mask: Mask, spacing_mm: tuple[float, float], states: Sequence[float], turn: float
    ) -> None:
        """Measure how far every pixel lies within each structure.

        Args:
            drawn: the subject's own heart, whose trabeculae are taken.
            mask: (frames, slices, rows, columns).
            spacing_mm: of its pixels.
            states: contraction of each frame, 0 (ED) to 1 (ES).
            turn: of the image against the phantom's axes, radians.
        """
        self.centre = lv_centre(mask)
        self._drawn = drawn
        self._spacing, self._states, self._turn = spacing_mm, np.asarray(states), turn
        self._inside = {label: _depth(mask == label, spacing_mm) for label, _ in FILLED}

    def at(self, around: Around, dz: float, s: float) -> Tissues:
        """Tissue at points of a slice at contraction `s`; NONE outside the heart. Masks say nothing within a slice's thickness."""
        frame = int(np.abs(self._states - s).argmin())
        rows, columns = self._pixels(around)
        depth = {label: _sampled(inside[frame, around.index], rows, columns) for label, inside in self._inside.items()}
        out: Tissues = np.zeros(around.dx.shape, dtype=np.uint8)
        right = depth[Label.RV]
        ventricle = np.maximum(depth[Label.LV], depth[Label.MYOCARDIUM])
        out[np.maximum(right + RV_WALL_MM, ventricle) > -FAT_MM] = Tissue.EPICARDIAL_FAT
        out[right > -RV_WALL_MM] = Tissue.RV_WALL
        deepest = np.maximum(ventricle, right)
        for label, tissue in FILLED:
            out[(depth[label] > 0) | ((depth[label] >= deepest) & (deepest > -0.5 * min(self._spacing)))] = tissue
        self._trabeculae(out, depth, around, dz)
        return out

    def _trabeculae(self, out: Tissues, depth: dict[Label, Images], around: Around, dz: float) -> None:
        """Muscle in the blood along the walls, as the subject's own heart has it."""
        own = self._drawn
        places = around.nearest(TRABECULA_PITCH_MM, own.texture.shape[-1])
        z = float(own.heart.slices_z[around.index]) + dz
        texture = sample_nearest(own.texture, places, z, TRABECULA_PITCH_Z_MM)
        left, right = depth[Label.LV], depth[Label.RV]
        out[(out == Tissue.LV_BLOOD) & (left < own.rim_mm) & (texture > own.lv_trabecula + 0.30 * left)] = (
            Tissue.PAPILLARY
        )
        near = (out == Tissue.RV_BLOOD) & (right < own.rv_depth_mm)
        out[near & (texture > own.rv_trabecula + 0.06 * right)] = Tissue.RV_TRABECULA

    def _pixels(self, around: Around) -> tuple[Points, Points]:
        """Rows and columns of points on the masks."""
        cos, sin = np.float32(np.cos(self._turn)), np.float32(np.sin(self._turn))
        across, down = cos * around.dx - sin * around.dy, sin * around.dx + cos * around.dy
        rows = down / np.float32(self._spacing[0]) + np.float32(self.centre[0])
        return rows, across / np.float32(self._spacing[1]) + np.float32(self.centre[1])


def painted(
    subject: PhantomSubject, mask: Mask, spacing_mm: tuple[float, float], states: Sequence[float] = (0.0, 1.0)
) -> Images:
    """Images of a subject whose heart is given as masks, pixel on pixel with these.

    Args:
        subject: whose surroundings and scan are shown.
        mask: (frames, slices, rows, columns), canonical labels.
        spacing_mm: of its pixels; they must be square.
        states: contraction of each frame, 0 (ED) to 1 (ES).

    Returns:
        (frames, slices, rows, columns), before scaling.
    """
    turn = turn_of(mask)
    pixel = float(spacing_mm[0])
    protocol = replace(subject.protocol, pixel_mm=pixel, matrix=mask.shape[2:], rotation_deg=float(np.degrees(turn)))
    renderer = _renderer(replace(subject, protocol=protocol), mask, turn)
    images = np.zeros(mask.shape, dtype=np.float32)
    for index in range(mask.shape[1]):
        part = renderer.prepare(index)
        for frame, s in enumerate(states):
            images[frame, index] = renderer.image(part, s, frame)
    return images


def _renderer(subject: PhantomSubject, mask: Mask, turn: float) -> Renderer:
    """A renderer whose heart is painted, where the mask has it."""
    pixel = subject.protocol.pixel_mm
    renderer = Renderer(subject, mask.shape[2:])
    heart = PaintedHeart(renderer.tissue, mask, (pixel, pixel), (0.0, 1.0), turn)
    slices = mask.shape[1]
    heights = subject.protocol.slice_step_mm * (np.arange(slices) - float(_first(mask)))
    renderer.heart.slices_z = heights.astype(np.float64)
    renderer.heart.centres = np.zeros((slices, 2))
    off = tuple((c - (n - 1) / 2) * pixel for c, n in zip(heart.centre, mask.shape[2:], strict=True))
    renderer.scan = replace(renderer.scan, off_centre_mm=off, shifts_mm=np.zeros((slices, 2)))
    renderer._acquisition = plan(renderer.scan)
    renderer.tissue = heart  # type: ignore[assignment]  # only tissue at points is needed of it
    return renderer


def lv_centre(mask: Mask) -> tuple[float, float]:
    """Row and column of the middle of the left ventricle; of whatever is drawn, of the image, where there is none."""
    for region in (mask == Label.LV, (mask > 0) & (mask < Label.UNLABELLED), np.ones(mask.shape, dtype=np.bool_)):
        if region.any():
            rows, columns = np.nonzero(region)[-2:]
            return float(rows.mean()), float(columns.mean())
    raise ValueError("expected a mask with pixels")


def turn_of(mask: Mask) -> float:
    """How far the right ventricle lies from where a phantom has it, radians."""
    if not ((mask == Label.LV).any() and (mask == Label.RV).any()):
        return 0.0
    rows, columns = np.nonzero(mask == Label.RV)[-2:]
    row, column = lv_centre(mask)
    angle = np.arctan2(rows.mean() - row, columns.mean() - column) - RV_ANGLE
    return float(np.arctan2(np.sin(angle), np.cos(angle)))


def _first(mask: Mask) -> int:
    """The first slice that shows the left ventricle."""
    shown = np.flatnonzero((mask == Label.LV).any(axis=(0, 2, 3)))
    return int(shown[0]) if shown.size else 0


def _depth(inside: npt.NDArray[np.bool_], spacing_mm: tuple[float, float]) -> Images:
    """Distance of every pixel from the structure's border, mm: positive within."""
    from scipy.ndimage import distance_transform_edt

    half = 0.5 * min(spacing_mm)
    depth = np.full(inside.shape, -FAR_MM, dtype=np.float32)
    for frame, index in np.argwhere(inside.any(axis=(2, 3))):
        here = inside[frame, index]
        within, without = (distance_transform_edt(part, sampling=spacing_mm) for part in (here, ~here))
        depth[frame, index] = np.clip(np.where(here, within - half, half - without), -FAR_MM, FAR_MM)
    return depth


def _sampled(values: Images, rows: Points, columns: Points) -> Images:
    """Values between pixels, on straight lines."""
    from scipy.ndimage import map_coordinates

    samples: Images = map_coordinates(values, [rows, columns], order=1, mode="nearest")
    return samples
