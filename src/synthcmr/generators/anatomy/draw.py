"""From a described heart to masks that measure what was asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.measures import MYOCARDIAL_DENSITY_G_PER_ML
from synthcmr.generators.anatomy.shape_space import AnatomySettings, Described, along, level_positions

Maps = npt.NDArray[np.floating]
Region = npt.NDArray[np.bool_]
MIN_WALL_MM = 2.5
SLIT_MM = 6.0  # half the width of a slit between the ventricles that is closed
OFFSET_MM = 14.0  # the most a border is moved to reach a volume
PARTS_DROPPED = 4  # times that pieces apart are dropped and the border moved again
LV, EPICARDIUM, RV = range(3)
PHASES = (("lv_edv_ml", "rv_edv_ml"), ("lv_esv_ml", "rv_esv_ml"))  # the volumes of ED and ES


@dataclass(frozen=True)
class Canvas:
    """What is drawn on."""

    size: int  # rows and columns
    spacing_mm: float  # pixel
    step_mm: float  # between slices


def draw_masks(
    heart: Described,
    numbers: Mapping[str, float],
    settings: AnatomySettings,
    canvas: Canvas,
    systolic_mass: float,
    phases: int = 2,
    right: bool = True,
) -> Mask:
    """Draw a stack, (phases, slices, rows, columns).

    Args:
        heart: distance maps and extents.
        numbers: volumes (ml) and mass (g) that the masks shall measure.
        settings: of the maps.
        canvas: pixels and slices.
        systolic_mass: myocardium drawn at ES relative to ED.
        phases: 1 draws ED only.
        right: whether the right ventricle is drawn too; the left one is the same without.
    """
    size, spacing = canvas.size, canvas.spacing_mm
    slices = max(3, round(float(heart.extents[..., 1].max()) / canvas.step_mm))
    ml = spacing**2 * canvas.step_mm / 1000.0
    muscle = numbers["lv_mass_g"] / MYOCARDIAL_DENSITY_G_PER_ML / ml
    margin = max(0, math.ceil((settings.grid * settings.grid_mm / spacing - size) / 2))
    finer = _interpolation(settings.grid, size + 2 * margin, spacing / settings.grid_mm)
    frames, masses = [], (1.0, systolic_mass)
    for phase, (lv, rv) in enumerate(PHASES[:phases]):
        regions = range(3 if right else RV)
        maps = [_slices(heart, region, phase, slices, settings, finer, canvas.step_mm) for region in regions]
        mask, wall = _left(maps, numbers[lv] / ml, muscle * masses[phase], spacing)
        if right:
            mask[_right(maps, wall, numbers[rv] / ml, spacing)] = Label.RV
        frames.append(mask)
    # volumes are those of the whole heart: a small image shows a part of it
    return np.stack(frames)[:, :, margin : margin + size, margin : margin + size]


def _left(maps: list[Maps], lv_pixels: float, muscle_pixels: float, spacing_mm: float) -> tuple[Mask, Region]:
    """One phase: the cavity first, then the wall around it. Returns the labels, and cavity and wall as one region."""
    within = np.minimum(maps[LV], maps[EPICARDIUM] - MIN_WALL_MM)  # it does not bulge out of the heart
    cavity = _of_size(within, lv_pixels)
    thinnest = _grown(cavity, max(1.0, MIN_WALL_MM / spacing_mm))  # the wall is never thinner
    wall = _of_size(maps[EPICARDIUM], muscle_pixels + cavity.sum(), surely=thinnest)
    mask = np.zeros(cavity.shape, dtype=np.uint8)
    mask[wall] = Label.MYOCARDIUM
    mask[cavity] = Label.LV
    return mask, wall


def _right(maps: list[Maps], wall: Region, rv_pixels: float, spacing_mm: float) -> Region:
    """The right ventricle beside the left one, which keeps its pixels."""
    alone = _of_size(maps[RV], rv_pixels, never=wall)
    septal = _septal_side(alone, wall, max(1, round(SLIT_MM / spacing_mm)))  # it leans on the septum
    return _of_size(maps[RV], rv_pixels, surely=septal, never=wall) & ~wall


def _of_size(maps: Maps, pixels: float, surely: Region | None = None, never: Region | None = None) -> Region:
    """The region of so many pixels whose border lies at one distance throughout, in one piece on every slice.

    Args:
        maps: distances, positive inside.
        pixels: how many there shall be, in all slices together.
        surely: pixels that belong to it whatever their distance.
        never: pixels that do not.
    """
    worth = np.where(maps > -OFFSET_MM, maps, -np.inf)
    if surely is not None:
        worth[surely] = np.inf
    if never is not None:
        worth[never] = -np.inf
    region = _highest(worth, pixels)
    for _ in range(PARTS_DROPPED):
        whole = _largest(region)
        if np.array_equal(whole, region):
            break
        worth[region & ~whole] = -np.inf
        region = _highest(worth, pixels)
    return _largest(region)


def _highest(worth: Maps, pixels: float) -> Region:
    """The so many pixels that are worth the most."""
    allowed = worth[worth > -np.inf]
    count = round(pixels)
    if count >= allowed.size:
        return worth > -np.inf
    least = np.partition(allowed, allowed.size - count - 1)[allowed.size - count - 1]
    region: Region = (worth > least) | np.isposinf(worth)
    return region


def _slices(
    heart: Described,
    region: int,
    phase: int,
    slices: int,
    settings: AnatomySettings,
    finer: Maps,
    step_mm: float,
) -> Maps:
    """Distance maps of one region on the pixels of every slice; far outside where the region has ended."""
    begins, ends = _extent(heart, region, phase, step_mm)
    centres = (np.arange(slices) + 0.5) * step_mm
    present = (centres > begins) & (centres < ends)
    share = ((centres[present] - begins) / (ends - begins)).astype(np.float64)
    maps = along(heart.maps[region, phase], level_positions(settings.levels), share)
    sliced = np.full((slices, len(finer), len(finer)), -np.inf)
    sliced[present] = finer @ maps @ finer.T
    return sliced


def _extent(heart: Described, region: int, phase: int, step_mm: float) -> tuple[float, float]:
    """Where a region begins and ends; nothing reaches below the apex of the left ventricle."""
    apex = float(heart.extents[EPICARDIUM, phase, 1])
    begins, ends = map(float, heart.extents[region, phase])
    return begins, max(min(ends, apex), begins + 2 * step_mm)


@lru_cache(maxsize=8)  # a heart is drawn on the same pixels several times
def _interpolation(grid: int, size: int, step: float) -> Maps:
    """Cubic interpolation from a row of the grid to a row of pixels that shares its middle, as a (size, grid) matrix."""
    from scipy.ndimage import map_coordinates

    at = (grid - 1) / 2 + (np.arange(size) - (size - 1) / 2) * step
    return np.stack([map_coordinates(unit, at[None], order=3, mode="nearest") for unit in np.eye(grid)], axis=1)


def _grown(region: Region, pixels: float) -> Region:
    """Every slice with all that is no farther from it than a number of pixels."""
    from scipy.ndimage import distance_transform_edt

    grown = [distance_transform_edt(~one) <= pixels if one.any() else one for one in region]
    return np.stack(grown)


def _septal_side(right: Region, left: Region, pixels: int) -> Region:
    """A narrow slit between the ventricles, slice by slice, with the rim of the right one along it."""
    from scipy.ndimage import binary_dilation, binary_erosion, binary_fill_holes, generate_binary_structure

    cross = generate_binary_structure(2, 1)[None]
    both = right | left
    closed = binary_erosion(binary_dilation(both, cross, pixels), cross, pixels, border_value=1)
    closed = np.stack([binary_fill_holes(one) for one in closed])
    slit = closed & ~both & binary_dilation(right, cross, pixels)
    rim: Region = slit | (right & binary_dilation(slit, cross, pixels)) if slit.any() else slit
    return rim


def _largest(region: Region) -> Region:
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
