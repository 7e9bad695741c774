"""A heart as distance maps, and as a few dozen numbers: principal components of maps, then of whole hearts.

Maps are per structure and phase, at fixed levels between its own base and apex.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from synthcmr.cohort.labels import Label, Mask
from synthcmr.config import Settings

REGIONS: dict[str, tuple[Label, ...]] = {
    "lv": (Label.LV,),
    "epicardium": (Label.LV, Label.MYOCARDIUM),
    "rv": (Label.RV,),
}
Floats = npt.NDArray[np.float64]
EXTENT_WEIGHT = 8.0  # a millimetre of extent counts as much as this many in a component of a map
SAMPLED = 3000  # maps per structure that the first components are computed from


class AnatomySettings(Settings):
    """How hearts are described, and how strongly small groups lean on the whole."""

    grid: int = Field(56, ge=16, description="rows and columns of the distance maps")
    grid_mm: float = Field(3.0, gt=0, description="their pixel")
    levels: int = Field(10, ge=3, description="distance maps per structure and phase, base to apex")
    slice_components: int = Field(24, ge=2, description="numbers that describe one distance map")
    components: int = Field(48, ge=2, description="numbers that describe a whole heart")
    reach_mm: float = Field(18.0, gt=0, description="distances are cut here: what is far from a border says nothing")
    shrinkage: float = Field(0.02, ge=0, le=1, description="least weight of the pooled covariance in a diagnosis' own")
    ridge: float | None = Field(
        None,
        gt=0,
        description="of regressions, in subjects' worth of evidence; null: what predicts left-out subjects best",
    )


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
    distances: Floats = map_coordinates(signed, at, order=1, mode="nearest")
    return distances.clip(-settings.reach_mm, settings.reach_mm)


def grid_points(shape: tuple[int, ...], spacing_mm: tuple[float, float], grid: int, grid_mm: float) -> Floats:
    """Image coordinates (row, column) of a grid that shares the image's middle."""
    axes = [
        (n - 1) / 2 + (np.arange(grid) - (grid - 1) / 2) * grid_mm / mm for n, mm in zip(shape, spacing_mm, strict=True)
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


@dataclass(frozen=True)
class ShapeSpace:
    """The linear space of hearts. `c = (features - mean) @ axes.T` and back."""

    map_means: Floats  # (regions, pixels)
    map_axes: Floats  # (regions, slice components, pixels)
    mean: Floats  # (features,)
    axes: Floats  # (components, features)
    settings: AnatomySettings

    @classmethod
    def of(cls, hearts: list[Described], settings: AnatomySettings) -> tuple[ShapeSpace, Floats]:
        """Learn the space from hearts.

        Returns:
            The space, and the coordinates of the hearts in it, (hearts, components).
        """
        maps = np.stack([h.maps for h in hearts]).reshape(len(hearts), 3, -1, settings.grid**2)
        means, axes = zip(
            *(_components(maps[:, r].reshape(-1, settings.grid**2), settings) for r in range(3)), strict=True
        )
        space = cls(np.stack(means), np.stack(axes), np.zeros(0), np.zeros((0, 0)), settings)
        features = np.stack([space.features(h) for h in hearts])
        mean = features.mean(axis=0)
        count = min(settings.components, len(hearts) - 1)
        _, _, v = np.linalg.svd(features - mean, full_matrices=False)
        whole = cls(space.map_means, space.map_axes, mean, v[:count], settings)
        return whole, (features - mean) @ v[:count].T

    def features(self, heart: Described) -> Floats:
        """Components of every map, then the extents."""
        maps = heart.maps.reshape(3, -1, self.settings.grid**2).astype(np.float64)
        components = np.einsum("rlp,rkp->rlk", maps - self.map_means[:, None], self.map_axes)
        return np.concatenate([components.ravel(), heart.extents.ravel() * EXTENT_WEIGHT])

    def heart(self, coordinates: Floats) -> Described:
        """The heart at some coordinates."""
        s = self.settings
        features = self.mean + coordinates @ self.axes
        cut = 3 * 2 * s.levels * s.slice_components
        components = features[:cut].reshape(3, 2 * s.levels, s.slice_components)
        maps = np.einsum("rlk,rkp->rlp", components, self.map_axes) + self.map_means[:, None]
        return Described(
            maps.reshape(3, 2, s.levels, s.grid, s.grid).astype(np.float32),
            (features[cut:] / EXTENT_WEIGHT).reshape(3, 2, 2),
        )


def _components(maps: npt.NDArray[np.float32], settings: AnatomySettings) -> tuple[Floats, Floats]:
    """Mean and principal axes of the maps of one region."""
    chosen = maps[np.linspace(0, len(maps) - 1, min(SAMPLED, len(maps))).astype(int)].astype(np.float64)
    mean = chosen.mean(axis=0)
    centred = chosen - mean
    # eigenvectors of the smaller of the two Gram matrices
    if len(centred) < centred.shape[1]:
        _, vectors = np.linalg.eigh(centred @ centred.T)
        axes = (centred.T @ vectors[:, ::-1][:, : settings.slice_components]).T
    else:
        _, vectors = np.linalg.eigh(centred.T @ centred)
        axes = vectors[:, ::-1][:, : settings.slice_components].T
    unit_axes: Floats = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    return mean, unit_axes
