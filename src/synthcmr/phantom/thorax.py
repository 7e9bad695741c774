"""What lies around the heart, drawn per subject: chest wall, lungs, diaphragm, liver, stomach, spleen, spine, vessels.

Everything is placed in the short-axis frame (millimetres from the LV axis) and changes slowly along it, so that
neighbouring slices belong together.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.noise import Volume, noise_volume
from synthcmr.phantom.polar import Table, bump, harmonics
from synthcmr.phantom.subject import PhantomSubject
from synthcmr.phantom.tissues import Tissue

Rows = npt.NDArray[np.float64]
STOMACH_CONTENT = (Tissue.STOMACH_FLUID, Tissue.GAS, Tissue.BOWEL, Tissue.VISCERAL_FAT, Tissue.STOMACH_WALL)
BOWEL_CONTENT = (Tissue.BOWEL, Tissue.STOMACH_FLUID, Tissue.GAS, Tissue.MUSCLE, Tissue.VISCERAL_FAT)


@dataclass(frozen=True)
class ChestWall:
    """Body outline as a superellipse, and its layers."""

    centre_x: float
    centre_y: float
    half_width: float
    half_height: float
    exponent: float
    shape: Table
    fat_mm: Table
    muscle_mm: Table
    ribs: int
    rib_phase: float
    rib_mm: float
    arm: tuple[float, float, float] | None  # centre and radius of an arm in the field of view


@dataclass(frozen=True)
class Diaphragm:
    """The line between lung and abdomen: y over x."""

    y: float
    tilt: float
    dome_mm: float
    dome_x: float
    slope_z: float


@dataclass(frozen=True)
class Organ:
    """An ellipse below the diaphragm; `y` counts from the diaphragm's level."""

    x: float
    y: float
    half_width: float
    half_height: float
    turn: float = 0.0
    content: int = 0
    level: float = 0.0


@dataclass(frozen=True)
class Thorax:
    """Everything around one heart."""

    wall: ChestWall
    diaphragm: Diaphragm
    liver_edge: float
    liver_slope: float
    stomach: Organ
    spleen: Organ
    bowel: tuple[Organ, ...]
    aorta: tuple[float, float, float]
    spine: tuple[float, float, float]
    lung_vessels: Rows  # x, y, radius, dx/dz, dy/dz, z of the middle
    liver_vessels: Rows  # x, y, radius, dx/dz, dy/dz, flatness
    fat_pad_mm: float
    fat_pad_shape: Table
    lung_density: float
    textures: tuple[Volume, Volume, Volume]  # fine, middle, coarse


def draw_thorax(subject: PhantomSubject) -> Thorax:
    """Draw the surroundings of a subject's heart."""
    rng = np.random.default_rng(np.random.SeedSequence([subject.seed, 23]))
    under_heart = 35.0 * (subject.targets.lv_edv_ml / 150.0) ** (1 / 3) + rng.normal(1.0, 7.0)
    return Thorax(
        wall=_draw_wall(subject, rng),
        diaphragm=Diaphragm(
            under_heart, rng.normal(0.12, 0.16), rng.uniform(0.0, 28.0), rng.normal(-60.0, 40.0), rng.normal(0.1, 0.25)
        ),
        liver_edge=rng.normal(20.0, 35.0),
        liver_slope=rng.normal(-0.3, 0.4),
        stomach=_draw_stomach(rng),
        spleen=Organ(rng.normal(115, 18), rng.normal(35, 18), rng.uniform(12, 35), rng.uniform(15, 45)),
        bowel=tuple(_draw_bowel(rng) for _ in range(int(rng.integers(3, 14)))),
        aorta=(rng.normal(78, 12), rng.normal(45, 12), rng.uniform(8, 13)),
        spine=(rng.normal(100, 14), rng.normal(62, 16), rng.uniform(15, 22)),
        lung_vessels=_draw_lung_vessels(rng),
        liver_vessels=_draw_liver_vessels(rng),
        fat_pad_mm=max(0.0, rng.normal(6.0, 9.0)),
        fat_pad_shape=harmonics(rng, {1: 0.7, 2: 0.6, 3: 0.5, 4: 0.3}),
        lung_density=float(np.exp(rng.normal(0.0, 0.5))),
        textures=(
            noise_volume(rng, (10, 96, 96), (0.6, 0.8, 0.8)),
            noise_volume(rng, (10, 64, 64), (0.8, 1.2, 1.2)),
            noise_volume(rng, (6, 24, 24), (1.0, 1.2, 1.2)),
        ),
    )


def _draw_wall(subject: PhantomSubject, rng: np.random.Generator) -> ChestWall:
    """The anterior wall lies to the left and above; obese people are wider and the fat pushes it out."""
    extra = (subject.bmi - 25.0) * 1.6
    width, height = rng.normal(150, 12) + extra, rng.normal(125, 12) + extra
    left = rng.normal(-88, 11) - 0.4 * subject.chest_fat_mm
    top = rng.normal(-95, 16) - 0.4 * subject.chest_fat_mm
    fat = subject.chest_fat_mm * np.clip(1 + harmonics(rng, {1: 0.35, 2: 0.3, 3: 0.15}), 0.15, None) * 0.7 + 1.5
    if subject.sex == "female":  # breast
        fat = fat + rng.uniform(5, 45) * bump(rng.normal(-2.4, 0.3), rng.uniform(0.25, 0.5))
    muscle = rng.uniform(4, 14) * np.clip(1 + harmonics(rng, {2: 0.3, 5: 0.2}), 0.4, None)
    arm = None
    if rng.random() < 0.3:
        arm = (rng.normal(left + 0.8 * width, 20), top + height - height * rng.uniform(1.1, 1.25), rng.uniform(28, 45))
    return ChestWall(
        centre_x=left + width,
        centre_y=top + height,
        half_width=width,
        half_height=height,
        exponent=rng.uniform(2.0, 3.0),
        shape=harmonics(rng, {1: 0.02, 2: 0.05, 3: 0.03, 4: 0.015}),
        fat_mm=fat,
        muscle_mm=muscle,
        ribs=int(rng.integers(7, 14)),
        rib_phase=rng.uniform(0, 2 * np.pi),
        rib_mm=rng.uniform(1.5, 5.0),
        arm=arm,
    )


def _draw_stomach(rng: np.random.Generator) -> Organ:
    return Organ(
        x=rng.normal(40, 28),
        y=rng.normal(26, 9),
        half_width=rng.uniform(15, 55),
        half_height=rng.uniform(12, 38),
        turn=rng.uniform(-0.5, 0.5),
        content=STOMACH_CONTENT[int(rng.integers(len(STOMACH_CONTENT)))],
        level=rng.uniform(-0.2, 0.8),
    )


def _draw_bowel(rng: np.random.Generator) -> Organ:
    return Organ(
        x=rng.uniform(-120, 160),
        y=rng.uniform(22, 130),
        half_width=rng.uniform(6, 24),
        half_height=rng.uniform(6, 20),
        turn=rng.uniform(0, np.pi),
        content=BOWEL_CONTENT[int(rng.integers(len(BOWEL_CONTENT)))],
    )


def _draw_lung_vessels(rng: np.random.Generator) -> Rows:
    n = int(rng.integers(150, 600))
    angle, distance = rng.uniform(-np.pi, np.pi, n), rng.uniform(35, 170, n)
    middle = rng.uniform(-45, 45, n) + rng.integers(-1, 3, n) * 30.0
    columns = (
        distance * np.cos(angle) + 15,
        distance * np.sin(angle) - 20,
        rng.gamma(2.0, 0.42, n) + 0.5,
        rng.normal(0, 0.6, n),
        rng.normal(0, 0.6, n),
        middle,
    )
    return np.stack(columns, axis=1)


def _draw_liver_vessels(rng: np.random.Generator) -> Rows:
    n = int(rng.integers(8, 40))
    columns = (
        rng.uniform(-140, 140, n),
        rng.uniform(30, 170, n),
        rng.gamma(2.0, 0.9, n) + 0.7,
        rng.normal(0, 0.5, n),
        rng.normal(0, 0.5, n),
        rng.uniform(0.4, 1.0, n),
    )
    return np.stack(columns, axis=1)
