"""What every point of the heart is made of: contours filled with muscle, blood, papillaries, trabeculae, fat."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.heart import Heart
from synthcmr.phantom.left_ventricle import LvSlice
from synthcmr.phantom.noise import Volume, noise_volume, sample_nearest
from synthcmr.phantom.points import Around
from synthcmr.phantom.polar import Points, Polar, Table, at, harmonics
from synthcmr.phantom.right_ventricle import RvSlice
from synthcmr.phantom.tissues import Tissue

Tissues = npt.NDArray[np.uint8]
RV_WALL_MM = 2.5
ATRIAL_WALL_MM = 2.0
# Annotators of ACDC draw both ventricles' cavities this far beyond the edge that the image shows (where blood has half its
# brightness), so the outermost part of a mask's cavity is trabeculae without gaps.
LV_COMPACT_MM, RV_COMPACT_MM, COMPACT_SPREAD_MM = 0.8, 1.0, 0.3
TRABECULA_PITCH_MM, TRABECULA_PITCH_Z_MM = 1.3, 5.0


@dataclass(frozen=True)
class Papillary:
    """One papillary muscle: a column along the wall between two heights."""

    angle: float
    radius: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Plane:
    """The points of one plane relative to the LV axis, with the contours there."""

    dx: Points
    dy: Points
    polar: Polar
    z: float
    s: float
    left: LvSlice | None
    right: RvSlice | None
    texture: Volume


class HeartTissue:
    """Fills a heart's contours with tissue; all random detail comes from the subject's seed."""

    def __init__(self, heart: Heart) -> None:
        """Draw trabeculae, papillaries, fat and atria."""
        self.heart = heart
        rng = np.random.default_rng(np.random.SeedSequence([heart.subject.seed, 12]))
        self.texture = noise_volume(rng, (24, 64, 64), (1.2, 1.3, 1.3))
        self.papillaries = [_draw_papillary(side, rng) for side in (0.95, -0.95)]
        self.rim_mm = rng.uniform(2.5, 7.5)
        self.lv_trabecula, self.rv_trabecula = rng.uniform(-0.3, 0.9), rng.uniform(0.1, 1.5)
        self.lv_compact_mm = max(0.0, rng.normal(LV_COMPACT_MM, COMPACT_SPREAD_MM))
        self.rv_compact_mm = max(0.0, rng.normal(RV_COMPACT_MM, COMPACT_SPREAD_MM))
        self.rv_depth_mm = rng.uniform(6.0, 16.0)
        surface = 2.4 * np.pi * (heart.lv.a + heart.lv.wall_mm) * heart.lv.length
        fat = heart.subject.epicardial_fat_ml * 1000.0 / surface
        self.fat_left: Table = np.clip(fat * (0.3 + 0.5 * harmonics(rng, {1: 0.6, 2: 0.5, 3: 0.4})), 0.3, None)
        self.fat_right: Table = np.clip(fat * (0.9 + harmonics(rng, {1: 0.5, 2: 0.5, 3: 0.4})), 0.5, None)
        self.atrium = (rng.uniform(0.8, 1.15), rng.normal(0.0, 2.0), rng.normal(4.0, 4.0))
        self.aortic_root_mm = rng.uniform(11.0, 16.0)

    def at(self, around: Around, dz: float, s: float) -> Tissues:
        """Tissue at points of a slice, displaced by `dz` within its thickness; NONE outside the heart."""
        plane = self._plane(around, dz, s)
        out: Tissues = np.zeros(around.dx.shape, dtype=np.uint8)
        groove = float(np.clip(1.4 - (plane.z - self.heart.lv.base(s)) / 25.0, 0.8, 1.8))  # fat gathers at the base
        rv_blood = self._right(out, plane, groove)
        if plane.left is not None:
            self._left(out, plane, plane.left, groove, rv_blood)
        elif plane.z < self.heart.lv.base(s):
            self._above_base(out, plane, rv_blood)
        return out

    def _plane(self, around: Around, dz: float, s: float) -> Plane:
        heart = self.heart
        z = float(heart.slices_z[around.index]) + dz
        places = around.nearest(TRABECULA_PITCH_MM, self.texture.shape[-1])
        texture = sample_nearest(self.texture, places, z, TRABECULA_PITCH_Z_MM)
        left, right = heart.lv.slice(z, s), heart.rv.slice(heart.lv, z, s)
        return Plane(around.dx, around.dy, around.polar, z, s, left, right, texture)

    def _right(self, out: Tissues, plane: Plane, groove: float) -> npt.NDArray[np.bool_] | None:
        """Paint RV fat and wall; return where its blood is (still under the LV)."""
        right = plane.right
        if right is None:
            return None
        seen = Polar.of(plane.dx - right.centre_x, plane.dy - right.centre_y)
        r, edge = seen.r, seen.at(right.radius)
        out[r < edge + RV_WALL_MM + seen.at(self.fat_right) * groove] = Tissue.EPICARDIAL_FAT
        out[r < edge + RV_WALL_MM] = Tissue.RV_WALL
        blood: npt.NDArray[np.bool_] = r < edge
        out[blood] = Tissue.RV_BLOOD
        depth = edge - r
        if plane.left is not None:  # the septum is trabeculated too
            depth = np.minimum(depth, plane.polar.r - plane.polar.at(plane.left.epicardium))
        below_base = (plane.z - self.heart.lv.base(plane.s)) / 40.0
        level = self.rv_trabecula + 0.8 * (1.0 - float(np.clip(below_base, 0.0, 1.0)))
        loose = (depth < self.rv_depth_mm) & (plane.texture > level + 0.10 * depth)
        out[blood & (loose | (depth < self.rv_compact_mm * (1 + 0.3 * plane.texture)))] = Tissue.RV_TRABECULA
        return blood

    def _left(
        self, out: Tissues, plane: Plane, left: LvSlice, groove: float, rv_blood: npt.NDArray[np.bool_] | None
    ) -> None:
        seen, r = plane.polar, plane.polar.r
        epicardium, cavity = seen.at(left.epicardium), seen.at(left.cavity)
        fat = (r < epicardium + seen.at(self.fat_left) * groove) & (out == Tissue.NONE)
        out[fat] = Tissue.EPICARDIAL_FAT
        muscle = r < epicardium
        out[muscle] = Tissue.MYOCARDIUM
        if self.heart.lv.scarred(left.u):
            out[muscle & (seen.at(self.heart.lv.scar) > 0.5)] = Tissue.SCAR
        blood = r < cavity
        out[blood] = Tissue.LV_BLOOD
        depth = cavity - r
        loose = (depth < self.rim_mm) & (plane.texture > self.lv_trabecula + 0.30 * depth)
        out[blood & (loose | (depth < self.lv_compact_mm * (1 + 0.3 * plane.texture)))] = Tissue.PAPILLARY
        for papillary in self.papillaries:
            self._papillary(out, plane, left, blood, papillary)

    def _papillary(
        self, out: Tissues, plane: Plane, left: LvSlice, blood: npt.NDArray[np.bool_], papillary: Papillary
    ) -> None:
        if not papillary.top < left.u < papillary.bottom + 0.1 * plane.s:
            return
        edge = float(at(left.cavity, np.array([papillary.angle]))[0])
        radius = papillary.radius * (1 + 0.15 * plane.s) * min(1.0, (papillary.bottom + 0.1 - left.u) / 0.15)
        distance = max(edge - (1.0 - 0.2 * plane.s) * radius, 0.0)
        cx, cy = distance * np.cos(papillary.angle), distance * np.sin(papillary.angle)
        near = (plane.dx - cx) ** 2 + (plane.dy - cy) ** 2 < (radius * (1 + 0.15 * plane.texture)) ** 2
        out[near & blood] = Tissue.PAPILLARY

    def _above_base(self, out: Tissues, plane: Plane, rv_blood: npt.NDArray[np.bool_] | None) -> None:
        """Left atrium and aortic root behind the mitral plane."""
        top = self.heart.lv.slice(self.heart.lv.base(plane.s) + 0.01, plane.s)
        if top is None:
            return
        scale, ox, oy = self.atrium
        radius = float(np.mean(top.cavity)) * scale + 6.0 * plane.s  # atria fill while the ventricle empties
        atrium = np.hypot(plane.dx - ox, (plane.dy - oy) * 1.15)
        out[(atrium < radius + ATRIAL_WALL_MM) & (out == Tissue.NONE)] = Tissue.ATRIAL_WALL
        inside = atrium < radius
        out[inside & (~rv_blood if rv_blood is not None else True)] = Tissue.ATRIAL_BLOOD
        root = np.hypot(plane.dx + 0.55 * radius, plane.dy + 0.75 * radius)
        out[root < self.aortic_root_mm + ATRIAL_WALL_MM] = Tissue.ATRIAL_WALL
        out[root < self.aortic_root_mm] = Tissue.OUTFLOW_BLOOD


def _draw_papillary(angle: float, rng: np.random.Generator) -> Papillary:
    return Papillary(rng.normal(angle, 0.25), rng.uniform(4.0, 6.5), rng.uniform(0.20, 0.35), rng.uniform(0.65, 0.85))
