"""Scanning a phantom subject: slices and frames with masks and truth."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Mask
from synthcmr.cohort.preprocess.orient import slice_at
from synthcmr.phantom.acquisition.contrast import (
    BLOOD,
    HEART_MUSCLE,
    OFF_RESONANCE_HZ,
    TISSUE_CODES,
    Shader,
    Signal,
    Variation,
    blurred,
    mean_of,
)
from synthcmr.phantom.acquisition.kspace import Receive, plan, receive
from synthcmr.phantom.acquisition.scan import Scan, draw_scan
from synthcmr.phantom.anatomy.curves import Around
from synthcmr.phantom.anatomy.fields import Image, Rulers
from synthcmr.phantom.anatomy.heart import Heart
from synthcmr.phantom.anatomy.heart_tissue import HeartTissue
from synthcmr.phantom.anatomy.thorax import Covering, Thorax, ThoraxTissue, covering, draw_thorax
from synthcmr.phantom.anatomy.tissues import Box, Grid, Tissue, Tissues
from synthcmr.phantom.subject import PhantomSubject
from synthcmr.phantom.truth import measure

HEART_REACH_MM = 115.0  # the heart is evaluated within this distance only,
HEART_RIGHT_MM, HEART_HALF_MM = 85.0, 100.0  # and no further to the right, up and down
# What is averaged: where within the slice (in thicknesses), how far the heart has moved on, and the diaphragm (mm)
MOMENTS = ((-0.25, -0.02, -0.8), (0.25, 0.02, 0.8))
THICKENED = 1.1  # how much brighter muscle is at ES, in units of its coarse texture: a thick wall fills the slice
FLOW_MM = 61.0  # how far the pattern of flow moves through the blood during contraction


@dataclass(frozen=True)
class RenderedSubject:
    """A scanned phantom."""

    image: npt.NDArray[np.uint16]  # (frames, slices, rows, columns), scanner units
    mask: Mask  # same shape, canonical labels
    phases: tuple[str, ...]
    trigger_ms: tuple[float, ...]
    spacing_mm: tuple[float, float]
    slice_step_mm: float
    slice_mm: float
    affine: npt.NDArray[np.float64]  # (column, row, slice, 1) -> RAS mm
    truth: dict[str, float]


@dataclass(frozen=True)
class Ground:
    """What slices share whose points lie alike: all of a stack but a misplaced one."""

    grid: Grid
    near: Box  # the points that the heart can reach
    rulers: Rulers  # of those
    off_resonance: npt.NDArray[np.intp]  # place in OFF_RESONANCE_HZ
    receive: Receive
    thorax: ThoraxTissue


@dataclass(frozen=True)
class Slice:
    """What is the same in all frames of one slice."""

    index: int
    ground: Ground
    surroundings: tuple[Tissues, ...]  # all but the heart, at each of MOMENTS
    varied: Variation
    without_heart: Signal
    heart: Around  # the points of the box `ground.near`
    covering: Covering

    @property
    def around(self) -> Tissues:
        """All but the heart, at the first of the moments averaged."""
        return self.surroundings[0]


class Renderer:
    """Scans one subject; each slice and frame has noise of its own, so any can be rendered alone and comes out the same."""

    def __init__(self, subject: PhantomSubject, size: tuple[int, int] | None = None) -> None:
        """Build the heart, its surroundings and the scan.

        Args:
            subject: to be scanned.
            size: rows and columns of a window around the heart; None gives the protocol's whole field of view.
        """
        self.subject = subject
        self.heart = Heart(subject)
        self.tissue = HeartTissue(self.heart)
        self.thorax: Thorax = draw_thorax(subject)
        self.scan: Scan = draw_scan(subject, size or subject.protocol.matrix, len(self.heart.slices_z))
        self._acquisition = plan(self.scan)
        self._shader = Shader(self.scan.contrast, self.scan.texture_gain)
        self._flows = np.zeros(TISSUE_CODES, dtype=np.bool_)
        self._flows[list(BLOOD)] = True
        self._thickens = np.zeros(TISSUE_CODES, dtype=np.float32)
        self._thickens[list(HEART_MUSCLE)] = THICKENED
        self._grounds: dict[tuple[float, ...], Ground] = {}

    def mask(self, part: Slice, s: float) -> Mask:
        """Labels of one slice at contraction `s`, on the image's pixels."""
        return self.heart.labels(self.pixels(part.index), s)

    def pixels(self, index: int) -> Around:
        """The image's own points of a slice, in double precision: masks are counted on them."""
        x, y = self.scan.points(index, fine=False)
        return self.heart.around(x.astype(np.float64), y.astype(np.float64), index)

    def prepare(self, index: int) -> Slice:
        """Everything about a slice that its frames share."""
        ground, z = self._ground(index), float(self.heart.slices_z[index])
        near, thickness = ground.near, self.scan.protocol.slice_mm
        surroundings = tuple(ground.thorax.at(z + part * thickness, breath) for part, _, breath in MOMENTS)
        varied = self._variation(ground, surroundings[0], z)
        heart = self.heart.around(ground.grid.x[near], ground.grid.y[near], index)
        return Slice(
            index=index,
            ground=ground,
            surroundings=surroundings,
            varied=varied,
            without_heart=mean_of([self._shader.shade(t, varied, ground.off_resonance) for t in surroundings]),
            heart=heart,
            covering=covering(
                self.thorax.pad,
                heart,
                z / self.heart.lv.length,
                self.thorax.abdomen.roughness.at(ground.rulers, z),
                varied.coarse[near],
                float(ground.grid.pitch2**0.5),
            ),
        )

    def image(self, part: Slice, s: float, frame: int) -> Image:
        """Magnitude image of one slice and frame, before scaling to scanner units."""
        rng = np.random.default_rng(np.random.SeedSequence([self.subject.seed, 102, part.index, frame]))
        ground, blur = part.ground, self.scan.contrast.fat_blur_mm / part.ground.grid.pitch2**0.5
        beating = self._beating(part, s)
        water, fat = part.without_heart.water.copy(), part.without_heart.fat.copy()
        water[ground.near], fat[ground.near] = beating.water, beating.fat
        signal = ground.receive.combined(water, blurred(fat, float(blur)))
        return self._acquisition.image(signal, ground.receive.noise, ground.receive.beats, rng)

    def _beating(self, part: Slice, s: float) -> Signal:
        """Signal of the points that the heart can reach, averaged over the slice's thickness and the readout."""
        ground = part.ground
        flow, still = self._flow(part, s), part.varied.coarse[ground.near]
        off_resonance = ground.off_resonance[ground.near]
        parts = []
        for surroundings, (position, later, _) in zip(part.surroundings, MOMENTS, strict=True):
            tissue = surroundings[ground.near].copy()
            moved = float(np.clip(s + later, 0.0, 1.0))
            heart = self.tissue.at(part.heart, position * self.scan.protocol.slice_mm, moved)
            part.covering.paint(tissue, heart)
            muscle = still + self._thickens[heart] * np.float32(moved)
            varied = part.varied.part(ground.near, np.where(self._flows[heart], flow, muscle))
            parts.append(self._shader.shade(tissue, varied, off_resonance))
        return mean_of(parts)

    def _flow(self, part: Slice, s: float) -> Image:
        """What inflow and dephasing do to blood: brighter at the base, darker while it is driven out and where it swirls."""
        z, rulers, coarse = float(self.heart.slices_z[part.index]), part.ground.rulers, self.thorax.textures.coarse
        swirls = np.maximum(coarse.at(rulers, z + FLOW_MM * (1 + s)) - np.float32(1.0), 0)
        inflow = self.scan.inflow * (1.0 - 2.0 * z / self.heart.lv.length) - self.scan.ejection * s
        return np.asarray(coarse.at(rulers, z + FLOW_MM * s) - np.float32(1.6) * swirls + np.float32(inflow))

    def _ground(self, index: int) -> Ground:
        lies = tuple(self.scan.shifts_mm[index].tolist())
        if lies not in self._grounds:
            self._grounds[lies] = _ground(self.scan, self.thorax, index)
        return self._grounds[lies]

    def _variation(self, ground: Ground, tissue: Tissues, z: float) -> Variation:
        rulers, textures = ground.grid.rulers, self.thorax.textures
        lung, liver = ground.thorax.blood(z, self.scan.protocol.slice_mm)
        return Variation(
            fine=textures.fine.at(rulers, z),
            middle=textures.middle.at(rulers, z),
            coarse=textures.coarse.at(rulers, z),
            organ=np.where(
                tissue == Tissue.LIVER,
                liver * self._brighter(Tissue.LIVER_VESSEL, Tissue.LIVER),
                lung * self._brighter(Tissue.LUNG_VESSEL, Tissue.LUNG) + ground.thorax.lung_signal - 1,
            ).astype(np.float32),
        )

    def _brighter(self, vessel: Tissue, organ: Tissue) -> np.float32:
        """What a vessel adds to the signal of the organ around it, relative to that."""
        brightest = np.abs(self.scan.contrast.signal).max(axis=1)
        return np.float32(brightest[vessel] / brightest[organ] - 1)


def render_subject(
    subject: PhantomSubject, frames: int = 2, size: tuple[int, int] | None = None, level: str | None = None
) -> RenderedSubject:
    """Scan one subject.

    Args:
        subject: to be scanned.
        frames: 1 gives ED, 2 ED and ES, more a whole cine of that many phases.
        size: rows and columns around the heart; None gives the whole field of view.
        level: basal, mid or apical: one slice of that third is scanned, and its images stand for those of all slices. Masks are
            of the whole stack; nothing is measured.
    """
    renderer = Renderer(subject, size)
    heart, scan = renderer.heart, renderer.scan
    times, phases = _frames(heart, frames)
    states = [1.0 if phase == "ES" else heart.contraction(t) for t, phase in zip(times, phases, strict=True)]
    images = np.zeros((frames, len(heart.slices_z), *scan.size), dtype=np.float32)
    masks = np.zeros(images.shape, dtype=np.uint8)
    for index in range(len(heart.slices_z)):
        pixels = renderer.pixels(index)
        for frame, s in enumerate(states):
            masks[frame, index] = heart.labels(pixels, s)
    chosen = range(len(heart.slices_z)) if level is None else [slice_at(masks, level)]
    for index in chosen:
        part = renderer.prepare(index)
        for frame, s in enumerate(states):
            images[frame, index if level is None else slice(None)] = renderer.image(part, s, frame)
    return RenderedSubject(
        image=_scaled(images, scan),
        mask=masks,
        phases=phases,
        trigger_ms=tuple(round(60000.0 / subject.heart_rate * t, 1) for t in times),
        spacing_mm=(subject.protocol.pixel_mm,) * 2,
        slice_step_mm=subject.protocol.slice_step_mm,
        slice_mm=subject.protocol.slice_mm,
        affine=_affine(subject, scan.size),
        truth=measure(heart, renderer.tissue) if level is None else {},
    )


def _frames(heart: Heart, frames: int) -> tuple[list[float], tuple[str, ...]]:
    """Phases of the heartbeat to scan, and which are ED and ES."""
    if frames == 1:
        return [0.0], ("ED",)
    if frames == 2:
        return [0.0, heart.es_phase], ("ED", "ES")
    times = [k / frames for k in range(frames)]
    es = int(np.argmin([abs(t - heart.es_phase) for t in times]))
    return times, tuple("ED" if k == 0 else "ES" if k == es else "" for k in range(frames))


def _scaled(images: npt.NDArray[np.float32], scan: Scan) -> npt.NDArray[np.uint16]:
    """Scanner units, one scale for the whole study; ranges differ between subjects as they do in real archives."""
    relative = np.clip(images / np.percentile(images, 99.8), 0.0, 1.6) ** scan.gamma
    return np.rint(relative * scan.top / 1.2).astype(np.uint16)


def _affine(subject: PhantomSubject, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Columns run to the patient's left and back, rows to the feet, slices from base to apex: a typical short axis."""
    column = np.array([-0.70, -0.60, -0.38])
    column /= np.linalg.norm(column)
    apex = np.array([-0.60, 0.60, -0.50])
    apex -= (apex @ column) * column
    apex /= np.linalg.norm(apex)
    row = np.cross(apex, column)
    affine = np.eye(4)
    affine[:3, 0] = column * subject.protocol.pixel_mm
    affine[:3, 1] = row * subject.protocol.pixel_mm
    affine[:3, 2] = apex * subject.protocol.slice_step_mm
    affine[:3, 3] = -affine[:3, 0] * (size[1] - 1) / 2 - affine[:3, 1] * (size[0] - 1) / 2
    return affine


def _ground(scan: Scan, thorax: Thorax, index: int) -> Ground:
    rulers = Rulers(*scan.lines(index, fine=True))
    grid = Grid(*scan.points(index, fine=True), rulers)
    reach = np.hypot(grid.x, grid.y) < HEART_REACH_MM
    reach &= (grid.x < HEART_RIGHT_MM) & (np.abs(grid.y) < HEART_HALF_MM)
    rows, columns = np.flatnonzero(reach.any(axis=1)), np.flatnonzero(reach.any(axis=0))
    near = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    bands = np.float32(2000.0 / scan.protocol.tr_ms)  # Hz after which the steady state repeats, sign included
    frequency = scan.off_resonance_hz(grid.x, grid.y)
    frequency = np.rint(frequency - bands * np.rint(frequency / bands) - np.float32(OFF_RESONANCE_HZ[0]))
    return Ground(
        grid=grid,
        near=near,
        rulers=rulers.part(near),
        off_resonance=np.clip(frequency, 0, OFF_RESONANCE_HZ.size - 1).astype(np.intp),
        receive=receive(scan, thorax.textures.coarse.at(rulers, 0.0), grid.x, grid.y),
        thorax=ThoraxTissue(thorax, grid),
    )
