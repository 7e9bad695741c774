"""The left ventricle: a truncated half-ellipsoid with an uneven wall that thickens by conserving muscle.

Symbols: `a` cavity radius at the widest level, `tau` how far the ellipsoid is cut above that level (as a share of its
length), `s` contraction from 0 (end-diastole) to 1 (end-systole), `u` height from base (0) to apex of the cavity (1).
"""

from dataclasses import dataclass, field

import numpy as np

from synthcmr.phantom.polar import SAMPLES, Table, area, bump, harmonics
from synthcmr.phantom.subject import PhantomSubject

TAU = 0.5
TAPER = 1.3  # hearts are a little more conical than an ellipsoid
APEX_SHIFT_MM = 2.0  # the apex hardly moves
SEPTUM = np.pi  # angle 0 is lateral, -pi/2 anterior, pi/2 inferior; the right ventricle lies at pi
ANTEROSEPTAL = -2.6
LENGTH_TO_WIDTH = {"DCM": 1.38, "MINF": 1.52}
NORMAL_LENGTH_TO_WIDTH = 1.70


@dataclass(frozen=True)
class LvSlice:
    """Contours of one short-axis plane around the long axis, mm over angle."""

    u: float
    cavity: Table
    epicardium: Table


@dataclass
class LeftVentricle:
    """Shape of one LV. `a`, `wall_mm` and `shortening` are what the solver turns."""

    length: float
    base_motion: float
    a: float
    cavity_shape: Table
    wall_shape: Table
    apical_gain: float = 0.0
    scar: Table = field(default_factory=lambda: np.zeros(SAMPLES))
    scar_motion: float = 1.0  # share of normal inward motion left within the scar
    scar_extent: tuple[float, float] = (0.0, 0.0)  # in u
    wall_mm: float = 7.0
    shortening: float = 0.3  # of the cavity radius at s = 1

    def base(self, s: float) -> float:
        """Z of the mitral plane, which moves towards the apex."""
        return self.base_motion * s

    def apex(self, s: float) -> float:
        """Z where the cavity ends."""
        return self.length - APEX_SHIFT_MM * s

    def height(self, z: float, s: float) -> float:
        """U of a plane."""
        return (z - self.base(s)) / (self.apex(s) - self.base(s))

    def slice(self, z: float, s: float) -> LvSlice | None:
        """Contours at a plane, or None above the base and below the apex."""
        u = self.height(z, s)
        if u < 0:
            return None
        if u > 1:
            return self._cap(z, s, u)
        level = np.sqrt(max(0.0, 1.0 - (u * (1 + TAU) - TAU) ** 2)) ** TAPER
        relaxed = self.a * level * (1 + self.cavity_shape)
        cavity = relaxed * (1 - self.shortening * s * self._motion(u))
        taper = 1.0 - 0.25 * u**2 + self.apical_gain * np.clip((u - 0.45) / 0.4, 0.0, 1.0)
        wall = self.wall_mm * self.wall_shape * taper
        stretch = self.length / (self.apex(s) - self.base(s))  # the wall gets shorter, so muscle must go outwards
        muscle = (relaxed + wall) ** 2 - relaxed**2
        return LvSlice(u, cavity, np.sqrt(cavity**2 + stretch * muscle))

    def volume_ml(self, planes: np.ndarray, step: float, s: float) -> float:
        """Cavity volume as slices show it."""
        shown = [self.slice(z, s) for z in planes]
        return sum(area(p.cavity) for p in shown if p is not None) * step / 1000.0

    def muscle_ml(self, planes: np.ndarray, step: float, s: float) -> float:
        """Wall volume as slices show it."""
        shown = [self.slice(z, s) for z in planes]
        return sum(area(p.epicardium) - area(p.cavity) for p in shown if p is not None) * step / 1000.0

    def scarred(self, u: float) -> bool:
        """Whether the scar reaches this level."""
        return self.scar_extent[0] < u < self.scar_extent[1]

    def _motion(self, u: float) -> Table:
        return 1.0 - (1.0 - self.scar_motion) * self.scar * float(self.scarred(u))

    def _cap(self, z: float, s: float, u: float) -> LvSlice | None:
        """Muscle that closes the apex."""
        depth = (z - self.apex(s)) / (0.9 * self.wall_mm * (1 + self.apical_gain))
        if depth >= 1:
            return None
        radius = 1.1 * self.wall_mm * np.sqrt(1 - depth**2)
        return LvSlice(u, np.zeros(SAMPLES), np.full(SAMPLES, radius))


def draw_left_ventricle(subject: PhantomSubject, rng: np.random.Generator) -> LeftVentricle:
    """Draw the shape of a subject's LV; size, wall and contraction are solved afterwards."""
    targets, diagnosis = subject.targets, subject.diagnosis
    ratio = float(np.clip(rng.normal(LENGTH_TO_WIDTH.get(diagnosis, NORMAL_LENGTH_TO_WIDTH), 0.10), 1.2, 2.1))
    volume_of_unit = 2 * np.pi * ratio / (1 + TAU) * (2 / 3 + TAU - TAU**3 / 3)
    a = float((targets.lv_edv_ml * 1000.0 / volume_of_unit) ** (1 / 3))
    # The mitral plane moves by some 14 mm, but annotators go on drawing the ventricle in the basal slice it leaves: ACDC masks
    # lose half a slice from ED to ES, not one and a half. The base moves as masks show it.
    motion = float(np.clip(rng.normal(0.07 * min(1.0, targets.lv_ef_percent / 58), 0.03), 0.0, 0.16))
    shape = harmonics(rng, {2: 0.035, 3: 0.018, 4: 0.010})
    wall = 1.0 + harmonics(rng, {1: 0.06, 2: 0.05, 3: 0.04}) + 0.10 * bump(SEPTUM, 0.9)
    ventricle = LeftVentricle(2 * a * ratio, motion * 2 * a * ratio, a, shape, wall)
    if diagnosis == "RV" and rng.random() < 0.4:  # pressure overload flattens the septum
        ventricle.cavity_shape = shape - rng.uniform(0.08, 0.25) * bump(SEPTUM, 0.7)
    if diagnosis == "HCM":
        _thicken(ventricle, rng)
    if diagnosis == "MINF":
        _infarct(ventricle, rng)
    ventricle.wall_shape = np.clip(ventricle.wall_shape, 0.35, None)
    return ventricle


def _thicken(ventricle: LeftVentricle, rng: np.random.Generator) -> None:
    """Hypertrophic: mostly the anterior septum, in some the apex or the whole wall."""
    kind = rng.random()
    if kind < 0.10:
        ventricle.apical_gain = rng.uniform(0.5, 1.2)
    elif kind > 0.25:
        where = rng.normal(ANTEROSEPTAL, 0.4)
        ventricle.wall_shape = ventricle.wall_shape + rng.uniform(1.0, 2.3) * bump(where, rng.uniform(0.6, 1.1))


def _infarct(ventricle: LeftVentricle, rng: np.random.Generator) -> None:
    """A thin sector that hardly moves."""
    ventricle.scar = bump(rng.uniform(-np.pi, np.pi), rng.uniform(0.4, 0.9))
    ventricle.scar_motion = rng.uniform(0.0, 0.3)
    ventricle.scar_extent = (rng.uniform(-0.3, 0.4), rng.uniform(0.7, 1.3))
    ventricle.wall_shape = ventricle.wall_shape * (1 - rng.uniform(0.2, 0.45) * ventricle.scar)
