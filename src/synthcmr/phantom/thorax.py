"""What lies around the heart, drawn per subject: chest wall, lungs, abdomen, mediastinum, and how uneven all of it is.

Everything is placed in the short-axis frame (millimetres from the LV axis) and changes slowly along it, so that
neighbouring slices belong together.
"""

from dataclasses import dataclass

import numpy as np

from synthcmr.phantom.abdomen import Abdomen, draw_abdomen
from synthcmr.phantom.chest import ChestWall, draw_wall
from synthcmr.phantom.fields import Grain, SmoothField, Warp, draw_grain, draw_smooth, draw_warp
from synthcmr.phantom.mediastinum import Mediastinum, draw_mediastinum
from synthcmr.phantom.polar import Table, harmonics
from synthcmr.phantom.subject import PhantomSubject
from synthcmr.phantom.vessels import Tree, draw_tree, join

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
