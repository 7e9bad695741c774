"""Scanning a phantom subject: slices and frames with masks and truth."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Mask
from synthcmr.phantom.acquisition import Image, acquire
from synthcmr.phantom.heart import Heart
from synthcmr.phantom.heart_tissue import HeartTissue, Tissues
from synthcmr.phantom.noise import sample
from synthcmr.phantom.points import Around, Grid
from synthcmr.phantom.polar import Points
from synthcmr.phantom.relaxation import OFF_RESONANCE_HZ, TISSUE_CODES, Complex
from synthcmr.phantom.scan import Scan, draw_scan
from synthcmr.phantom.subject import PhantomSubject
from synthcmr.phantom.thorax import Thorax, draw_thorax
from synthcmr.phantom.thorax_tissue import ThoraxTissue
from synthcmr.phantom.tissues import Tissue
from synthcmr.phantom.truth import measure

HEART_REACH_MM = 115.0  # the heart is evaluated within this distance only
SUB_SLICES = (-0.25, 0.25)  # positions within the slice, in thicknesses, that are averaged
# tissue -> strength of fine, middle and coarse texture
TEXTURE: dict[Tissue, tuple[float, float, float]] = {
    Tissue.MYOCARDIUM: (0.10, 0.06, 0.05),
    Tissue.SCAR: (0.12, 0.06, 0.05),
    Tissue.PAPILLARY: (0.12, 0.06, 0.05),
    Tissue.RV_WALL: (0.12, 0.05, 0.05),
    Tissue.RV_TRABECULA: (0.15, 0.08, 0.05),
    Tissue.LV_BLOOD: (0.03, 0.05, 0.10),
    Tissue.RV_BLOOD: (0.05, 0.08, 0.20),
    Tissue.ATRIAL_BLOOD: (0.05, 0.10, 0.10),
    Tissue.OUTFLOW_BLOOD: (0.06, 0.14, 0.15),
    Tissue.LIVER: (0.10, 0.08, 0.08),
    Tissue.SPLEEN: (0.10, 0.08, 0.05),
    Tissue.MUSCLE: (0.16, 0.16, 0.10),
    Tissue.SUBCUTANEOUS_FAT: (0.05, 0.05, 0.06),
    Tissue.VISCERAL_FAT: (0.12, 0.18, 0.15),
    Tissue.EPICARDIAL_FAT: (0.12, 0.15, 0.10),
    Tissue.BONE_MARROW: (0.20, 0.15, 0.10),
    Tissue.LUNG: (0.50, 0.50, 0.30),
    Tissue.LUNG_VESSEL: (0.20, 0.20, 0.20),
    Tissue.BOWEL: (0.25, 0.30, 0.20),
    Tissue.STOMACH_FLUID: (0.10, 0.15, 0.15),
    Tissue.STOMACH_WALL: (0.15, 0.15, 0.10),
    Tissue.KIDNEY: (0.12, 0.12, 0.10),
    Tissue.AORTA: (0.05, 0.10, 0.10),
}
TEXTURE_GRID = ((0.9, 4.0), (2.6, 8.0), (14.0, 25.0))  # pitch within and across slices, mm
DEEP_FAT = (Tissue.EPICARDIAL_FAT, Tissue.VISCERAL_FAT)
MUSCLES = (Tissue.MYOCARDIUM, Tissue.PAPILLARY, Tissue.SCAR, Tissue.RV_WALL, Tissue.RV_TRABECULA)


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


Box = tuple[slice, slice]


@dataclass(frozen=True)
class Ground:
    """What slices share whose points lie alike: all of a stack but a misplaced one."""

    grid: Grid
    near: Box  # the points that the heart can reach
    off_resonance: npt.NDArray[np.intp]  # place in OFF_RESONANCE_HZ
    sensitivities: list[Complex]
    thorax: ThoraxTissue


@dataclass(frozen=True)
class FatPad:
    """Ragged pericardial fat between heart and lung, as far as the heart's size does not matter."""

    r: Points
    thickness: Points
    middle: Points
    coarse: Points

    def within(self, extent: float) -> npt.NDArray[np.bool_]:
        """Where it is if the heart reaches that far."""
        return self.r < 0.90 * extent + self.thickness - 6.0 + self.middle + self.coarse


@dataclass(frozen=True)
class Slice:
    """What is the same in all frames of one slice."""

    index: int
    ground: Ground
    around: Tissues  # all but the heart
    textures: tuple[Image, Image, Image]
    without_heart: Complex  # signal of `around`
    heart: Around  # the points of the box `ground.near`
    fat_pad: FatPad
    pixels: Around  # the image's own


class Renderer:
    """Scans one subject; each slice and frame has noise of its own, so any can be rendered alone and comes out the same."""

    def __init__(self, subject: PhantomSubject, size: tuple[int, int] | None = None) -> None:
        """Build the heart, its surroundings and the scan.

        Args:
            subject: whom to scan.
            size: rows and columns of a window around the heart; None gives the protocol's whole field of view.
        """
        self.subject = subject
        self.heart = Heart(subject)
        self.tissue = HeartTissue(self.heart)
        self.thorax: Thorax = draw_thorax(subject)
        self.scan: Scan = draw_scan(subject, size or subject.protocol.matrix, len(self.heart.slices_z))
        self._gain = _tissue_gains(self.scan, self.thorax)
        self._texture = _texture_strengths()
        self._blood = float(np.abs(self.scan.signal[Tissue.LV_BLOOD]).max())
        self._grounds: dict[tuple[float, ...], Ground] = {}

    def mask(self, part: Slice, s: float) -> Mask:
        """Labels of one slice at contraction `s`, on the image's pixels."""
        return self.heart.labels(part.pixels, s)

    def prepare(self, index: int) -> Slice:
        """Everything about a slice that its frames share."""
        ground, z = self._ground(index), float(self.heart.slices_z[index])
        grid, near = ground.grid, ground.near
        fine, middle, coarse = (
            sample(volume, grid.corners(pitch, volume.shape[-1]), z, pitch_z)
            for volume, (pitch, pitch_z) in zip(self.thorax.textures, TEXTURE_GRID, strict=True)
        )
        around = ground.thorax.at(z)
        heart = self.heart.around(grid.x[near], grid.y[near], index)
        return Slice(
            index=index,
            ground=ground,
            around=around,
            textures=(fine, middle, coarse),
            without_heart=self._signal(around, (fine, middle, coarse), ground.off_resonance),
            heart=heart,
            fat_pad=_fat_pad(heart, self.thorax, middle[near], coarse[near]),
            pixels=self.heart.around(*self.scan.points(index, fine=False), index),
        )

    def image(self, part: Slice, s: float, frame: int) -> Image:
        """Magnitude image of one slice and frame, before scaling to scanner units."""
        rng = np.random.default_rng(np.random.SeedSequence([self.subject.seed, 102, part.index, frame]))
        thickness, near = self.scan.protocol.slice_mm, part.ground.near
        fine, middle, coarse = (texture[near] for texture in part.textures)
        beating = sum(
            self._signal(
                self._tissue(part, position * thickness, s), (fine, middle, coarse), part.ground.off_resonance[near]
            )
            for position in SUB_SLICES
        )
        signal = part.without_heart.copy()
        signal[near] = beating / np.float32(len(SUB_SLICES))
        return acquire(signal, part.ground.sensitivities, self.scan, self._blood, rng)

    def _ground(self, index: int) -> Ground:
        lies = tuple(self.scan.shifts_mm[index].tolist())
        if lies not in self._grounds:
            self._grounds[lies] = _ground(self.scan, self.thorax, Grid(*self.scan.points(index, fine=True)))
        return self._grounds[lies]

    def _tissue(self, part: Slice, dz: float, s: float) -> Tissues:
        """Of the points that the heart can reach."""
        tissue = part.around[part.ground.near].copy()
        heart = self.tissue.at(part.heart, dz, s)
        filled = heart > 0
        if filled.any():
            pad = part.fat_pad.within(float(part.fat_pad.r[filled].max()))
            tissue[pad & ((tissue == Tissue.LUNG) | (tissue == Tissue.LUNG_VESSEL))] = Tissue.VISCERAL_FAT
        tissue[filled] = heart[filled]
        return tissue

    def _signal(self, tissue: Tissues, textures: tuple[Image, ...], off_resonance: npt.NDArray[np.intp]) -> Complex:
        kind = tissue.astype(np.intp)
        texture = sum(np.take(self._texture[k], kind) * textures[k] for k in range(3))
        modulation = np.clip(1 + self.scan.texture_gain * texture, 0.1, 2.2) * np.take(self._gain, kind)
        signal = np.take(self.scan.signal.ravel(), kind * self.scan.signal.shape[1] + off_resonance)
        return np.asarray(signal * modulation.astype(np.float32))


def render_subject(subject: PhantomSubject, frames: int = 2, size: tuple[int, int] | None = None) -> RenderedSubject:
    """Scan one subject.

    Args:
        subject: whom to scan.
        frames: 1 gives ED, 2 ED and ES, more a whole cine of that many phases.
        size: rows and columns around the heart; None gives the whole field of view.
    """
    renderer = Renderer(subject, size)
    heart, scan = renderer.heart, renderer.scan
    times, phases = _frames(heart, frames)
    states = [1.0 if phase == "ES" else heart.contraction(t) for t, phase in zip(times, phases, strict=True)]
    images = np.zeros((frames, len(heart.slices_z), *scan.size), dtype=np.float32)
    masks = np.zeros(images.shape, dtype=np.uint8)
    for index in range(len(heart.slices_z)):
        part = renderer.prepare(index)
        for frame, s in enumerate(states):
            images[frame, index] = renderer.image(part, s, frame)
            masks[frame, index] = renderer.mask(part, s)
    return RenderedSubject(
        image=_scaled(images, scan),
        mask=masks,
        phases=phases,
        trigger_ms=tuple(round(60000.0 / subject.heart_rate * t, 1) for t in times),
        spacing_mm=(subject.protocol.pixel_mm,) * 2,
        slice_step_mm=subject.protocol.slice_step_mm,
        slice_mm=subject.protocol.slice_mm,
        affine=_affine(subject, scan.size),
        truth=measure(heart, renderer.tissue),
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


def _sensitivities(scan: Scan, x: Points, y: Points) -> list[Complex]:
    """Coil sensitivities after prescan normalisation, scaled to 1 at the heart."""
    coils = [coil.sensitivity(x, y) for coil in scan.coils]
    total = np.sqrt(sum(np.abs(c) ** 2 for c in coils))
    at_heart = float(
        np.sqrt(sum(np.abs(c.sensitivity(np.zeros((1, 1)), np.zeros((1, 1)))) ** 2 for c in scan.coils)).item()
    )
    scale = (total**scan.normalised * at_heart ** (1 - scan.normalised)).astype(np.float32)
    return [coil / scale for coil in coils]


def _fat_pad(heart: Around, thorax: Thorax, middle: Image, coarse: Image) -> FatPad:
    pad = thorax.fat_pad_mm * (1 + heart.polar.at(thorax.fat_pad_shape))
    return FatPad(np.hypot(heart.dx + 12.0, heart.dy), 0.8 * pad, 1.5 * middle, 3.0 * coarse)


def _ground(scan: Scan, thorax: Thorax, grid: Grid) -> Ground:
    reach = np.hypot(grid.x, grid.y) < HEART_REACH_MM
    rows, columns = np.flatnonzero(reach.any(axis=1)), np.flatnonzero(reach.any(axis=0))
    frequency = np.rint(scan.off_resonance_hz(grid.x, grid.y) - OFF_RESONANCE_HZ[0])
    return Ground(
        grid=grid,
        near=(slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)),
        off_resonance=np.clip(frequency, 0, OFF_RESONANCE_HZ.size - 1).astype(np.intp),
        sensitivities=_sensitivities(scan, grid.x, grid.y),
        thorax=ThoraxTissue(thorax, grid),
    )


def _tissue_gains(scan: Scan, thorax: Thorax) -> npt.NDArray[np.float32]:
    gains = np.ones(TISSUE_CODES, dtype=np.float32)
    gains[Tissue.LV_BLOOD], gains[Tissue.RV_BLOOD] = scan.blood_gain
    gains[list(MUSCLES)] = scan.muscle_gain
    gains[Tissue.LUNG] = thorax.lung_density
    gains[list(DEEP_FAT)], gains[Tissue.SUBCUTANEOUS_FAT] = scan.fat_gain
    return gains


def _texture_strengths() -> npt.NDArray[np.float32]:
    strengths = np.zeros((3, TISSUE_CODES), dtype=np.float32)
    for tissue, amounts in TEXTURE.items():
        strengths[:, tissue] = amounts
    return strengths
