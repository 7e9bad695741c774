"""Cohorts of drawn hearts: quick to make, with a size, a wall and a brightness that differ from person to person."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from synthcmr.cohort import Cohort
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.writer import CohortWriter
from synthcmr.config import PreprocessSettings, SplitSettings

SIDE, SLICES, PIXEL, STEP = 48, 6, 3.0, 10.0
BRIGHT = {0: 0.25, 1: 1.0, 2: 0.45, 3: 0.85}
CAVITY = {"NOR": 22.0, "DCM": 32.0}  # mm, at ED
Hearts = list["Heart"]


@dataclass(frozen=True)
class Heart:
    """One person."""

    image: np.ndarray  # (frames, slices, rows, columns)
    mask: np.ndarray
    attributes: dict[str, object]


def heart(seed: int) -> Heart:
    """A drawn heart; the sick have larger cavities."""
    rng = np.random.default_rng([seed, 1])
    diagnosis = ("NOR", "DCM")[seed % 2]
    cavity, wall = CAVITY[diagnosis] + rng.normal(0, 2.5), 9 + rng.normal(0, 1)
    mask = np.stack([_mask(cavity, wall), _mask(cavity * rng.uniform(0.65, 0.85), wall * 1.2)])
    tone, shade = rng.normal(1, 0.08), rng.normal(0, 0.15, 2)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    flat = np.vectorize(BRIGHT.get)(mask) * tone * (1 + shade[0] * y + shade[1] * x)
    grain = gaussian_filter(rng.normal(0, 1, mask.shape), (0, 0, 0.7, 0.7))
    image = gaussian_filter(flat, (0, 0, 0.5, 0.5)) + 0.12 * grain
    sex = ("female", "male")[int(rng.integers(2))]
    return Heart(image.clip(0) * 400, mask.astype(np.uint8), {"sex": sex, "diagnosis": diagnosis})


def _mask(cavity: float, wall: float) -> np.ndarray:
    place = (np.arange(SIDE) - SIDE / 2) * PIXEL
    y, x = place[:, None], place[None, :]
    planes = []
    for z in range(SLICES):
        share = np.sqrt(1 - (z / SLICES) ** 2)
        r, plane = np.hypot(y, x), np.zeros((SIDE, SIDE), dtype=np.uint8)
        plane[np.hypot(y / 0.9, x + cavity * share) < (cavity + 8) * share] = 3
        plane[r < cavity * share + wall] = 2
        plane[r < cavity * share] = 1
        planes.append(plane)
    return np.stack(planes)


def cohort_of(out: Path, hearts: Hearts, origin: str = "real") -> Cohort:
    """Write hearts as a cohort."""
    affine = np.diag([-PIXEL, -PIXEL, STEP, 1.0])
    with CohortWriter(out, {"step": "test", "settings": {}}, "float16", (SIDE, SIDE)) as writer:
        for k, one in enumerate(hearts):
            stack = Stack(one.image.astype(np.int16), one.mask, (PIXEL, PIXEL), STEP, ("ED", "ES"), affine=affine)
            raw = RawSubject(f"s{k:03d}", one.attributes, (stack,), origin)  # type: ignore[arg-type]
            settings = PreprocessSettings(spacing_mm=PIXEL, size=SIDE, centre="middle")
            writer.add(to_record(raw, f"case{k:03d}", settings))
        writer.finish(SplitSettings(), [])
    return Cohort.open(out)


def blurred(hearts: Hearts) -> Hearts:
    return [replace(h, image=gaussian_filter(h.image, (0, 0, 1.2, 1.2))) for h in hearts]


def collapsed(hearts: Hearts) -> Hearts:
    """Four people over and over, with a little noise; each repeats one with its own diagnosis."""
    rng = np.random.default_rng(0)
    return [
        replace(hearts[k % 4], image=(hearts[k % 4].image + rng.normal(0, 2, h.image.shape)).clip(0))
        for k, h in enumerate(hearts)
    ]


def swapped(hearts: Hearts) -> Hearts:
    """LV and RV change names."""
    names = np.array([0, 3, 2, 1], dtype=np.uint8)
    return [replace(h, mask=names[h.mask]) for h in hearts]


def ignored(hearts: Hearts) -> Hearts:
    """Diagnoses that were asked for have nothing to do with the images: of either, half are wrong."""
    return [replace(h, attributes=hearts[k ^ 1 if k % 4 < 2 else k].attributes) for k, h in enumerate(hearts)]


FAULTS: dict[str, Callable[[Hearts], Hearts]] = {
    "none": lambda hearts: hearts,
    "blurred": blurred,
    "collapsed": collapsed,
    "swapped": swapped,
    "ignored": ignored,
}
