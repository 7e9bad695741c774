"""Masks as distance maps, per structure and phase, at fixed levels between its own base and apex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.generators.anatomy.settings import AnatomySettings

REGIONS: dict[str, tuple[Label, ...]] = {
    "lv": (Label.LV,),
    "epicardium": (Label.LV, Label.MYOCARDIUM),
    "rv": (Label.RV,),
}
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Described:
    """One heart in maps and extents."""

    maps: npt.NDArray[np.float32]  # (regions, phases, levels, grid, grid), mm, positive inside
    extents: Floats  # (regions, phases, 2): where each region begins and ends, mm below the top of the heart


def describe(
    mask: Mask, spacing_mm: tuple[float, float], step_mm: float, settings: AnatomySettings
) -> Described | None:
    """Describe a stack of masks at ED and ES; None where a structure is absent in a phase."""
    holding = np.flatnonzero(((mask > 0) & (mask != Label.UNLABELLED)).any(axis=(0, 2, 3)))
    if not holding.size:
        return None
    top = holding[0]
    maps, extents = [], []
    for labels in REGIONS.values():
        inside = np.isin(mask, [int(label) for label in labels])
        for phase in inside[:2]:
            slices = np.flatnonzero(phase.any(axis=(1, 2)))
            if not slices.size:
                return None
            first, last = slices[0], slices[-1]
            extents.append([(first - top) * step_mm, (last + 1 - top) * step_mm])
            maps.append(_levels(phase[first : last + 1], spacing_mm, settings))
    shape = (len(REGIONS), 2)
    return Described(np.stack(maps).reshape(*shape, *maps[0].shape), np.array(extents).reshape(*shape, 2))


def _levels(
    inside: npt.NDArray[np.bool_], spacing_mm: tuple[float, float], settings: AnatomySettings
) -> npt.NDArray[np.float32]:
    """Distance maps of consecutive slices, resampled to the levels."""
    maps = np.stack([_signed(one, spacing_mm, settings) for one in inside])
    centres = (np.arange(len(inside)) + 0.5) / len(inside)
    return along(maps, centres, level_positions(settings.levels)).astype(np.float32)


def level_positions(levels: int) -> Floats:
    """Where the levels lie between the two ends of a region, 0 to 1."""
    return (np.arange(levels) + 0.5) / levels


def along(maps: npt.NDArray[np.floating], known: Floats, wanted: Floats) -> npt.NDArray[np.floating]:
    """Linear interpolation of maps along the first axis; constant beyond the ends."""
    place = np.interp(wanted, known, np.arange(len(known), dtype=float))
    below = np.floor(place).astype(int).clip(0, max(len(known) - 2, 0))
    above = np.minimum(below + 1, len(known) - 1)
    share = (place - below)[:, None, None]
    return maps[below] * (1 - share) + maps[above] * share


def _signed(inside: npt.NDArray[np.bool_], spacing_mm: tuple[float, float], settings: AnatomySettings) -> Floats:
    from scipy.ndimage import distance_transform_edt, map_coordinates

    if not inside.any():
        return np.full((settings.grid, settings.grid), -settings.reach_mm)
    signed = distance_transform_edt(inside, spacing_mm) - distance_transform_edt(~inside, spacing_mm)
    half = 0.5 * np.mean(spacing_mm)  # the border lies between pixels
    signed += np.where(inside, -half, half)
    at = grid_points(inside.shape, spacing_mm, settings.grid, settings.grid_mm)
    found: Floats = map_coordinates(signed, at, order=1, mode="nearest")
    return found.clip(-settings.reach_mm, settings.reach_mm)


def grid_points(shape: tuple[int, ...], spacing_mm: tuple[float, float], grid: int, grid_mm: float) -> Floats:
    """Image coordinates (row, column) of a grid that shares the image's middle."""
    axes = [
        (n - 1) / 2 + (np.arange(grid) - (grid - 1) / 2) * grid_mm / mm for n, mm in zip(shape, spacing_mm, strict=True)
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"))
