"""The right ventricle: in each plane a curve with three rounded corners, cut out by the left ventricle.

At the base it is a sail whose corners point to the outflow tract, the inferior free wall and the septum; towards the apex it
turns to the inferior insertion and shrinks to a wedge.
"""

from dataclasses import dataclass

import numpy as np

from synthcmr.phantom.anatomy.curves import THETA, Table, Waver, at, bump, draw_waver
from synthcmr.phantom.anatomy.left_ventricle import LeftVentricle
from synthcmr.phantom.subject import PhantomSubject

EXCURSION_MM = 12.0  # how far annotators' uppermost slice of a normal RV moves towards the apex
# Means over heights, as annotators of ACDC draw them; lengths are in radii of the LV's outer contour.
HEIGHTS = (0.0, 0.15, 0.30, 0.50, 0.70, 0.85, 1.0)
SIZE = (1.02, 1.04, 0.96, 0.80, 0.62, 0.46, 0.32)  # of the middle of the LV
DISTANCE = (1.08, 1.07, 1.05, 1.02, 0.97, 0.95, 0.95)  # of the LV at this height
TURN = (0.14, 0.08, 0.0, -0.12, -0.28, -0.40, -0.48)  # radians; negative towards the inferior wall
FIRST_CORNER = (-1.48, -1.5, -1.54, -1.6, -1.7, -1.75, -1.8)  # where the anterior corner points
INFERIOR_INSERTION = (0.78, 0.82, 0.86, 0.92, 0.97, 1.0, 1.0)  # radians below the direction to the septum
DIAPHRAGM = (1.55, 1.55, 1.5, 1.4, 1.25, 1.15, 1.1)  # where the flat inferior wall faces
OUTFLOW_SHARE = 0.35  # of the LV's length: how far down the outflow tract shapes the section
CRESCENT_BELOW, CRESCENT_POWER = 1.25, 0.8  # a small RV is a thin crescent, not a small disc
FLATNESS = 10.0  # how sharply the inferior wall bends
RV_WAVES = {2: 0.04, 3: 0.03, 4: 0.022, 5: 0.016, 6: 0.012, 7: 0.010, 8: 0.008}


@dataclass(frozen=True)
class RvSlice:
    """The outer curve of the cavity in one plane, around its own centre (mm from the LV axis)."""

    centre_x: float
    centre_y: float
    radius: Table


@dataclass(frozen=True)
class RvPlane:
    """The curve of one plane before it gets its size."""

    centre_x: float
    centre_y: float
    size: float
    width: float  # along the direction to the LV, relative to across
    along: Table  # share of each direction that runs along it, squared
    shape: Table
    bend: Table  # how far a radius reaches towards the diaphragm's line, per mm

    def sized(self, scale: float) -> RvSlice:
        """The curve at a scale, with its inferior wall flattened along the diaphragm."""
        squeeze = min(1.0, scale / CRESCENT_BELOW) ** CRESCENT_POWER
        ellipse = 1.0 / np.sqrt(self.along / (self.width * squeeze) ** 2 + (1 - self.along) * squeeze)
        radius = scale * self.size * ellipse * self.shape
        flat = (1 + (radius * self.bend) ** FLATNESS) ** (-1 / FLATNESS)
        return RvSlice(self.centre_x, self.centre_y, np.asarray(radius * flat))


@dataclass
class RightVentricle:
    """Shape of one RV. `scale` (at end-diastole and end-systole) is what the solver turns."""

    direction: float  # radians, from the LV axis
    twist: float  # how much of the usual turn from base to apex
    above_base_mm: float  # how far it reaches above the mitral plane at end-diastole
    excursion_mm: float
    end: float  # u where it ends
    end_motion: float  # how much higher it ends at end-systole, in u
    apart: float  # distance of the two centres, relative to the usual one
    width: float  # along the direction to the LV, relative to across
    corners: float  # how triangular
    taper: float  # how fast it shrinks towards the apex, relative to the usual
    outflow: float  # reach of the outflow tract at the base, as a share of the radius
    insertion: float  # how much lower than usual the inferior wall meets the septum, radians
    waver: Waver
    scale: tuple[float, float] = (1.0, 0.8)

    def base(self, s: float) -> float:
        """Z of the uppermost plane that annotators draw."""
        return -self.above_base_mm + self.excursion_mm * s

    def slice(self, lv: LeftVentricle, z: float, s: float) -> RvSlice | None:
        """The curve at a plane, or None where there is no RV."""
        plane = self.plane(lv, z, s)
        return None if plane is None else plane.sized(self.scale[0] + (self.scale[1] - self.scale[0]) * s)

    def plane(self, lv: LeftVentricle, z: float, s: float) -> RvPlane | None:
        """What the curve at a plane is but for its size."""
        if z < self.base(s):
            return None
        u = lv.height(z, s)
        if u > self.end - self.end_motion * s:
            return None
        beside = lv.slice(float(np.clip(z, lv.base(s) + 0.01, lv.apex(s) - 0.01)), s)
        if beside is None:
            return None
        direction = self.direction + self.twist * float(np.interp(u, HEIGHTS, TURN))
        lv_radius = float(at(beside.epicardium, np.angle(np.exp(1j * np.array([direction]))))[0])
        distance = self.apart * lv_radius * float(np.interp(u, HEIGHTS, DISTANCE))
        x, y = float(distance * np.cos(direction)), float(distance * np.sin(direction))
        size = lv.a * (1 - 0.5 * lv.shortening * s) + lv.wall_mm
        size *= float(np.interp(u, HEIGHTS, SIZE)) ** self.taper * (1 + min(u, 0.0))
        along = np.cos(THETA - direction) ** 2
        bend = self._bend(beside.epicardium, x, y, u)
        return RvPlane(x, y, size, self.width, along, self._corners(direction, u, s), bend)

    def _corners(self, direction: float, u: float, s: float) -> Table:
        """What three corners and unevenness make of an ellipse; the anterior corner reaches for the outflow tract."""
        corner = float(np.interp(u, HEIGHTS, FIRST_CORNER)) + direction - np.pi
        shape = 1 + self.corners * np.cos(3 * (THETA - corner)) + self.waver.at(u, s)
        if u < OUTFLOW_SHARE:
            shape += self.outflow * (1 - u / OUTFLOW_SHARE) * bump(corner, 0.45)
        return np.asarray(shape)

    def _bend(self, epicardium: Table, x: float, y: float, u: float) -> Table:
        """Where the diaphragm's line runs, which starts where it meets the septum; around the RV's centre."""
        insertion = np.pi - float(np.interp(u, HEIGHTS, INFERIOR_INSERTION)) - self.insertion
        facing = float(np.interp(u, HEIGHTS, DIAPHRAGM)) + self.direction - np.pi
        reach = float(at(epicardium, np.array([insertion]))[0])
        dx, dy = reach * np.cos(insertion) - x, reach * np.sin(insertion) - y
        distance = max(dx * np.cos(facing) + dy * np.sin(facing), 0.3 * reach)
        return np.asarray(np.maximum(np.cos(THETA - facing), 0.0) / distance)


def draw_right_ventricle(subject: PhantomSubject, rng: np.random.Generator) -> RightVentricle:
    """Draw the shape of a subject's RV; its size is solved afterwards."""
    vigour = min(1.2, subject.targets.rv_ef_percent / 55)
    return RightVentricle(
        direction=np.pi + rng.normal(0.0, 0.15),
        twist=float(np.clip(rng.normal(1.0, 0.35), 0.0, 2.0)),
        above_base_mm=rng.normal(1.5, 5.0),
        excursion_mm=float(np.clip(rng.normal(EXCURSION_MM * vigour, 5.0), 0.0, 22.0)),
        end=float(np.clip(rng.normal(0.93, 0.08), 0.7, 1.08)),
        end_motion=float(np.clip(rng.normal(0.04 * vigour, 0.04), 0.0, 0.15)),
        apart=rng.normal(0.99, 0.04),
        width=rng.normal(0.87, 0.07),
        corners=float(np.clip(rng.normal(0.06, 0.03), 0.0, 0.14)),
        taper=float(np.clip(rng.normal(1.0, 0.25), 0.4, 1.7)),
        outflow=rng.uniform(0.0, 0.25),
        insertion=rng.normal(0.0, 0.08),
        waver=draw_waver(rng, RV_WAVES),
    )
