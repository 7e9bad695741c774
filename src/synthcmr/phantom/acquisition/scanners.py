"""Scanners: the ranges that protocols are drawn from. Facts per vendor are engineering choices around published protocols."""

from dataclasses import dataclass

import numpy as np

from synthcmr.phantom.subject import Protocol

Range = tuple[float, float]
ACDC_STEPS = (5.0, 8.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0)  # most stacks of ACDC are 10 mm apart


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
