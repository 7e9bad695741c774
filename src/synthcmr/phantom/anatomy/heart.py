"""The heart of a phantom subject over a heartbeat, solved so that its short-axis stack measures what was requested."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.measures import MYOCARDIAL_DENSITY_G_PER_ML
from synthcmr.phantom.anatomy.curves import Around, Points, Polar
from synthcmr.phantom.anatomy.ventricles import (
    LeftVentricle,
    RightVentricle,
    RvPlane,
    draw_left_ventricle,
    draw_right_ventricle,
)
from synthcmr.phantom.subject import PhantomSubject

ISOVOLUMIC_RELAXATION_MS = 70.0
E_WAVE_MS, A_WAVE_MS = 215.0, 130.0


def es_phase(heart_rate: float) -> float:
    """End-systole as a share of the RR interval (ejection time plus isovolumic contraction: 450 - 1.7 HR ms)."""
    return (450.0 - 1.7 * heart_rate) * heart_rate / 60000.0


def volume_at(phase: float, age: float, heart_rate: float, edv_ml: float, esv_ml: float) -> float:
    """LV volume at a phase (0 to 1): ejection, isovolumic relaxation, E wave, diastasis, A wave.

    With age less of the filling happens early and more in the atrial kick.
    """
    rr = 60000.0 / heart_rate
    t, t_es = phase * rr, es_phase(heart_rate) * rr
    stroke = edv_ml - esv_ml
    if t <= t_es:
        return edv_ml - stroke * 0.5 * (1 - np.cos(np.pi * (t / t_es) ** 0.9))
    return esv_ml + stroke * _filled(t - t_es - ISOVOLUMIC_RELAXATION_MS, rr - t_es - ISOVOLUMIC_RELAXATION_MS, age)


def _filled(t: float, duration: float, age: float) -> float:
    """Share of the stroke volume that has come back `t` ms after the mitral valve opened."""
    if t <= 0:
        return 0.0
    squeeze = min(1.0, duration / (E_WAVE_MS + A_WAVE_MS + 20.0))  # fast hearts merge the waves
    e_ms, a_ms = E_WAVE_MS * squeeze, A_WAVE_MS * squeeze
    early = float(np.clip(0.65 - 0.006 * (age - 45), 0.40, 0.70))
    late = float(np.clip(0.20 + 0.0052 * (age - 45), 0.15, 0.40))
    e_part = early * 0.5 * (1 - np.cos(np.pi * np.clip(t / e_ms, 0, 1)))
    a_part = late * 0.5 * (1 - np.cos(np.pi * np.clip((t - duration + a_ms) / a_ms, 0, 1)))
    rest = (1 - early - late) * np.clip(t / duration, 0, 1)
    return float(e_part + a_part + rest)


BISECTIONS = 13
SOLVE_PIXEL_MM = 1.5  # RV areas are counted on a grid while solving
BREATH_HOLD_MM = 1.0  # usual spread of the heart's place between slices, each way
MISSED_COVERAGE = 0.14  # share of stacks that miss a slice at one end (UK Biobank quality control)


class Heart:
    """Geometry of one heart in the short-axis frame: x right, y down, z from base to apex, millimetres.

    Attributes:
        slices_z: z of the acquired slices, base to apex.
        centres: place of the LV axis in each slice, (slices, 2).
    """

    def __init__(self, subject: PhantomSubject) -> None:
        """Draw and solve the heart; everything follows from `subject`."""
        self.subject = subject
        rng = np.random.default_rng(np.random.SeedSequence([subject.seed, 11]))
        self.lv: LeftVentricle = draw_left_ventricle(subject, rng)
        self.rv: RightVentricle = draw_right_ventricle(subject, rng)
        self.step = subject.protocol.slice_step_mm
        self.slices_z = _planes(self.lv.length, self.step, subject.protocol.spare_slices, rng)
        self.centres = _axis(self.slices_z, self.lv.length, rng)
        self._solve()

    def around(self, x: Points, y: Points, index: int) -> Around:
        """Points of slice `index` as its axis sees them."""
        centre_x, centre_y = (float(c) for c in self.centres[index])  # so that points keep their precision
        return Around(x - centre_x, y - centre_y, index)

    def labels(self, around: Around, s: float) -> Mask:
        """What an annotator would draw on points of a slice at contraction `s`."""
        z = float(self.slices_z[around.index])
        left, right = self.lv.slice(z, s), self.rv.slice(self.lv, z, s)
        out = np.zeros(around.dx.shape, dtype=np.uint8)
        if right is not None:
            seen = Polar.of(around.dx - right.centre_x, around.dy - right.centre_y)
            out[seen.r < seen.at(right.radius)] = Label.RV
        if left is not None and left.drawn:
            seen = around.polar
            out[seen.r < seen.at(left.epicardium)] = Label.MYOCARDIUM
            out[seen.r < seen.at(left.cavity)] = Label.LV
        return out

    def contraction(self, phase: float) -> float:
        """`s` at a phase of the heartbeat (0 to 1, from end-diastole), so that the LV follows its volume curve."""
        targets = self.subject.targets
        if phase <= 0:
            return 0.0
        volume = volume_at(phase, self.subject.age, self.subject.heart_rate, targets.lv_edv_ml, targets.lv_esv_ml)
        states, volumes = self._volume_of_state
        return float(np.interp(-volume, -volumes, states))

    @property
    def es_phase(self) -> float:
        """Phase of end-systole."""
        return es_phase(self.subject.heart_rate)

    @cached_property
    def _volume_of_state(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        states = np.linspace(0.0, 1.0, 9)
        volumes = np.array([self.lv.volume_ml(self.slices_z, self.step, s) for s in states])
        return states, np.minimum.accumulate(volumes)

    def _solve(self) -> None:
        targets, lv, rv = self.subject.targets, self.lv, self.rv
        for _ in range(4):
            lv.a *= (targets.lv_edv_ml / lv.volume_ml(self.slices_z, self.step, 0.0)) ** 0.5
        _bisect(self._mass_with_wall, targets.lv_mass_g, 1.5, 30.0)
        _bisect(self._emptied_with_shortening, -targets.lv_esv_ml, -0.3, 0.95)
        relaxed, contracted = self._beside_lv(0.0), self._beside_lv(1.0)
        full = _bisect(lambda scale: self._rv_volume(relaxed, scale), targets.rv_edv_ml, 0.4, 3.0)
        empty = _bisect(lambda scale: self._rv_volume(contracted, scale), targets.rv_esv_ml, 0.2, 3.0)
        rv.scale = (full, empty)

    def _mass_with_wall(self, wall_mm: float) -> float:
        self.lv.wall_mm = wall_mm
        return self.lv.muscle_ml(self.slices_z, self.step, 0.0) * MYOCARDIAL_DENSITY_G_PER_ML

    def _emptied_with_shortening(self, shortening: float) -> float:
        self.lv.shortening = shortening
        return -self.lv.volume_ml(self.slices_z, self.step, 1.0)

    def _beside_lv(self, s: float) -> list[tuple[RvPlane, Polar]]:
        """Per slice: the RV before it gets its size, and the points that the LV leaves to it, as its centre sees them."""
        x, y = np.meshgrid(np.arange(-130.0, 70.0, SOLVE_PIXEL_MM), np.arange(-90.0, 90.0, SOLVE_PIXEL_MM))
        shown: list[tuple[RvPlane, Polar]] = []
        for index, z in enumerate(self.slices_z.tolist()):
            left, right = self.lv.slice(z, s), self.rv.plane(self.lv, z, s)
            if right is None:
                continue
            around = self.around(x, y, index)
            seen, free = around.polar, np.ones(x.shape, dtype=np.bool_)
            if left is not None and left.drawn:
                free = seen.r >= seen.at(left.epicardium)
            shown.append((right, Polar.of(around.dx[free] - right.centre_x, around.dy[free] - right.centre_y)))
        return shown

    def _rv_volume(self, beside: list[tuple[RvPlane, Polar]], scale: float) -> float:
        counted = sum(int((seen.r < seen.at(plane.sized(scale).radius)).sum()) for plane, seen in beside)
        return counted * SOLVE_PIXEL_MM**2 * self.step / 1000.0


def _planes(length: float, step: float, spare: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Slice positions: from about `spare` slices above the base to about as many below the apex, as stacks are planned."""
    first = step * (rng.uniform(0.0, 0.9) - spare)
    last = length + step * spare * rng.uniform(0.5, 1.5)
    planes = first + step * np.arange(int((last - first) / step) + 1)
    if rng.random() < MISSED_COVERAGE:
        planes = planes[1:] if rng.random() < 0.3 else planes[:-2]
    return np.asarray(planes, dtype=np.float64)


def _axis(planes: npt.NDArray[np.float64], length: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """The long axis stands a little oblique to the slices, and each is taken in a breath-hold of its own."""
    slope = rng.normal(0.0, 0.09, 2)
    held = BREATH_HOLD_MM * np.exp(rng.normal(0.0, 0.65))
    return (planes[:, None] - length / 2.0) * slope + rng.normal(0.0, held, (len(planes), 2))


def _bisect(function: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Argument at which a rising function reaches the target; the function is left evaluated there."""
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if function(middle) < target:
            low = middle
        else:
            high = middle
    function(0.5 * (low + high))
    return 0.5 * (low + high)
