"""Painting the thorax: from the drawn shapes to tissue at every point of a plane, back to front."""

from functools import cached_property

import numpy as np

from synthcmr.phantom.abdomen import paint_abdomen
from synthcmr.phantom.canvas import Canvas, Grid, Tissues
from synthcmr.phantom.chest import Layers, layers_of, paint_wall
from synthcmr.phantom.fields import Image
from synthcmr.phantom.mediastinum import paint_mediastinum
from synthcmr.phantom.thorax import Thorax
from synthcmr.phantom.vessels import share_of_blood


class ThoraxTissue:
    """Everything but the heart on one grid; what does not change along the heart's axis is worked out once."""

    def __init__(self, thorax: Thorax, grid: Grid) -> None:
        """Take the shapes, and the points to paint."""
        self.thorax, self.grid = thorax, grid

    def at(self, z: float, breath_mm: float = 0.0) -> Tissues:
        """Tissue at the points of a plane, at a moment of the breath-hold."""
        dx, dy = self.thorax.warp.at(self.grid.rulers, z)
        out = np.empty(dx.shape, dtype=np.uint8)
        canvas = Canvas(self.grid, z, self.grid.x + dx, self.grid.y + dy, out)
        cavity = paint_wall(canvas, self.thorax.wall, self._layers, (dx, dy))
        paint_abdomen(canvas, self.thorax.abdomen, cavity, breath_mm)
        paint_mediastinum(canvas, self.thorax.mediastinum)
        return out

    def blood(self, z: float, slice_mm: float) -> tuple[Image, Image]:
        """Share of the slice's thickness that is vessel: in lungs, in the liver."""
        lung, liver = (
            share_of_blood(tree, self.grid, z, slice_mm)
            for tree in (self.thorax.lung_vessels, self.thorax.liver_vessels)
        )
        return lung, liver

    @cached_property
    def lung_signal(self) -> Image:
        """Density of the lung relative to its mean: more at the back, and where its vessels are dense."""
        slope = np.float32(self.thorax.lung_gradient / 100.0)
        back = self.grid.x * np.float32(0.8) + self.grid.y * np.float32(0.6)
        from_heart = np.hypot(self.grid.x - np.float32(30.0), self.grid.y)
        dense = np.float32(self.thorax.lung_haze) * np.exp(-from_heart / np.float32(40.0))
        return np.clip(np.float32(self.thorax.lung_density) * (np.clip(1 + slope * back, 0.3, 2.0) + dense), 0.4, 2.2)

    @cached_property
    def _layers(self) -> Layers:
        return layers_of(self.thorax.wall, self.grid)
