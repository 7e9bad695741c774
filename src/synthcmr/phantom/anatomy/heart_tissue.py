"""What every point of the heart is made of: contours filled with muscle, blood, papillaries, trabeculae, fat."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.anatomy.curves import Around, Points, Polar, Table, Waver, at, bump, draw_waver, harmonics
from synthcmr.phantom.anatomy.fields import Volume, noise_volume, sample_nearest
from synthcmr.phantom.anatomy.heart import Heart
from synthcmr.phantom.anatomy.tissues import Tissue
from synthcmr.phantom.anatomy.ventricles import LvSlice, RvSlice

Tissues = npt.NDArray[np.uint8]
ATRIAL_WALL_MM = 2.0
# Annotators of ACDC draw both ventricles' cavities this far beyond the edge that the image shows (where blood has half its
# brightness), so the outermost part of a mask's cavity is trabeculae without gaps.
EDGE_MM = 0.7  # and they draw the LV's outer contour this far within the edge of its muscle
LV_COMPACT_MM, RV_COMPACT_MM, COMPACT_SPREAD_MM = 0.8, 1.0, 0.3
DRAWN_ABOVE_MM = 2.5  # of the ventricle itself above the uppermost plane that is drawn
TRABECULA_PITCH_MM, TRABECULA_PITCH_Z_MM = 1.3, 5.0
PAPILLARY_GROUPS = (-0.95, 0.95)  # radians: anterolateral, posteromedial
MODERATOR_BAND = 0.6  # share of hearts in which a slice can show one
GROOVES = (np.pi - 0.9, -np.pi + 1.1)  # radians: where the ventricles meet, inferior and anterior
THINNEST_FAT_MM = 1.2  # thinner fat is none: it would only be a black line
FAT_WAVES = {1: 0.6, 2: 0.5, 3: 0.4, 4: 0.3, 5: 0.25}


@dataclass(frozen=True)
class Papillary:
    """One head of a papillary muscle: a column along the wall between two heights."""

    angle: float
    drift: float  # of the angle, radians per height
    radius: float
    flatness: float  # along the wall over across it
    depth: float  # of its middle from the wall, in radii
    top: float
    bottom: float


@dataclass(frozen=True)
class ModeratorBand:
    """A muscular band from the septum to the RV's free wall."""

    u: float
    thickness_u: float
    turn: float  # of its direction from that of the RV
    offset_mm: float
    half_width_mm: float


@dataclass(frozen=True)
class Chamber:
    """A blood-filled ellipse beyond the RV's base; lengths in mean radii of the RV there, from its middle."""

    x: float
    y: float
    radius: float
    flatness: float
    growth: float  # per mm above the RV


@dataclass(frozen=True)
class HeartPlane:
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
        self.papillaries = [head for group in PAPILLARY_GROUPS for head in _draw_papillary(group, rng)]
        self.band = _draw_band(rng)
        self.rim_mm = rng.uniform(2.5, 7.5)
        self.lv_trabecula, self.rv_trabecula = rng.uniform(-0.7, 0.6), rng.uniform(-0.1, 1.3)
        self.lv_compact_mm = max(0.0, rng.normal(LV_COMPACT_MM, COMPACT_SPREAD_MM))
        self.rv_compact_mm = max(0.0, rng.normal(RV_COMPACT_MM, COMPACT_SPREAD_MM))
        self.rv_depth_mm = rng.uniform(6.0, 16.0)
        overloaded = 1.6 if heart.subject.diagnosis == "RV" else 1.0
        self.rv_wall: Table = (
            overloaded * rng.uniform(1.4, 2.8) * np.clip(1 + harmonics(rng, {1: 0.15, 2: 0.15}), 0.5, 2)
        )
        surface = 2.4 * np.pi * (heart.lv.a + heart.lv.wall_mm) * heart.lv.length
        self.fat_mm = heart.subject.epicardial_fat_ml * 1000.0 / surface
        self.fat_left, self.fat_right = draw_waver(rng, FAT_WAVES, 1.0), draw_waver(rng, FAT_WAVES, 1.0)
        grooves = [rng.uniform(0.6, 2.6) * bump(place, rng.uniform(0.15, 0.35)) for place in GROOVES]
        self.groove_fat: Table = np.sum(grooves, axis=0)
        self.right_of_base = (
            Chamber(
                rng.normal(-0.15, 0.1), rng.normal(0.25, 0.1), rng.uniform(0.6, 0.85), rng.uniform(0.8, 1.2), 0.004
            ),
            Chamber(
                rng.normal(0.1, 0.1), rng.normal(-0.75, 0.12), rng.uniform(0.3, 0.5), rng.uniform(0.8, 1.2), -0.004
            ),
        )
        self.atrium = (rng.uniform(0.8, 1.15), rng.normal(0.0, 2.0), rng.normal(4.0, 4.0))
        self.aortic_root_mm = rng.uniform(11.0, 16.0)

    def at(self, around: Around, dz: float, s: float) -> Tissues:
        """Tissue at points of a slice, displaced by `dz` within its thickness; NONE outside the heart."""
        plane = self._plane(around, dz, s)
        out: Tissues = np.zeros(around.dx.shape, dtype=np.uint8)
        rv_blood = self._right(out, plane)
        if plane.right is None and plane.z < self.heart.rv.base(s):
            self._above_rv(out, plane)
        if plane.left is not None:
            self._left(out, plane, plane.left)
        elif plane.z < self.heart.lv.base(s):
            self._above_base(out, plane, rv_blood)
        return out

    def _plane(self, around: Around, dz: float, s: float) -> HeartPlane:
        heart = self.heart
        z = float(heart.slices_z[around.index]) + dz
        places = around.nearest(TRABECULA_PITCH_MM, self.texture.shape[-1])
        texture = sample_nearest(self.texture, places, z, TRABECULA_PITCH_Z_MM)
        left, right = (
            heart.lv.slice(_held(z, heart.lv.base(s)), s),
            heart.rv.slice(heart.lv, _held(z, heart.rv.base(s)), s),
        )
        return HeartPlane(around.dx, around.dy, around.polar, z, s, left, right, texture)

    def _fat(self, waver: Waver, mean: float, plane: HeartPlane) -> Table:
        """Thickness of epicardial fat over angle: gathers at the base, and is missing where there is little."""
        below_base = plane.z - self.heart.lv.base(plane.s)
        gathered = min(max(1.4 - below_base / 25.0, 0.8), 1.8) * self.fat_mm
        thickness = gathered * (mean + waver.at(below_base / self.heart.lv.length, plane.s))
        return np.where(thickness > THINNEST_FAT_MM, thickness, 0.0)

    def _right(self, out: Tissues, plane: HeartPlane) -> npt.NDArray[np.bool_] | None:
        """Paint RV fat and wall; return where its blood is (still under the LV)."""
        right = plane.right
        if right is None:
            return None
        seen = Polar.of(plane.dx - right.centre_x, plane.dy - right.centre_y)
        r, edge = seen.r, seen.at(right.radius)
        wall = edge + seen.at(self.rv_wall)
        out[r < wall + seen.at(self._fat(self.fat_right, 0.9, plane))] = Tissue.EPICARDIAL_FAT
        out[r < wall] = Tissue.RV_WALL
        blood: npt.NDArray[np.bool_] = r < edge
        out[blood] = Tissue.RV_BLOOD
        depth = edge - r
        if plane.left is not None:  # the septum is trabeculated too
            depth = np.minimum(depth, plane.polar.r - plane.polar.at(plane.left.epicardium))
        below_base = (plane.z - self.heart.lv.base(plane.s)) / 40.0
        level = self.rv_trabecula + 0.8 * (1.0 - float(np.clip(below_base, 0.0, 1.0)))
        loose = (depth < self.rv_depth_mm) & (plane.texture > level + 0.10 * depth)
        muscle = loose | (depth < self.rv_compact_mm * (1 + 0.3 * plane.texture))
        if self.band is not None and plane.left is not None:
            muscle |= _within_band(self.band, plane, right, plane.left.u)
        out[blood & muscle] = Tissue.RV_TRABECULA
        return blood

    def _left(self, out: Tissues, plane: HeartPlane, left: LvSlice) -> None:
        seen, r = plane.polar, plane.polar.r
        epicardium, cavity = seen.at(left.epicardium), seen.at(left.cavity)
        thickness = self._fat(self.fat_left, 0.5, plane) + self.fat_mm * self.groove_fat
        beside = out == Tissue.NONE
        out[beside & (r < epicardium + seen.at(thickness))] = Tissue.EPICARDIAL_FAT
        out[beside & (r < epicardium + EDGE_MM)] = Tissue.MYOCARDIUM
        muscle = r < epicardium
        out[muscle] = Tissue.MYOCARDIUM
        if self.heart.lv.scarred(left.u):
            out[muscle & (seen.at(self.heart.lv.scar) > 0.5)] = Tissue.SCAR
        blood = r < cavity
        out[blood] = Tissue.LV_BLOOD
        depth = cavity - r
        loose = (depth < self.rim_mm) & (plane.texture > self.lv_trabecula + 0.27 * depth)
        compact = min(self.lv_compact_mm, 0.2 * float(left.cavity.mean()))
        out[blood & (loose | (depth < compact * (1 + 0.3 * plane.texture)))] = Tissue.PAPILLARY
        within = np.flatnonzero(blood)
        for papillary in self.papillaries:
            self._papillary(out, plane, left, within, papillary)

    def _papillary(
        self, out: Tissues, plane: HeartPlane, left: LvSlice, within: npt.NDArray[np.intp], papillary: Papillary
    ) -> None:
        if not papillary.top < left.u < papillary.bottom + 0.1 * plane.s:
            return
        angle = papillary.angle + papillary.drift * (left.u - 0.5)
        edge = float(at(left.cavity, np.array([angle]))[0])
        radius = papillary.radius * (1 + 0.15 * plane.s) * min(1.0, (papillary.bottom + 0.1 - left.u) / 0.15)
        distance = max(edge - (papillary.depth - 0.2 * plane.s) * radius, 0.0)
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        dx, dy = plane.dx.ravel()[within], plane.dy.ravel()[within]
        across, along = dx * cos + dy * sin - distance, dy * cos - dx * sin
        texture = plane.texture.ravel()[within]
        near = across**2 + (along * papillary.flatness) ** 2 < (radius * (1 + 0.15 * texture)) ** 2
        out.ravel()[within[near]] = Tissue.PAPILLARY

    def _above_rv(self, out: Tissues, plane: HeartPlane) -> None:
        """Right atrium and outflow tract, in fat, where annotators no longer draw the RV."""
        heart, s = self.heart, plane.s
        envelope = heart.rv.slice(heart.lv, heart.rv.base(s) + 0.01, s)
        if envelope is None:
            return
        seen = Polar.of(plane.dx - envelope.centre_x, plane.dy - envelope.centre_y)
        out[seen.r < seen.at(envelope.radius) + self.fat_mm] = Tissue.EPICARDIAL_FAT
        size = float(envelope.radius.mean())
        above = heart.rv.base(s) - plane.z
        for chamber, tissue in zip(self.right_of_base, (Tissue.ATRIAL_BLOOD, Tissue.OUTFLOW_BLOOD), strict=True):
            radius = size * chamber.radius * (1 + chamber.growth * above)
            cx = envelope.centre_x + size * chamber.x
            cy = envelope.centre_y + size * chamber.y
            q = np.hypot(plane.dx - cx, (plane.dy - cy) * chamber.flatness) * (1 + 0.03 * plane.texture)
            out[q < radius + ATRIAL_WALL_MM] = Tissue.ATRIAL_WALL
            out[q < radius] = tissue

    def _above_base(self, out: Tissues, plane: HeartPlane, rv_blood: npt.NDArray[np.bool_] | None) -> None:
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


def _held(z: float, base: float) -> float:
    """Where a plane just above a ventricle's base looks: a slice is drawn when most of its thickness is ventricle."""
    return base + 0.01 if base - DRAWN_ABOVE_MM < z < base else z


def _draw_papillary(group: float, rng: np.random.Generator) -> list[Papillary]:
    """The heads of one muscle: one to three, some free in the cavity and some merged with the wall."""
    heads = int(rng.choice((1, 2, 3), p=(0.55, 0.33, 0.12)))
    middle, top, bottom = rng.normal(group, 0.22), rng.uniform(0.18, 0.38), rng.uniform(0.62, 0.88)
    return [
        Papillary(
            angle=middle + (rng.normal(0.0, 0.28) if heads > 1 else 0.0),
            drift=rng.normal(0.0, 0.5),
            radius=rng.uniform(4.0, 6.8) / heads**0.5,
            flatness=rng.uniform(0.75, 1.35),
            depth=rng.uniform(0.5, 1.35),
            top=top + rng.uniform(-0.05, 0.05),
            bottom=bottom + rng.uniform(-0.1, 0.05),
        )
        for _ in range(heads)
    ]


def _draw_band(rng: np.random.Generator) -> ModeratorBand | None:
    drawn = ModeratorBand(
        u=rng.uniform(0.35, 0.75),
        thickness_u=rng.uniform(0.04, 0.10),
        turn=rng.normal(0.0, 0.5),
        offset_mm=rng.normal(0.0, 6.0),
        half_width_mm=rng.uniform(1.0, 2.6),
    )
    return drawn if rng.random() < MODERATOR_BAND else None


def _within_band(band: ModeratorBand, plane: HeartPlane, right: RvSlice, u: float) -> npt.NDArray[np.bool_] | bool:
    if abs(u - band.u) > band.thickness_u:
        return False
    turn = np.arctan2(right.centre_y, right.centre_x) + band.turn
    across = (plane.dy - right.centre_y) * np.cos(turn) - (plane.dx - right.centre_x) * np.sin(turn) - band.offset_mm
    return np.asarray(np.abs(across) < band.half_width_mm * (1 + 0.2 * plane.texture))
