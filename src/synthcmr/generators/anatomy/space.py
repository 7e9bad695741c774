"""A heart as a few dozen numbers: principal components of distance maps, then of whole hearts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.generators.anatomy.distance import Described
from synthcmr.generators.anatomy.settings import AnatomySettings

Floats = npt.NDArray[np.float64]
EXTENT_WEIGHT = 8.0  # a millimetre of extent counts as much as this many in a component of a map
SAMPLED = 3000  # maps per structure that the first components are computed from


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
        found = np.einsum("rlp,rkp->rlk", maps - self.map_means[:, None], self.map_axes)
        return np.concatenate([found.ravel(), heart.extents.ravel() * EXTENT_WEIGHT])

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
    found: Floats = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    return mean, found
