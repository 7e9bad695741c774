"""The chest wall: skin, fat, breast, two layers of muscle, ribs and their cartilage, an arm beside it."""

from dataclasses import dataclass

import numpy as np

from synthcmr.phantom.anatomy.curves import Points, Polar, Table, bump, harmonics
from synthcmr.phantom.anatomy.fields import Image, SmoothField, draw_smooth
from synthcmr.phantom.anatomy.tissues import Grid, Region, Tissue, TissueCanvas, Tissues
from synthcmr.phantom.subject import PhantomSubject

SKIN_MM, PLEURA_MM = 1.6, 0.9
SHEETS = (
    (0.18, 0.7, -1.0),
    (0.38, 1.3, 1.0),
    (0.85, 0.7, 1.0),
)  # depth in the muscle, thickness in mm, sign of the noise
CARTILAGE_ANGLE = 1.0  # radians from the front within which ribs are cartilage


@dataclass(frozen=True)
class ChestWall:
    """Body outline as a superellipse, and its layers."""

    centre: tuple[float, float]
    half: tuple[float, float]
    exponent: float
    shape: Table
    fat_mm: Table
    muscle_mm: Table
    breast: tuple[
        float, float, float
    ]  # where its gland begins (share of the fat's depth), its end, and how dense it is
    sheet: float  # where fat parts the muscles, as a level of a random field: high leaves little of it
    rib_spacing_mm: float
    rib_half_mm: tuple[float, float]  # along the wall and across
    rib_phase: float
    rib_slope: float
    ribs_cut: Table  # size of each rib's section, as a share; 0 where the plane misses it
    arm: tuple[float, float, float] | None  # centre and radius of an arm in the field of view
    unevenness: SmoothField


@dataclass(frozen=True)
class Layers:
    """The chest wall as far as it is the same in every plane."""

    depth: Points  # below the skin, mm
    fat: Points
    muscle: Points
    arc: Points  # along the wall, mm
    front: Points  # how near to the front, 0 to 1
    beside: Region | None  # of an arm


def draw_wall(subject: PhantomSubject, rng: np.random.Generator) -> ChestWall:
    """The anterior wall lies to the left and above; obese people are wider and the fat pushes it out."""
    extra = (subject.bmi - 25.0) * 1.6
    width, height = rng.normal(150, 12) + extra, rng.normal(138, 14) + extra
    left = rng.normal(-89, 9) - 0.5 * subject.chest_fat_mm
    top = rng.normal(-105, 17) - 0.4 * subject.chest_fat_mm
    fat = subject.chest_fat_mm * np.clip(1 + harmonics(rng, {1: 0.35, 2: 0.3, 3: 0.15}), 0.2, None) * 0.75 + 1.5
    if subject.sex == "female":
        fat = fat + rng.uniform(5, 45) * bump(rng.normal(-2.4, 0.3), rng.uniform(0.25, 0.5))
    muscle = rng.uniform(9, 20) * np.clip(1 + harmonics(rng, {1: 0.2, 2: 0.3, 5: 0.2}), 0.4, None)
    arm = None
    if rng.random() < 0.3:
        arm = (rng.normal(left + 0.8 * width, 20), top + height - height * rng.uniform(1.1, 1.25), rng.uniform(28, 45))
    gland = rng.uniform(-0.2, 1.6) if subject.sex == "female" else 3.0
    return ChestWall(
        centre=(left + width, top + height),
        half=(width, height),
        exponent=rng.uniform(2.2, 3.6),
        shape=harmonics(rng, {1: 0.02, 2: 0.05, 3: 0.035, 4: 0.02}),
        fat_mm=fat,
        muscle_mm=muscle,
        breast=(rng.uniform(0.15, 0.3), rng.uniform(0.6, 0.85), gland),
        sheet=rng.uniform(0.2, 2.6),
        rib_spacing_mm=rng.uniform(24, 45),
        rib_half_mm=(rng.uniform(5.0, 9.5), rng.uniform(3.2, 5.5)),
        rib_phase=rng.uniform(0, 40),
        rib_slope=rng.normal(0.0, 0.8),
        ribs_cut=np.where(rng.random(23) < rng.uniform(0.1, 0.65), rng.uniform(0.5, 1.2, 23), 1e-3),
        arm=arm,
        unevenness=draw_smooth(rng, 9.0, 14.0),
    )


def layers_of(wall: ChestWall, grid: Grid) -> Layers:
    """What does not change along the heart's axis."""
    dx, dy = grid.x - np.float32(wall.centre[0]), grid.y - np.float32(wall.centre[1])
    seen, angle = Polar.of(dx, dy), np.arctan2(dy, dx)
    p = np.float32(wall.exponent)
    norm = ((np.abs(dx) / np.float32(wall.half[0])) ** p + (np.abs(dy) / np.float32(wall.half[1])) ** p) ** (1 / p)
    depth = (1 - norm / (1 + seen.at(wall.shape))) * np.float32(min(wall.half))
    from_front = np.abs(np.angle(np.exp(1j * (angle - np.pi + 0.15))))
    beside = None
    if wall.arm is not None:
        x, y, radius = wall.arm
        beside = (grid.x - x) ** 2 + (grid.y - y) ** 2 < (radius + 6.0) ** 2
    return Layers(
        depth=depth.astype(np.float32),
        fat=seen.at(wall.fat_mm),
        muscle=seen.at(wall.muscle_mm),
        arc=(angle * np.float32(0.85 * np.mean(wall.half))).astype(np.float32),
        front=np.clip(1.5 - from_front / CARTILAGE_ANGLE, 0.0, 1.0).astype(np.float32),
        beside=beside,
    )


def paint_wall(canvas: TissueCanvas, wall: ChestWall, layers: Layers, push: tuple[Image, Image]) -> Region:
    """Air, skin, fat, muscle and ribs on the whole plane; returns the space within the ribs.

    Args:
        canvas: what to paint on.
        wall: its drawing.
        layers: and what is known of it on this grid.
        push: displacement of the wall, and of the thickness of its layers.
    """
    out = canvas.out
    rough = wall.unevenness.at(canvas.grid.rulers, canvas.z)
    depth = layers.depth + np.float32(0.8) * push[0]
    fat = layers.fat * (1 + np.float32(0.025) * push[1]) + np.float32(0.9) * rough
    below = depth - fat
    out[...] = Tissue.AIR
    out[depth > 0] = Tissue.SKIN
    fatty = (depth > SKIN_MM) & (below < 0)
    out[fatty] = Tissue.SUBCUTANEOUS_FAT
    if wall.breast[2] < 2.0:
        share = depth / np.maximum(fat, np.float32(12.0))
        gland = (share > wall.breast[0]) & (share < wall.breast[1]) & (rough > wall.breast[2]) & (layers.fat > 18.0)
        out[gland & fatty] = Tissue.GLAND
    muscular = below >= 0
    out[muscular] = Tissue.MUSCLE
    muscle = layers.muscle * (1 + np.float32(0.03) * push[1])
    _sheets(out, wall, below, muscle, rough)
    _ribs(canvas, wall, layers, below - np.float32(0.62) * muscle)
    cavity = below > muscle
    _arm(canvas, wall, layers)
    return cavity


def _sheets(out: Tissues, wall: ChestWall, below: Points, muscle: Points, rough: Image) -> None:
    """Fat between layers of muscle, and under them: here and there."""
    within = np.flatnonzero((below > 0) & (below < muscle))
    below, muscle, rough = below.ravel()[within], muscle.ravel()[within], rough.ravel()[within]
    flat, share = out.ravel(), below / muscle
    for place, strength, sign in SHEETS:
        thickness = np.float32(strength) * (np.float32(sign) * rough - np.float32(wall.sheet)) / muscle
        flat[within[np.abs(share - np.float32(place)) < thickness]] = Tissue.SUBCUTANEOUS_FAT
    inner = np.float32(1.2) * (np.float32(-0.7 - wall.sheet) - rough)
    under = (below > muscle - PLEURA_MM - inner) & (below < muscle - PLEURA_MM)
    flat[within[under]] = Tissue.VISCERAL_FAT


def _ribs(canvas: TissueCanvas, wall: ChestWall, layers: Layers, from_middle: Points) -> None:
    rows, columns = np.nonzero((np.abs(from_middle) < wall.rib_half_mm[1]) & (canvas.out == Tissue.MUSCLE))
    if rows.size == 0:
        return
    arc, across = layers.arc[rows, columns], from_middle[rows, columns]
    run = arc + wall.rib_phase + wall.rib_slope * canvas.z + 7 * np.sin(arc / 37.0) + 5 * np.sin(arc / 17.0)
    along = np.mod(run, wall.rib_spacing_mm)
    half, thick = wall.rib_half_mm
    number = np.floor(run / wall.rib_spacing_mm).astype(np.intp)
    cut = wall.ribs_cut[number % wall.ribs_cut.size]  # the plane runs between some of them
    norm = np.hypot((along - wall.rib_spacing_mm / 2) / half, across / thick) / cut
    soft = layers.front[rows, columns] > 0.5
    inside = norm < 1
    canvas.out[rows[inside], columns[inside]] = Tissue.CORTICAL_BONE
    inner = norm < 1 - 0.4 / thick
    canvas.out[rows[inner & ~soft], columns[inner & ~soft]] = Tissue.BONE_MARROW
    inner = soft & (norm < 1 - 0.2 / thick)
    canvas.out[rows[inner], columns[inner]] = Tissue.CARTILAGE


def _arm(canvas: TissueCanvas, wall: ChestWall, layers: Layers) -> None:
    if wall.arm is None or layers.beside is None:
        return
    x, y, radius = wall.arm
    ellipse = canvas.ellipse(x, y, (radius, radius))
    if ellipse is None:
        return
    box, norm = ellipse
    air = canvas.out[box] == Tissue.AIR
    for share, tissue in ((1.0, Tissue.SUBCUTANEOUS_FAT), (0.72, Tissue.MUSCLE), (0.25, Tissue.BONE_MARROW)):
        canvas.paint(box, air & (norm < share), tissue)
