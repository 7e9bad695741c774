"""What lies around the heart, drawn per subject: chest wall, lungs, abdomen, mediastinum, and how uneven all of it is.

Everything is placed in the short-axis frame (millimetres from the LV axis) and changes slowly along it, so that
neighbouring slices belong together.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.anatomy.abdomen import Abdomen, draw_abdomen, paint_abdomen
from synthcmr.phantom.anatomy.chest import ChestWall, Layers, draw_wall, layers_of, paint_wall
from synthcmr.phantom.anatomy.curves import Around, Table, harmonics
from synthcmr.phantom.anatomy.fields import Grain, Image, SmoothField, Warp, draw_grain, draw_smooth, draw_warp
from synthcmr.phantom.anatomy.tissues import Grid, Tissue, TissueCanvas, Tissues
from synthcmr.phantom.anatomy.vessels import (
    Mediastinum,
    Tree,
    draw_mediastinum,
    draw_tree,
    join,
    paint_mediastinum,
    share_of_blood,
)
from synthcmr.phantom.subject import PhantomSubject

LUNG_STEEPNESS = 3.2  # lung vessels cross the slices: most are seen as dots


@dataclass(frozen=True)
class FatPad:
    """Pericardial fat, as a drawing: how thick over the angle around the LV, and how ragged."""

    thickness_mm: Table
    rough_mm: float
    pericardium_mm: float


@dataclass(frozen=True)
class Textures:
    """Random changes of signal: fine, as fat lobules and bundles of muscle; middle; coarse, as flow in blood."""

    fine: Grain
    middle: SmoothField
    coarse: SmoothField


@dataclass(frozen=True)
class Thorax:
    """Everything around one heart."""

    wall: ChestWall
    abdomen: Abdomen
    mediastinum: Mediastinum
    lung_vessels: Tree
    liver_vessels: Tree
    lung_density: float
    lung_gradient: float  # change of density per 100 mm towards the back
    lung_haze: float  # how much denser it is near the heart
    pad: FatPad
    warp: Warp
    textures: Textures


def draw_thorax(subject: PhantomSubject) -> Thorax:
    """Draw the surroundings of a subject's heart."""
    rng = np.random.default_rng(np.random.SeedSequence([subject.seed, 23]))
    abdomen = draw_abdomen(subject, rng)
    return Thorax(
        wall=draw_wall(subject, rng),
        abdomen=abdomen,
        mediastinum=draw_mediastinum(rng),
        lung_vessels=_draw_lung_vessels(rng),
        liver_vessels=_draw_liver_vessels(abdomen.level, rng),
        lung_density=float(np.exp(rng.normal(-0.3, 0.45))),
        lung_gradient=rng.normal(0.35, 0.25),
        lung_haze=rng.uniform(0.3, 3.5),
        pad=_draw_pad(subject, rng),
        warp=draw_warp(rng, rng.uniform(3.0, 8.0), rng.uniform(0.8, 2.2)),
        textures=Textures(
            fine=draw_grain(rng, (12, 192), 1.1, 4.0),
            middle=draw_smooth(rng, 4.0, 8.0, 240.0),
            coarse=draw_smooth(rng, 16.0, 22.0),
        ),
    )


def _draw_pad(subject: PhantomSubject, rng: np.random.Generator) -> FatPad:
    """Thick in front of the RV and below the apex, often nothing beside the LV, where the lung touches the heart."""
    amount = (subject.epicardial_fat_ml / 75.0) * np.exp(rng.normal(-0.05, 0.6))
    facing = np.zeros_like(harmonics(rng, {1: 0.0}))
    angles = np.linspace(-np.pi, np.pi, facing.size, endpoint=False)
    for centre, width, thickness in (
        (np.pi, 0.8, 9.0),
        (2.3, 0.5, 9.0),
        (-2.2, 0.5, 4.5),
        (0.7, 0.5, 4.0),
        (-0.4, 0.6, 3.0),
    ):
        distance = np.angle(np.exp(1j * (angles - rng.normal(centre, 0.35))))
        facing = facing + amount * rng.uniform(0.1, 1.5) * thickness * np.exp(-0.5 * (distance / width) ** 2)
    return FatPad(facing + rng.normal(-3.3, 2.2), rng.uniform(0.5, 2.0), rng.uniform(0.3, 1.2))


def _draw_lung_vessels(rng: np.random.Generator) -> Tree:
    """Arteries and veins from the hilum behind the base; those of the other lung begin on the other side."""
    size = rng.uniform(0.7, 1.3)
    beside = rng.normal((62.0, -28.0, -22.0), (10.0, 14.0, 14.0))
    across = rng.normal((-85.0, 20.0, -45.0), (12.0, 15.0, 15.0))
    return join(
        draw_tree(rng, tuple(beside), int(rng.integers(20, 45)), 3.0 * size, rng.uniform(14, 22), LUNG_STEEPNESS),
        draw_tree(rng, tuple(across), int(rng.integers(8, 16)), 3.0 * size, rng.uniform(14, 22), LUNG_STEEPNESS),
    )


def _draw_liver_vessels(level: float, rng: np.random.Generator) -> Tree:
    size = rng.uniform(0.6, 1.2)
    root = rng.normal((-45.0, level + 45.0, 20.0), (25.0, 20.0, 20.0))
    other = rng.normal((-5.0, level + 22.0, 0.0), (15.0, 10.0, 15.0))
    return join(
        draw_tree(rng, tuple(root), int(rng.integers(6, 14)), 4.2 * size, rng.uniform(14, 24)),
        draw_tree(rng, tuple(other), int(rng.integers(4, 9)), 4.2 * size, rng.uniform(14, 24)),
    )


COARSE = 4  # distance to the heart is worked out on every fourth point each way
COVERED = (Tissue.LUNG, Tissue.AIR)


@dataclass(frozen=True)
class Covering:
    """The pad on the points of one slice."""

    thickness_mm: Image
    pericardium_mm: float
    pitch_mm: float

    def paint(self, tissue: Tissues, heart: Tissues) -> None:
        """Pericardium and fat on what lies around the heart, then the heart itself."""
        filled = heart > 0
        if filled.any():
            distance = _distance(filled, self.pitch_mm)
            room = (tissue == Tissue.LUNG) & ~filled
            tissue[room & (distance < self.thickness_mm)] = Tissue.VISCERAL_FAT
            # Where lung touches the heart, the pericardium is too thin to be seen.
            between = ~filled & (tissue != Tissue.AIR) & (tissue != Tissue.LUNG)
            tissue[between & (distance < self.pericardium_mm)] = Tissue.PERICARDIUM
        tissue[filled] = heart[filled]


def covering(pad: FatPad, heart: Around, height: float, rough: Image, coarse: Image, pitch_mm: float) -> Covering:
    """What the slice's frames share; there is more fat towards the apex (`height` 1) than at the base (0)."""
    more = np.float32(0.7 + 0.9 * np.clip(height, 0.0, 1.3))
    thickness = (
        more * heart.polar.at(pad.thickness_mm) * (1 + np.float32(0.4) * coarse) + np.float32(pad.rough_mm) * rough
    )
    return Covering(np.asarray(thickness, dtype=np.float32), pad.pericardium_mm, pitch_mm)


def _distance(filled: npt.NDArray[np.bool_], pitch_mm: float) -> Image:
    """Distance to the heart, mm, linear between coarse points."""
    from scipy.ndimage import distance_transform_edt

    coarse = distance_transform_edt(~filled[::COARSE, ::COARSE]).astype(np.float32) * np.float32(COARSE * pitch_mm)
    rows, columns = (_between(n, m) for n, m in zip(filled.shape, coarse.shape, strict=True))
    across = coarse[:, columns[0]] * (1 - columns[2]) + coarse[:, columns[1]] * columns[2]
    down = rows[2][:, None]
    return np.asarray(across[rows[0]] * (1 - down) + across[rows[1]] * down)


def _between(n: int, coarse: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Image]:
    place = np.arange(n) / COARSE
    first = np.minimum(place.astype(np.intp), coarse - 1)
    return first, np.minimum(first + 1, coarse - 1), (place - first).astype(np.float32)


class ThoraxTissue:
    """Everything but the heart on one grid; what does not change along the heart's axis is worked out once."""

    def __init__(self, thorax: Thorax, grid: Grid) -> None:
        """Take the shapes, and the points to paint."""
        self.thorax, self.grid = thorax, grid

    def at(self, z: float, breath_mm: float = 0.0) -> Tissues:
        """Tissue at the points of a plane, at a moment of the breath-hold."""
        dx, dy = self.thorax.warp.at(self.grid.rulers, z)
        out = np.empty(dx.shape, dtype=np.uint8)
        canvas = TissueCanvas(self.grid, z, self.grid.x + dx, self.grid.y + dy, out)
        cavity = paint_wall(canvas, self.thorax.wall, self._layers, (dx, dy))
        paint_abdomen(canvas, self.thorax.abdomen, cavity, breath_mm)
        paint_mediastinum(canvas, self.thorax.mediastinum)
        return out

    def blood(self, z: float, slice_mm: float) -> tuple[Image, Image]:
        """Share of the slice's thickness that is vessel: in lungs, in the liver."""
        lung, liver = (
            share_of_blood(tree, self.grid, z, slice_mm)
            for tree in (self.thorax.lung_vessels, self.thorax.liver_vessels)
        )
        return lung, liver

    @cached_property
    def lung_signal(self) -> Image:
        """Density of the lung relative to its mean: more at the back, and where its vessels are dense."""
        slope = np.float32(self.thorax.lung_gradient / 100.0)
        back = self.grid.x * np.float32(0.8) + self.grid.y * np.float32(0.6)
        from_heart = np.hypot(self.grid.x - np.float32(30.0), self.grid.y)
        dense = np.float32(self.thorax.lung_haze) * np.exp(-from_heart / np.float32(40.0))
        return np.clip(np.float32(self.thorax.lung_density) * (np.clip(1 + slope * back, 0.3, 2.0) + dense), 0.4, 2.2)

    @cached_property
    def _layers(self) -> Layers:
        return layers_of(self.thorax.wall, self.grid)
