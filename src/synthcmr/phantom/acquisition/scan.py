"""How one subject is scanned: the protocol of its scanner, field of view, coils, field inhomogeneity, k-space, post-processing.

All of it is drawn once. Ranges of protocols are engineering choices around published ones.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from synthcmr.phantom.acquisition.contrast import Contrast, draw_contrast
from synthcmr.phantom.anatomy.curves import Points
from synthcmr.phantom.subject import PhantomSubject, Protocol

Range = tuple[float, float]
ACDC_STEPS = (5.0, 8.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0)  # most stacks of ACDC are 10 mm apart
OVERSAMPLING = 2  # simulated points per reconstructed pixel, each way
MARGIN_PX = 10  # simulated beyond the image, so that ringing and filters have neighbours
INTENSITY_TOPS = (255.0, 450.0, 700.0, 1100.0, 1900.0, 4000.0)
EDGE_MM = 75.0  # from the heart; beyond it the field of some scans changes quickly
HEART_MARGIN_MM = 95.0  # between the LV's axis and the edge of a field of view: planners keep all of the heart within
MISPLACED = 0.16  # share of stacks with a slice off by more than 3.4 mm (UK Biobank quality control)


@dataclass(frozen=True)
class Scanner:
    """Ranges of one scanner's short-axis cine protocol."""

    vendor: str
    field_strength_t: float
    pixel_mm: Range
    slice_mm: Range
    steps_mm: tuple[float, ...]  # between slice centres; one is chosen
    flip_deg: Range
    tr_ms: Range
    snr: Range
    frames: int
    field_of_view_mm: Range = (300.0, 380.0)
    spare_slices: float = 1.0
    contrast_spread: float = 0.0
    any_rotation: bool = False


ANY_STEPS = (5.0, 6.0, 7.0, 8.0, 8.0, 9.0, 10.0, 10.0, 10.0, 12.0)


def _any(vendor: str, field_strength_t: float) -> Scanner:
    """Wider than any protocol of that manufacturer, with contrasts that no scanner shows."""
    return Scanner(
        vendor,
        field_strength_t,
        pixel_mm=(0.8, 2.1),
        slice_mm=(5, 10),
        steps_mm=ANY_STEPS,
        flip_deg=(35, 85),
        tr_ms=(2.5, 4.0),
        snr=(8, 90),
        frames=30,
        field_of_view_mm=(260, 420),
        spare_slices=0.6,
        contrast_spread=0.3,
        any_rotation=True,
    )


SCANNERS: dict[str, Scanner] = {
    "siemens-1.5": Scanner("Siemens", 1.5, (1.3, 1.8), (8, 8), (10.0,), (60, 80), (2.6, 2.9), (35, 60), 50),
    "siemens-3": Scanner("Siemens", 3.0, (1.0, 1.4), (8, 8), (8.0, 10.0), (40, 50), (3.2, 3.4), (45, 80), 30),
    "philips-1.5": Scanner("Philips", 1.5, (1.2, 1.45), (8, 10), (8.0, 10.0), (55, 60), (3.0, 3.4), (25, 45), 26),
    "ge-1.5": Scanner("GE", 1.5, (1.3, 1.4), (8, 8), (8.0, 10.0), (45, 55), (3.3, 3.8), (20, 35), 25),
    "canon-1.5": Scanner("Canon", 1.5, (0.82, 0.9), (8, 8), (10.0,), (60, 70), (3.5, 4.0), (20, 30), 29),
    "siemens-1.5-any": Scanner(
        "Siemens", 1.5, (1.2, 1.95), (5, 8), ACDC_STEPS, (50, 80), (2.6, 3.2), (22, 85), 30, (280, 400), 0.15
    ),
    "siemens-3-any": Scanner(
        "Siemens", 3.0, (0.9, 1.7), (5, 8), ACDC_STEPS, (40, 60), (2.9, 3.4), (26, 95), 30, (280, 400), 0.15
    ),
    "any-siemens-1.5": _any("Siemens", 1.5),
    "any-siemens-3": _any("Siemens", 3.0),
    "any-philips-1.5": _any("Philips", 1.5),
    "any-philips-3": _any("Philips", 3.0),
    "any-ge-1.5": _any("GE", 1.5),
    "any-ge-3": _any("GE", 3.0),
    "any-canon-1.5": _any("Canon", 1.5),
}


def draw_protocol(name: str, rotation_sd_deg: float, rng: np.random.Generator) -> Protocol:
    """Draw one subject's protocol from a scanner's ranges."""
    scanner = SCANNERS[name]
    pixel = round(float(rng.uniform(*scanner.pixel_mm)), 4)
    wide = rng.uniform(*scanner.field_of_view_mm)
    narrow = wide * rng.uniform(0.78, 1.0)
    tall = rng.random() < 0.35
    height, width = (wide, narrow) if tall else (narrow, wide)
    step = float(rng.choice(scanner.steps_mm))
    tr = float(rng.uniform(*scanner.tr_ms))
    turn = rng.uniform(-180.0, 180.0) if scanner.any_rotation else np.clip(rng.normal(0.0, rotation_sd_deg), -75, 75)
    return Protocol(
        vendor=scanner.vendor,
        field_strength_t=scanner.field_strength_t,
        centre=f"{scanner.vendor} {scanner.field_strength_t:g} T",
        pixel_mm=pixel,
        matrix=(_pixels(height, pixel), _pixels(width, pixel)),
        slice_mm=min(step, round(float(rng.uniform(*scanner.slice_mm)), 1)),
        slice_step_mm=step,
        tr_ms=tr,
        te_ms=tr / 2.0,
        flip_deg=float(rng.uniform(*scanner.flip_deg)),
        snr=float(rng.uniform(*scanner.snr)),
        frames=scanner.frames,
        spare_slices=scanner.spare_slices,
        rotation_deg=float(turn),
        contrast_spread=scanner.contrast_spread,
    )


def _pixels(millimetres: float, pixel: float) -> int:
    return round(millimetres / pixel / 2.0) * 2


@dataclass(frozen=True)
class Character:
    """What a manufacturer's scans have in common: how k-space is filled and filtered, and what is done to the image.

    Attributes:
        blur_px: width of the reconstruction's blur, in reconstructed pixels.
        gamma: of the grey values.
        normalised: share of coil shading that prescan normalisation removes.
        read: share of the reconstructed columns that are measured; the rest is filled with zeros.
        phase: the same for rows.
        window: range of the strength of the k-space filter.
        g_factor: how much parallel imaging raises noise in the middle, at most.
        sharpen: edge enhancement.
    """

    blur_px: float
    gamma: float
    normalised: float
    read: tuple[float, float]
    phase: tuple[float, float]
    window: tuple[float, float]
    g_factor: float
    sharpen: float = 0.0


CHARACTERS: dict[str, Character] = {
    "Siemens": Character(0.1, 1.0, 0.62, (0.85, 1.0), (0.72, 1.0), (0.0, 0.9), 0.4),
    "Philips": Character(0.2, 0.9, 0.85, (0.65, 0.85), (0.55, 0.8), (0.1, 0.8), 0.9),
    "GE": Character(0.25, 1.1, 0.10, (0.75, 0.95), (0.55, 0.85), (0.8, 1.5), 0.5),
    "Canon": Character(0.4, 0.95, 0.50, (0.5, 0.7), (0.45, 0.65), (0.3, 1.0), 0.5, sharpen=0.3),
}


@dataclass(frozen=True)
class Coil:
    """One receive element: where it sits, how far it sees, its gain."""

    x: float
    y: float
    reach_mm: float
    gain: float

    def sensitivity(self, x: Points, y: Points) -> Points:
        """How strongly it sees points."""
        distance2 = (x - np.float32(self.x)) ** 2 + (y - np.float32(self.y)) ** 2
        return np.asarray(np.float32(self.gain) / (1 + distance2 / np.float32(self.reach_mm**2)) ** np.float32(1.3))


@dataclass(frozen=True)
class Scan:
    """Everything about one subject's scan that stays the same from slice to slice."""

    protocol: Protocol
    size: tuple[int, int]
    contrast: Contrast
    off_centre_mm: tuple[float, float]  # where the heart lies from the middle of the image (row, column)
    texture_gain: float
    field_terms: npt.NDArray[np.float64]
    field_bump: tuple[float, float, float]
    field_edge: tuple[
        float, float
    ]  # direction, and Hz per mm beyond EDGE_MM: bands of dark where the magnet ends to be even
    phase_terms: npt.NDArray[np.float64]  # of the receive phase, radians at 120 mm
    coils: tuple[Coil, ...]
    normalised: float
    g_factor: float
    phase_resolution: float
    read_resolution: float
    partial_fourier: bool
    window: float
    snr: float
    channels: int  # that a sum of squares combines; 1 where elements are combined for the best signal
    ghost: tuple[float, float]  # strength of the beating heart's ghosts, and how far they lie, as a share of the rows
    ejection: float  # how much darker blood is at ES than at ED, in the same units as `inflow`
    inflow: float  # how much brighter blood is at the base than half-way down, in units of its coarse texture
    character: Character
    gamma: float
    top: float
    shifts_mm: npt.NDArray[np.float64]  # misplacement of each slice, (slices, 2) rows and columns

    @property
    def reconstructed(self) -> tuple[int, int]:
        """Pixels reconstructed before the margin is cut off."""
        return fft.next_fast_len(self.size[0] + MARGIN_PX), fft.next_fast_len(self.size[1] + MARGIN_PX)

    def lines(self, index: int, fine: bool) -> tuple[Points, Points]:
        """Millimetres from the heart of rows and columns of a slice: of the fine simulation grid, or of the image."""
        step = self.protocol.pixel_mm / (OVERSAMPLING if fine else 1)
        size = tuple(n * OVERSAMPLING for n in self.reconstructed) if fine else self.size
        offsets = [o + s for o, s in zip(self.off_centre_mm, self.shifts_mm[index], strict=True)]
        rows, columns = (
            ((np.arange(n) - (n - 1) / 2) * step - o).astype(np.float32) for n, o in zip(size, offsets, strict=True)
        )
        return rows, columns

    def points(self, index: int, fine: bool) -> tuple[Points, Points]:
        """Short-axis coordinates of the points of a slice."""
        rows, columns = self.lines(index, fine)
        x, y = np.meshgrid(columns, rows)
        cos, sin = np.cos(np.radians(self.protocol.rotation_deg)), np.sin(np.radians(self.protocol.rotation_deg))
        return np.float32(cos) * x + np.float32(sin) * y, np.float32(-sin) * x + np.float32(cos) * y

    def off_resonance_hz(self, x: Points, y: Points) -> Points:
        """Field inhomogeneity after shimming: second order, with a dip where heart, lung and diaphragm meet."""
        cx, cy, depth = self.field_bump
        near = np.exp(-((x - np.float32(cx)) ** 2 + (y - np.float32(cy)) ** 2) / np.float32(2 * 22.0**2))
        direction, slope = self.field_edge
        along = x * np.float32(np.cos(direction)) + y * np.float32(np.sin(direction))
        beyond = np.maximum(along - np.float32(EDGE_MM), 0) * np.float32(slope)
        return _second_order(self.field_terms, x, y) + np.float32(depth) * near + beyond

    def receive_phase(self, x: Points, y: Points) -> Points:
        """Phase of the combined coil, radians."""
        return _second_order(self.phase_terms, x, y)


def _second_order(terms: npt.NDArray[np.float64], x: Points, y: Points) -> Points:
    b, u, v = terms.astype(np.float32), x / np.float32(120.0), y / np.float32(120.0)
    half, more = np.float32(0.5), np.float32(0.6)
    return np.asarray(half * b[0] + b[1] * u + b[2] * v + b[3] * u * v + more * (b[4] * u**2 + b[5] * v**2))


def draw_scan(subject: PhantomSubject, size: tuple[int, int], slices: int) -> Scan:
    """Draw a subject's scan. The window `size` decides what is simulated, never what is drawn."""
    rng = np.random.default_rng(np.random.SeedSequence([subject.seed, 37]))
    protocol, character = subject.protocol, CHARACTERS[subject.protocol.vendor]
    inhomogeneity = 60.0 if protocol.field_strength_t > 2 else 30.0
    return Scan(
        protocol=protocol,
        size=size,
        contrast=draw_contrast(protocol, rng),
        off_centre_mm=_off_centre(size, protocol, rng),
        texture_gain=1.2 * _about_one(rng, 0.25),
        field_terms=rng.normal(0.0, inhomogeneity, 6),
        field_bump=(rng.normal(30, 15), rng.normal(45, 12), -rng.uniform(20, 120)),
        field_edge=(rng.uniform(-np.pi, np.pi), rng.uniform(2.0, 14.0) if rng.random() < 0.35 else 0.0),
        phase_terms=rng.normal(0.0, 0.5, 6),
        coils=_draw_coils(rng),
        normalised=float(np.clip(rng.normal(character.normalised, 0.2), 0.0, 0.95)),
        g_factor=character.g_factor * rng.uniform(0.0, 1.0),
        phase_resolution=rng.uniform(*character.phase),
        read_resolution=rng.uniform(*character.read),
        partial_fourier=bool(rng.random() < 0.4),
        window=rng.uniform(*character.window),
        snr=protocol.snr * _about_one(rng, 0.2),
        channels=int(rng.integers(2, 8)) if rng.random() < 0.5 else 1,
        ghost=(rng.uniform(0.01, 0.07), 1.0 / int(rng.integers(2, 6))) if rng.random() < 0.45 else (0.0, 0.0),
        inflow=rng.uniform(-0.3, 1.2),
        character=character,
        gamma=character.gamma * _about_one(rng, 0.10),
        top=float(rng.choice(INTENSITY_TOPS)),
        shifts_mm=_draw_shifts(subject, slices, rng),
        ejection=rng.normal(0.65, 0.6),
    )


def _off_centre(size: tuple[int, int], protocol: Protocol, rng: np.random.Generator) -> tuple[float, float]:
    """A crop is centred on the heart; a whole field of view has the heart up and left of its middle, as people plan it."""
    drawn = rng.normal((-8.0, -20.0), (18.0, 15.0))
    rows, columns = (max(0.0, n * protocol.pixel_mm / 2 - HEART_MARGIN_MM) for n in protocol.matrix)
    whole = size == protocol.matrix
    return (
        (float(np.clip(drawn[0], -rows, rows)), float(np.clip(drawn[1], -columns, columns))) if whole else (0.0, 12.0)
    )


def _draw_coils(rng: np.random.Generator) -> tuple[Coil, ...]:
    """A few elements on the chest and one on the back."""
    count = int(rng.integers(4, 6))
    angles = np.append(rng.normal(np.pi * 1.15, 0.6, count - 1), rng.normal(0.3, 0.5))
    return tuple(Coil(140 * np.cos(a), 130 * np.sin(a), rng.uniform(70, 130), rng.uniform(0.6, 1.2)) for a in angles)


def _draw_shifts(subject: PhantomSubject, slices: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Breath-holds differ: in some stacks one slice is clearly misplaced, more often in heavy people."""
    shifts = np.zeros((slices, 2))
    if rng.random() < MISPLACED * np.clip(subject.weight_kg / 75.0, 0.5, 2.0):
        shifts[int(rng.integers(slices))] = rng.normal(0.0, 4.5, 2)
    return shifts


def _about_one(rng: np.random.Generator, sigma: float) -> float:
    return float(np.exp(rng.normal(0.0, sigma)))
