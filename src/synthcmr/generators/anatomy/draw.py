"""From a described heart to masks that measure what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.volumes import MYOCARDIAL_DENSITY_G_PER_ML
from synthcmr.generators.anatomy.distance import Described, along, level_positions
from synthcmr.generators.anatomy.settings import AnatomySettings

Maps = npt.NDArray[np.floating]
MIN_WALL_MM = 2.5
BISECTIONS = 22
SLIT_PIXELS = 4  # half the width of a slit between the ventricles that is closed
OFFSET_MM = 14.0  # the most a border is moved to reach a volume
LV, EPICARDIUM, RV = range(3)


def draw_masks(
    heart: Described,
    numbers: Mapping[str, float],
    settings: AnatomySettings,
    size: int,
    spacing_mm: float,
    step_mm: float,
    systolic_mass: float,
) -> Mask:
    """Draw a stack at both phases.

    Args:
        heart: distance maps and extents.
        numbers: volumes (ml) and mass (g) that the masks shall measure.
        settings: of the maps.
        size: rows and columns.
        spacing_mm: pixel.
        step_mm: between slices.
        systolic_mass: myocardium drawn at ES relative to ED.
    """
    slices = max(3, round(float(heart.extents[..., 1].max()) / step_mm))
    ml = spacing_mm**2 * step_mm / 1000.0
    muscle = numbers["lv_mass_g"] / MYOCARDIAL_DENSITY_G_PER_ML / ml
    min_wall = max(1, round(MIN_WALL_MM / spacing_mm))
    frames = []
    for phase, (lv, rv, share) in enumerate(
        (("lv_edv_ml", "rv_edv_ml", 1.0), ("lv_esv_ml", "rv_esv_ml", systolic_mass))
    ):
        maps = [_slices(heart, region, phase, slices, settings, size, spacing_mm, step_mm) for region in range(3)]
        frames.append(_frame(maps, numbers[lv] / ml, muscle * share, numbers[rv] / ml, min_wall))
    return np.stack(frames)


def _frame(maps: list[Maps], lv_pixels: float, muscle_pixels: float, rv_pixels: float, min_wall: int) -> Mask:
    """One phase: cavity first, then the wall around it, then the right ventricle beside it."""
    cavity = _largest(_solved(lambda o: maps[LV] > -o, lv_pixels))
    thinnest = _grown(cavity, min_wall)  # the wall is never thinner, wherever the two maps disagree
    muscle = _solved(lambda o: ((maps[EPICARDIUM] > -o) | thinnest) & ~cavity, muscle_pixels)
    ventricle_wall = _largest(muscle | cavity)
    alone = _solved(lambda o: (maps[RV] > -o) & ~ventricle_wall, rv_pixels)
    septal = _septal_side(alone, ventricle_wall)  # it leans on the septum, where the two maps may leave a slit
    right = _largest(_solved(lambda o: ((maps[RV] > -o) | septal) & ~ventricle_wall, rv_pixels))
    mask = np.zeros(cavity.shape, dtype=np.uint8)
    mask[right] = Label.RV
    mask[ventricle_wall] = Label.MYOCARDIUM
    mask[cavity] = Label.LV
    return mask


def _solved(region: Callable[[float], npt.NDArray[np.bool_]], pixels: float) -> npt.NDArray[np.bool_]:
    """The region whose border is moved so that it holds a number of pixels, found by bisection."""
    low, high = -OFFSET_MM, OFFSET_MM
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if region(middle).sum() < pixels:
            low = middle
        else:
            high = middle
    return region(0.5 * (low + high))


def _slices(
    heart: Described,
    region: int,
    phase: int,
    slices: int,
    settings: AnatomySettings,
    size: int,
    spacing_mm: float,
    step_mm: float,
) -> Maps:
    """Distance maps of one region on the pixels of every slice; far outside where the region has ended."""
    begins, ends = heart.extents[region, phase]
    ends = max(ends, begins + 2 * step_mm)
    centres = (np.arange(slices) + 0.5) * step_mm
    present = (centres > begins) & (centres < ends)
    share = (centres[present] - begins) / (ends - begins)
    maps = along(heart.maps[region, phase], level_positions(settings.levels), share)
    found = np.full((slices, size, size), -np.inf, dtype=np.float32)
    found[present] = [_upsampled(one, settings, size, spacing_mm) for one in maps]
    return found


def _upsampled(one: Maps, settings: AnatomySettings, size: int, spacing_mm: float) -> Maps:
    from scipy.ndimage import map_coordinates

    at = (settings.grid - 1) / 2 + (np.arange(size) - (size - 1) / 2) * spacing_mm / settings.grid_mm
    found: Maps = map_coordinates(one, np.stack(np.meshgrid(at, at, indexing="ij")), order=3, mode="nearest")
    return found


def _grown(region: npt.NDArray[np.bool_], pixels: int) -> npt.NDArray[np.bool_]:
    """Every slice grown by a number of pixels."""
    from scipy.ndimage import binary_dilation, generate_binary_structure

    structure = generate_binary_structure(2, 2)[None]
    grown: npt.NDArray[np.bool_] = binary_dilation(region, structure, iterations=pixels)
    return grown


def _septal_side(right: npt.NDArray[np.bool_], left: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """A narrow slit between the ventricles, slice by slice, with the rim of the right one along it."""
    from scipy.ndimage import binary_dilation, binary_erosion, iterate_structure

    disc = iterate_structure(np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool), SLIT_PIXELS)[None]
    both = right | left
    closed = binary_erosion(binary_dilation(both, disc), disc, border_value=1)
    slit = closed & ~both & binary_dilation(right, disc)
    rim: npt.NDArray[np.bool_] = slit | (right & binary_dilation(slit, disc))
    return rim


def _largest(region: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The largest part of every slice: hearts have one cavity each."""
    from scipy.ndimage import label

    kept = np.zeros_like(region)
    for k, one in enumerate(region):
        parts, count = label(one)
        if count > 1:
            sizes = np.bincount(parts.ravel())
            sizes[0] = 0
            kept[k] = parts == sizes.argmax()
        else:
            kept[k] = one
    return kept
