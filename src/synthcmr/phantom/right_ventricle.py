"""The right ventricle: in each plane a rounded, slightly triangular curve, cut out by the left ventricle."""

from dataclasses import dataclass

import numpy as np

from synthcmr.phantom.left_ventricle import LeftVentricle
from synthcmr.phantom.polar import THETA, Table, at, harmonics
from synthcmr.phantom.subject import PhantomSubject

TAPSE_MM = 20.0  # normal excursion of the base towards the apex


@dataclass(frozen=True)
class RvSlice:
    """The outer curve of the cavity in one plane, around its own centre (mm from the LV axis)."""

    centre_x: float
    centre_y: float
    radius: Table


@dataclass
class RightVentricle:
    """Shape of one RV. `scale` (at end-diastole and end-systole) is what the solver turns."""

    direction: float  # radians, from the LV axis
    twist: float  # turn of that direction from base to apex
    above_base_mm: float  # how far it reaches above the mitral plane at end-diastole
    excursion_mm: float
    end: float  # u where it ends
    apart: float  # distance of the two centres, in LV radii
    width: float  # along the direction to the LV, relative to across
    triangle: float
    taper: float  # how much smaller it is at the apex, as a share
    shape: Table
    scale: tuple[float, float] = (1.3, 1.0)

    def slice(self, lv: LeftVentricle, z: float, s: float) -> RvSlice | None:
        """The curve at a plane, or None where there is no RV."""
        if z < -self.above_base_mm + self.excursion_mm * s:
            return None
        u = lv.height(z, s)
        if u > self.end:
            return None
        beside = lv.slice(float(np.clip(z, lv.base(s) + 0.01, lv.apex(s) - 0.01)), s)
        if beside is None:
            return None
        direction = self.direction + self.twist * (u - 0.5)
        lv_radius = float(at(beside.epicardium, np.angle(np.exp(1j * np.array([direction]))))[0])
        size = (lv.a * (1 - 0.5 * lv.shortening * s) + lv.wall_mm) * self._girth(u)
        distance = self.apart * lv_radius
        radius = self._curve(size * (self.scale[0] + (self.scale[1] - self.scale[0]) * s), direction, u)
        return RvSlice(distance * np.cos(direction), distance * np.sin(direction), radius)

    def _girth(self, u: float) -> float:
        """Size along the axis: widest a quarter of the way down, tapering to the apex, closing above the base."""
        down = float(np.clip(u, 0.0, 1.0))
        closing = 1.0 - 0.18 * float(np.clip(1.0 - down / 0.2, 0.0, 1.0)) + 1.6 * min(u, 0.0)
        return max(0.2, (1.03 - self.taper * down**1.5) * closing)

    def _curve(self, size: float, direction: float, u: float) -> Table:
        """An ellipse across the direction to the LV, more triangular towards the base."""
        phi = THETA - direction
        along, across = size * self.width, size
        ellipse = 1.0 / np.sqrt((np.cos(phi) / along) ** 2 + (np.sin(phi) / across) ** 2)
        basal = np.clip(1 - 2.2 * u, 0.0, 1.0)
        return ellipse * (1 + self.shape + self.triangle * basal * np.cos(3 * phi + 0.5))


def draw_right_ventricle(subject: PhantomSubject, rng: np.random.Generator) -> RightVentricle:
    """Draw the shape of a subject's RV; its size is solved afterwards."""
    excursion = rng.normal(TAPSE_MM * min(1.0, subject.targets.rv_ef_percent / 55), 2.5)
    return RightVentricle(
        direction=np.pi + rng.normal(-0.05, 0.18),
        twist=rng.normal(0.25, 0.2),
        above_base_mm=rng.uniform(-4.0, 9.0),
        excursion_mm=float(np.clip(excursion, 4, 26)),
        end=rng.uniform(0.86, 1.08),
        apart=rng.normal(0.98, 0.08),
        width=rng.uniform(0.62, 0.92),
        triangle=rng.uniform(0.02, 0.14),
        taper=rng.uniform(0.45, 0.78),
        shape=harmonics(rng, {2: 0.03, 3: 0.03, 4: 0.015}),
    )
