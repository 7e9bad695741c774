"""The ventricles. The left one is a truncated half-ellipsoid with an uneven wall that thickens by conserving muscle.

Symbols: `a` cavity radius at the widest level, `tau` how far the ellipsoid is cut above that level (as a share of its
length), `s` contraction from 0 (end-diastole) to 1 (end-systole), `u` height from base (0) to apex of the cavity (1).

The right one is in each plane a curve with three rounded corners, cut out by the left ventricle. At the base it is a sail whose corners
point to the outflow tract, the inferior free wall and the septum; towards the apex it turns to the inferior insertion and shrinks to a
wedge.
"""

from dataclasses import dataclass, field

import numpy as np

from synthcmr.phantom.anatomy.curves import SAMPLES, THETA, Table, Waver, area, at, bump, draw_waver
from synthcmr.phantom.subject import PhantomSubject

TAU = 0.5
APEX_SHIFT_MM = 2.0  # the apex hardly moves
SEPTUM = np.pi  # angle 0 is lateral, -pi/2 anterior, pi/2 inferior; the right ventricle lies at pi
ANTEROSEPTAL, OUTFLOW = -2.6, -2.44
LENGTH_TO_WIDTH = {"DCM": 1.40, "MINF": 1.50, "HCM": 1.85}
NORMAL_LENGTH_TO_WIDTH = 1.62
# Spreads of the harmonics of contours, relative to the radius, as annotators of ACDC draw them.
CAVITY_WAVES = {2: 0.042, 3: 0.020, 4: 0.013, 5: 0.010, 6: 0.007, 7: 0.006, 8: 0.005, 9: 0.005}
OUTER_WAVES = {2: 0.018, 3: 0.009, 4: 0.008, 5: 0.006, 6: 0.005, 7: 0.005, 8: 0.004, 9: 0.004}
WALL_WAVES = {1: 0.075, 2: 0.045, 3: 0.035, 4: 0.02}
OUTFLOW_BUMP, OUTFLOW_THINNING = bump(OUTFLOW, 0.45), bump(SEPTUM, 0.5)
OVAL = -0.045 * np.cos(2 * THETA) + 0.02 * np.cos(3 * THETA)  # longer from front to back, flat towards the septum
OUTER_OVAL = -0.012 * np.cos(2 * THETA) + 0.012 * np.cos(3 * THETA)
FOLLOWS = 0.5  # share of an unevenness of the cavity that the outer contour shows too; the wall evens out the rest
THINNEST_MM = 1.8
LEAST_OPENING = 0.06  # of a radius: what is left of the cavity where it all but closes
FORMS_KEPT = 1024
BASAL_SHARE = 0.22  # of the length: how far down the outflow tract shapes the section
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
class LvSlice:
    """Contours of one short-axis plane around the long axis, mm over angle."""

    u: float
    cavity: Table
    epicardium: Table
    drawn: bool = True  # annotators leave out the muscle below the cavity


@dataclass(frozen=True)
class Form:
    """What shapes one plane at one contraction whatever the solver turns; all but the first are relative, over angle."""

    profile: float
    motion: Table
    cavity: Table
    evened: Table
    wall: Table
    outer: Table


@dataclass
class LeftVentricle:
    """Shape of one LV. `a`, `wall_mm` and `shortening` are what the solver turns."""

    length: float
    base_motion: float
    apex_motion: float
    a: float
    taper: float  # how conical
    basal_narrowing: float  # of the radius at the mitral plane
    cavity_waver: Waver
    outer_waver: Waver
    wall_waver: Waver
    wall_shape: Table
    outflow: float  # bulge of the cavity below the aortic valve, as a share of the radius
    basal_stillness: float  # how much less the base moves inwards
    apical_drive: float  # how much more the apex does
    compaction: float  # muscle seen at ES over that at ED: trabeculae close up and are drawn as wall
    closed_apex_drawn: bool  # whether the annotator goes on drawing muscle where the cavity closes during the beat
    flattening: Table = field(default_factory=lambda: np.zeros(SAMPLES))  # of septum by an overloaded RV
    apical_gain: float = 0.0
    scar: Table = field(default_factory=lambda: np.zeros(SAMPLES))
    scar_motion: float = 1.0  # share of normal inward motion left within the scar
    scar_extent: tuple[float, float] = (0.0, 0.0)  # in u
    wall_mm: float = 7.0
    shortening: float = 0.3  # of the cavity radius at s = 1
    _forms: dict[tuple[float, float], Form] = field(default_factory=dict, repr=False)

    def base(self, s: float) -> float:
        """Z of the mitral plane, which moves towards the apex."""
        return self.base_motion * s

    def apex(self, s: float) -> float:
        """Z where the cavity ends."""
        return self.length - self.apex_motion * s

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
        form = self._form(u, s)
        relaxed, radius = self.a * form.profile, self._radius(form, s)
        cavity, evened = radius * form.cavity, radius * form.evened
        stretch = self.length / (self.apex(s) - self.base(s))  # the wall gets shorter, so muscle must go outwards
        stretch *= 1 + (self.compaction - 1) * s
        muscle = (relaxed + self.wall_mm * form.wall) ** 2 - relaxed**2
        outer = np.sqrt(evened**2 + stretch * muscle) * form.outer
        return LvSlice(u, cavity, np.maximum(outer, cavity + THINNEST_MM))

    def volume_ml(self, planes: np.ndarray, step: float, s: float) -> float:
        """Cavity volume as slices show it."""
        forms = [self._form(u, s) for u in (self.height(float(z), s) for z in planes) if 0 <= u <= 1]
        return sum(area(self._radius(form, s) * form.cavity) for form in forms) * step / 1000.0

    def muscle_ml(self, planes: np.ndarray, step: float, s: float) -> float:
        """Wall volume as slices show it."""
        shown = [self.slice(z, s) for z in planes]
        return sum(area(p.epicardium) - area(p.cavity) for p in shown if p is not None and p.drawn) * step / 1000.0

    def scarred(self, u: float) -> bool:
        """Whether the scar reaches this level."""
        return self.scar_extent[0] < u < self.scar_extent[1]

    def _profile(self, u: float) -> float:
        """Radius at a height, relative to the widest."""
        below = u * (1 + TAU) - TAU
        if below < 0:
            return float(1 - self.basal_narrowing * (below / TAU) ** 2)
        return float(max(0.0, 1.0 - below**2) ** (0.5 * self.taper))

    def _form(self, u: float, s: float) -> Form:
        if (u, s) not in self._forms:
            if len(self._forms) >= FORMS_KEPT:
                self._forms.clear()
            uneven = self._unevenness(u, s)
            self._forms[u, s] = Form(
                self._profile(u),
                self._motion(u),
                1 + uneven + self.flattening,
                1 + FOLLOWS * uneven + self.flattening,
                self._wall(u, s),
                1 + OUTER_OVAL + self.outer_waver.at(u, s),
            )
        return self._forms[u, s]

    def _radius(self, form: Form, s: float) -> Table:
        return np.asarray(self.a * form.profile * np.maximum(1 - self.shortening * s * form.motion, LEAST_OPENING))

    def _unevenness(self, u: float, s: float) -> Table:
        basal = max(0.0, 1 - u / BASAL_SHARE)
        waves = self.cavity_waver.at(u, s) * (1 + 0.5 * max(0.0, 1 - u / 0.12) + 0.8 * max(0.0, (u - 0.8) / 0.2))
        if self.scarred(u):  # which does not move, so does not change shape either
            waves += self.scar * (self.cavity_waver.at(u, 0.0) - waves)
        return OVAL + waves + (1 + 0.5 * s) * self.outflow * basal * OUTFLOW_BUMP

    def _wall(self, u: float, s: float) -> Table:
        """Thickness at ED, relative: thins to the apex, and where the outflow tract meets the septum."""
        taper = 1.0 + 0.16 * (1 - u) ** 0.5 - 0.22 * u**2
        taper += self.apical_gain * min(max((u - 0.45) / 0.4, 0.0), 1.0)
        basal = max(0.0, 1 - u / BASAL_SHARE)
        shape = self.wall_shape + self.wall_waver.at(u, s) - (0.35 + 0.25 * s) * basal * OUTFLOW_THINNING
        return np.asarray(np.maximum(shape, 0.3) * taper)

    def _motion(self, u: float) -> Table:
        level = 1 - self.basal_stillness * max(0.0, 1 - u / 0.35) + self.apical_drive * max(0.0, u - 0.5)
        return np.asarray(level * (1.0 - (1.0 - self.scar_motion) * self.scar * float(self.scarred(u))))

    def _cap(self, z: float, s: float, u: float) -> LvSlice | None:
        """Muscle that closes the apex."""
        depth = (z - self.apex(s)) / (0.9 * self.wall_mm * (1 + self.apical_gain))
        if depth >= 1:
            return None
        radius = 1.1 * self.wall_mm * np.sqrt(1 - depth**2)
        drawn = self.closed_apex_drawn and z <= self.length
        return LvSlice(u, np.zeros(SAMPLES), np.full(SAMPLES, radius), drawn)


def draw_left_ventricle(subject: PhantomSubject, rng: np.random.Generator) -> LeftVentricle:
    """Draw the shape of a subject's LV; size, wall and contraction are solved afterwards."""
    targets, diagnosis = subject.targets, subject.diagnosis
    ratio = float(np.clip(rng.normal(LENGTH_TO_WIDTH.get(diagnosis, NORMAL_LENGTH_TO_WIDTH), 0.16), 1.2, 2.3))
    volume_of_unit = 2 * np.pi * ratio / (1 + TAU) * (2 / 3 + TAU - TAU**3 / 3)
    a = float((targets.lv_edv_ml * 1000.0 / volume_of_unit) ** (1 / 3))
    length, vigour = 2 * a * ratio, min(1.2, targets.lv_ef_percent / 58)
    # The mitral plane moves by some 14 mm, but annotators go on drawing the ventricle in the basal slice it leaves: ACDC masks
    # lose a quarter of a slice from ED to ES, not one and a half. The base moves as masks show it.
    motion = float(np.clip(rng.normal(0.025 * vigour, 0.025), 0.0, 0.12)) * length
    ventricle = LeftVentricle(
        length=length,
        base_motion=motion,
        apex_motion=APEX_SHIFT_MM + vigour**2 * rng.uniform(0.0, 0.045) * length,
        a=a,
        taper=float(np.clip(rng.normal(1.30, 0.18), 0.9, 1.9)),
        basal_narrowing=float(np.clip(rng.normal(0.05, 0.06), -0.08, 0.22)),
        cavity_waver=draw_waver(rng, CAVITY_WAVES),
        outer_waver=draw_waver(rng, OUTER_WAVES, 1.0),
        wall_waver=draw_waver(rng, WALL_WAVES, 1.0),
        wall_shape=np.ones(SAMPLES),
        outflow=rng.uniform(0.0, 0.25),
        basal_stillness=float(np.clip(rng.normal(0.25, 0.12), 0.0, 0.6)),
        apical_drive=rng.uniform(0.0, 0.4),
        compaction=float(np.clip(rng.normal(1.02 + 0.0022 * targets.lv_ef_percent, 0.07), 0.98, 1.4)),
        closed_apex_drawn=bool(rng.random() < 0.5),
    )
    if diagnosis == "RV" and rng.random() < 0.5:  # pressure overload flattens the septum
        ventricle.flattening = -rng.uniform(0.06, 0.25) * bump(SEPTUM, 0.7)
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
        ventricle.apical_gain = rng.uniform(0.9, 1.7)
    elif kind > 0.16:
        where = rng.normal(ANTEROSEPTAL, 0.4)
        ventricle.wall_shape = ventricle.wall_shape + rng.uniform(1.5, 2.4) * bump(where, rng.uniform(0.65, 1.1))


def _infarct(ventricle: LeftVentricle, rng: np.random.Generator) -> None:
    """A thin sector that hardly moves."""
    ventricle.scar = bump(rng.uniform(-np.pi, np.pi), rng.uniform(0.4, 0.9))
    ventricle.scar_motion = rng.uniform(0.0, 0.3)
    ventricle.scar_extent = (rng.uniform(-0.3, 0.4), rng.uniform(0.7, 1.3))
    ventricle.wall_shape = ventricle.wall_shape * (1 - rng.uniform(0.2, 0.45) * ventricle.scar)


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
