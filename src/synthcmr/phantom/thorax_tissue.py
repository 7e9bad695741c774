"""Painting the thorax: from the drawn shapes to tissue at every point of a plane, back to front."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.noise import Corners, sample
from synthcmr.phantom.points import Grid
from synthcmr.phantom.polar import Points, Polar
from synthcmr.phantom.thorax import Organ, Thorax
from synthcmr.phantom.tissues import Tissue

Tissues = npt.NDArray[np.uint8]
Region = npt.NDArray[np.bool_]
SKIN_MM, DIAPHRAGM_MM = 1.6, 1.5
VESSEL_REACH_MM = 25.0  # half of a lung vessel's extent along the axis


@dataclass(frozen=True)
class Canvas:
    """The points of one plane, and what has been painted on them."""

    grid: Grid
    z: float
    out: Tissues

    @property
    def x(self) -> Points:
        """Right of the LV axis, mm."""
        return self.grid.x

    @property
    def y(self) -> Points:
        """Below it, mm."""
        return self.grid.y

    def texture(self, thorax: Thorax, which: int, pitch_mm: float, pitch_z_mm: float) -> Points:
        """One of the thorax's textures at every point."""
        volume = thorax.textures[which]
        return sample(volume, self.grid.corners(pitch_mm, volume.shape[-1]), self.z, pitch_z_mm)


class ThoraxTissue:
    """Everything but the heart on one grid; what does not change along the heart's axis is worked out once."""

    def __init__(self, thorax: Thorax, grid: Grid) -> None:
        """Take the shapes, and the points to paint."""
        self.thorax, self.grid = thorax, grid

    def at(self, z: float) -> Tissues:
        """Tissue at the points of a plane."""
        thorax, layers = self.thorax, self._layers
        canvas = Canvas(self.grid, z, layers.outer.copy())
        _wall(canvas, thorax, layers)
        below = self._diaphragm(canvas, layers.cavity)
        for organ in thorax.bowel:
            _bowel(canvas, thorax, organ, below)
        _liver(canvas, thorax, below)
        _stomach(canvas, thorax, below)
        _spleen(canvas, thorax, below)
        _lung_vessels(canvas, thorax)
        _spine(canvas, thorax, layers.inside)
        _aorta(canvas, thorax)
        _arm(canvas, thorax, layers.inside)
        return canvas.out

    @cached_property
    def _layers(self) -> Layers:
        return _layers(self.thorax, self.grid)

    @cached_property
    def _line(self) -> tuple[Points, Corners]:
        """Height of the diaphragm at the level of z = 40 mm, and where its waves come from."""
        d, x = self.thorax.diaphragm, self.grid.x
        dome = d.dome_mm * np.exp(-(((x - d.dome_x) / 55.0) ** 2))
        return d.y + d.tilt * (x - 20.0) - dome, self.grid.corners_along_x(14.0, self.thorax.textures[2].shape[-1])

    def _diaphragm(self, canvas: Canvas, cavity: Region) -> Region:
        """Lung above, abdominal fat below; returns the abdomen."""
        level, corners = self._line
        wave = 2.5 * sample(self.thorax.textures[2], corners, canvas.z, 21.0)
        line = level + self.thorax.diaphragm.slope_z * (canvas.z - 40.0) + wave
        below: Region = cavity & (canvas.y >= line)
        canvas.out[cavity] = Tissue.LUNG
        canvas.out[below] = Tissue.VISCERAL_FAT
        canvas.out[cavity & (np.abs(canvas.y - line) < DIAPHRAGM_MM)] = Tissue.MUSCLE
        return below


@dataclass(frozen=True)
class Layers:
    """The chest wall as far as it is the same in every plane."""

    outer: Tissues  # air, skin, fat and muscle
    inside: Region  # the body
    muscular: Region  # all that lies below the fat
    cavity: Region  # the space within the ribs
    between: Points  # distance to the sheet of fat between muscle layers, mm
    from_ribs: Points  # depth below the middle of the ribs, mm
    turn: Points  # angle that ribs repeat over, at z = 0 and without what bends them
    bend: Points


def _layers(thorax: Thorax, grid: Grid) -> Layers:
    wall = thorax.wall
    dx, dy = grid.x - wall.centre_x, grid.y - wall.centre_y
    seen, angle = Polar.of(dx, dy), np.arctan2(dy, dx)
    p = wall.exponent
    norm = ((np.abs(dx) / wall.half_width) ** p + (np.abs(dy) / wall.half_height) ** p) ** (1 / p)
    depth = (1 - norm / (1 + seen.at(wall.shape))) * min(wall.half_width, wall.half_height)
    fat, muscle = seen.at(wall.fat_mm), seen.at(wall.muscle_mm)
    inside, muscular = depth > 0, depth > fat
    outer = np.full(dx.shape, int(Tissue.AIR), dtype=np.uint8)
    outer[inside] = Tissue.SUBCUTANEOUS_FAT
    outer[inside & (depth < SKIN_MM)] = Tissue.SKIN
    outer[muscular] = Tissue.MUSCLE
    return Layers(
        outer=outer,
        inside=inside,
        muscular=muscular,
        cavity=depth > fat + muscle,
        between=np.abs(depth - fat - 0.55 * muscle),
        from_ribs=depth - fat - 0.6 * muscle,
        turn=angle * wall.ribs + wall.rib_phase,
        bend=0.8 * np.sin(3 * angle + wall.rib_phase),
    )


def _wall(canvas: Canvas, thorax: Thorax, layers: Layers) -> None:
    """Ribs, and fat between muscles."""
    wall, out = thorax.wall, canvas.out
    ripple = 1.2 + 0.8 * canvas.texture(thorax, 1, 4.0, 6.0)
    out[layers.muscular & (layers.between < ripple)] = Tissue.SUBCUTANEOUS_FAT
    turn = layers.turn + canvas.z * 0.06 + layers.bend
    rib = np.hypot((np.mod(turn, 2 * np.pi) - np.pi) / wall.ribs * 55.0, layers.from_ribs)
    out[layers.muscular & (rib < wall.rib_mm)] = Tissue.CORTICAL_BONE
    out[layers.muscular & (rib < wall.rib_mm - 1.6)] = Tissue.BONE_MARROW


def _turned(canvas: Canvas, organ: Organ, y: float) -> tuple[Points, Points]:
    cos, sin = np.cos(organ.turn), np.sin(organ.turn)
    dx, dy = canvas.x - organ.x, canvas.y - y
    return dx * cos + dy * sin, -dx * sin + dy * cos


def _bowel(canvas: Canvas, thorax: Thorax, organ: Organ, below: Region) -> None:
    u, v = _turned(canvas, organ, thorax.diaphragm.y + organ.y)
    q = (u / organ.half_width) ** 2 + (v / organ.half_height) ** 2
    canvas.out[below & (q < 1)] = Tissue.STOMACH_WALL
    canvas.out[below & (q < 0.75)] = organ.content


def _liver(canvas: Canvas, thorax: Thorax, below: Region) -> None:
    x, y, z = canvas.x, canvas.y, canvas.z
    edge = x + thorax.liver_slope * (y - 60.0) + 3.0 * canvas.texture(thorax, 2, 12.0, 18.0)
    liver = below & (edge < thorax.liver_edge)
    canvas.out[liver] = Tissue.LIVER
    for vx, vy, radius, ax, ay, flat in thorax.liver_vessels:
        _disc(canvas, vx + ax * z, vy + ay * z, radius, Tissue.LIVER, Tissue.LIVER_VESSEL, flat)


def _stomach(canvas: Canvas, thorax: Thorax, below: Region) -> None:
    organ = thorax.stomach
    u, v = _turned(canvas, organ, thorax.diaphragm.y + organ.y)
    rugae = 0.10 * canvas.texture(thorax, 2, 9.0, 13.0)
    q = np.hypot(u / organ.half_width, v / organ.half_height) + rugae
    wall = 4.0 / min(organ.half_width, organ.half_height)
    canvas.out[below & (q < 1)] = Tissue.STOMACH_WALL
    lumen = below & (q < 1 - wall)
    canvas.out[lumen] = organ.content
    if organ.content in (Tissue.STOMACH_FLUID, Tissue.BOWEL):
        canvas.out[lumen & (u > organ.half_width * organ.level)] = Tissue.GAS


def _spleen(canvas: Canvas, thorax: Thorax, below: Region) -> None:
    organ = thorax.spleen
    u, v = _turned(canvas, organ, thorax.diaphragm.y + organ.y)
    canvas.out[below & ((u / organ.half_width) ** 2 + (v / organ.half_height) ** 2 < 1)] = Tissue.SPLEEN


def _lung_vessels(canvas: Canvas, thorax: Thorax) -> None:
    for x, y, radius, ax, ay, middle in thorax.lung_vessels:
        along = canvas.z - middle
        if abs(along) < VESSEL_REACH_MM:
            _disc(canvas, x + ax * along, y + ay * along, radius, Tissue.LUNG, Tissue.LUNG_VESSEL, 1.0)


def _disc(canvas: Canvas, cx: float, cy: float, radius: float, within: Tissue, tissue: Tissue, flat: float) -> None:
    """Paint a small disc, touching only the pixels near it: the grid is regular, so their indices follow from two steps."""
    x, y, out = canvas.x, canvas.y, canvas.out
    along_row = np.array([x[0, 1] - x[0, 0], y[0, 1] - y[0, 0]])
    along_column = np.array([x[1, 0] - x[0, 0], y[1, 0] - y[0, 0]])
    pitch2 = float(along_row @ along_row)
    offset = np.array([cx - x[0, 0], cy - y[0, 0]])
    column, row = float(offset @ along_row) / pitch2, float(offset @ along_column) / pitch2
    reach = radius / flat / np.sqrt(pitch2) + 1.5
    r0, r1, c0, c1 = (
        int(max(0, row - reach)),
        int(row + reach + 1),
        int(max(0, column - reach)),
        int(column + reach + 1),
    )
    if r0 >= out.shape[0] or c0 >= out.shape[1] or r1 <= 0 or c1 <= 0:
        return
    window = out[r0:r1, c0:c1]
    near = (x[r0:r1, c0:c1] - cx) ** 2 + ((y[r0:r1, c0:c1] - cy) * flat) ** 2 < radius**2
    window[near & (window == within)] = tissue


def _spine(canvas: Canvas, thorax: Thorax, inside: Region) -> None:
    x, y, radius = thorax.spine
    r = np.hypot(canvas.x - x, canvas.y - y)
    canvas.out[inside & (r < radius + 14)] = Tissue.MUSCLE
    canvas.out[inside & (r < radius)] = Tissue.CORTICAL_BONE
    canvas.out[inside & (r < radius - 1.5)] = Tissue.BONE_MARROW


def _aorta(canvas: Canvas, thorax: Thorax) -> None:
    x, y, radius = thorax.aorta
    r = np.hypot(canvas.x - x, canvas.y - y)
    canvas.out[(r < radius + 5) & (canvas.out != Tissue.LUNG)] = Tissue.VISCERAL_FAT
    canvas.out[r < radius + 0.8] = Tissue.STOMACH_WALL
    canvas.out[r < radius] = Tissue.AORTA


def _arm(canvas: Canvas, thorax: Thorax, inside: Region) -> None:
    if thorax.wall.arm is None:
        return
    x, y, radius = thorax.wall.arm
    r = np.hypot(canvas.x - x, canvas.y - y)
    beside = ~inside
    for share, tissue in ((1.0, Tissue.SUBCUTANEOUS_FAT), (0.72, Tissue.MUSCLE), (0.25, Tissue.BONE_MARROW)):
        canvas.out[beside & (r < radius * share)] = tissue
