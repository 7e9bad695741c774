"""Painting the thorax: from the drawn shapes to tissue at every point of a plane, back to front."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.noise import sample
from synthcmr.phantom.polar import Points, at
from synthcmr.phantom.thorax import Organ, Thorax
from synthcmr.phantom.tissues import Tissue

Tissues = npt.NDArray[np.uint8]
Region = npt.NDArray[np.bool_]
SKIN_MM, DIAPHRAGM_MM = 1.6, 1.5
VESSEL_REACH_MM = 25.0  # half of a lung vessel's extent along the axis


@dataclass(frozen=True)
class Canvas:
    """The points of one plane. `x` and `y` form a regular grid, possibly turned."""

    x: Points
    y: Points
    z: float
    out: Tissues


def thorax_tissue(thorax: Thorax, x: Points, y: Points, z: float) -> Tissues:
    """Tissue of everything but the heart at the points of a plane."""
    canvas = Canvas(x, y, z, np.full(x.shape, int(Tissue.AIR), dtype=np.uint8))
    inside, cavity = _wall(canvas, thorax)
    below = _diaphragm(canvas, thorax, cavity)
    for organ in thorax.bowel:
        _bowel(canvas, thorax, organ, below)
    _liver(canvas, thorax, below)
    _stomach(canvas, thorax, below)
    _spleen(canvas, thorax, below)
    _lung_vessels(canvas, thorax)
    _spine(canvas, thorax, inside)
    _aorta(canvas, thorax)
    _arm(canvas, thorax, inside)
    return canvas.out


def _wall(canvas: Canvas, thorax: Thorax) -> tuple[Region, Region]:
    """Skin, fat, muscle and ribs; returns the body and the space within the ribs."""
    wall, out = thorax.wall, canvas.out
    dx, dy = canvas.x - wall.centre_x, canvas.y - wall.centre_y
    angle = np.arctan2(dy, dx)
    p = wall.exponent
    norm = ((np.abs(dx) / wall.half_width) ** p + (np.abs(dy) / wall.half_height) ** p) ** (1 / p)
    depth = (1 - norm / (1 + at(wall.shape, angle))) * min(wall.half_width, wall.half_height)
    fat, muscle = at(wall.fat_mm, angle), at(wall.muscle_mm, angle)
    inside: Region = depth > 0
    out[inside] = Tissue.SUBCUTANEOUS_FAT
    out[inside & (depth < SKIN_MM)] = Tissue.SKIN
    layer = depth > fat
    out[layer] = Tissue.MUSCLE
    ripple = 1.2 + 0.8 * sample(thorax.textures[1], canvas.x, canvas.y, canvas.z, 4.0, 6.0)
    out[layer & (np.abs(depth - fat - 0.55 * muscle) < ripple)] = Tissue.SUBCUTANEOUS_FAT  # between muscle layers
    turn = angle * wall.ribs + wall.rib_phase + canvas.z * 0.06 + 0.8 * np.sin(3 * angle + wall.rib_phase)
    rib = np.hypot((np.mod(turn, 2 * np.pi) - np.pi) / wall.ribs * 55.0, depth - fat - 0.6 * muscle)
    out[layer & (rib < wall.rib_mm)] = Tissue.CORTICAL_BONE
    out[layer & (rib < wall.rib_mm - 1.6)] = Tissue.BONE_MARROW
    return inside, depth > fat + muscle


def _diaphragm(canvas: Canvas, thorax: Thorax, cavity: Region) -> Region:
    """Lung above, abdominal fat below; returns the abdomen."""
    d = thorax.diaphragm
    x = canvas.x
    wave = 2.5 * sample(thorax.textures[2], x, np.zeros_like(x), canvas.z, 14.0, 21.0)
    dome = d.dome_mm * np.exp(-(((x - d.dome_x) / 55.0) ** 2))
    line = d.y + d.tilt * (x - 20.0) - dome + d.slope_z * (canvas.z - 40.0) + wave
    below: Region = cavity & (canvas.y >= line)
    canvas.out[cavity] = Tissue.LUNG
    canvas.out[below] = Tissue.VISCERAL_FAT
    canvas.out[cavity & (np.abs(canvas.y - line) < DIAPHRAGM_MM)] = Tissue.MUSCLE
    return below


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
    edge = x + thorax.liver_slope * (y - 60.0) + 3.0 * sample(thorax.textures[2], x, y, z, 12.0, 18.0)
    liver = below & (edge < thorax.liver_edge)
    canvas.out[liver] = Tissue.LIVER
    for vx, vy, radius, ax, ay, flat in thorax.liver_vessels:
        _disc(canvas, vx + ax * z, vy + ay * z, radius, Tissue.LIVER, Tissue.LIVER_VESSEL, flat)


def _stomach(canvas: Canvas, thorax: Thorax, below: Region) -> None:
    organ = thorax.stomach
    u, v = _turned(canvas, organ, thorax.diaphragm.y + organ.y)
    rugae = 0.10 * sample(thorax.textures[2], canvas.x, canvas.y, canvas.z, 9.0, 13.0)
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
