"""Points of a slice, with what depends on where they lie alone: worked out once for all that is drawn on them."""

import numpy as np

from synthcmr.phantom.noise import Corners, Places, corners, nearest
from synthcmr.phantom.polar import Points, Polar


class Grid:
    """The points of one plane, a regular grid that may be turned. Slices share it unless one of them is misplaced."""

    def __init__(self, x: Points, y: Points) -> None:
        """Take the short-axis coordinates of every point."""
        self.x, self.y = x, y
        self._corners: dict[tuple[float, int], Corners] = {}

    def corners(self, pitch_mm: float, n: int) -> Corners:
        """The voxels around each point, in a periodic plane of n by n."""
        if (pitch_mm, n) not in self._corners:
            self._corners[pitch_mm, n] = corners(self.x, self.y, pitch_mm, n)
        return self._corners[pitch_mm, n]

    def corners_along_x(self, pitch_mm: float, n: int) -> Corners:
        """The same for a texture that does not change with y."""
        return corners(self.x, np.zeros_like(self.x), pitch_mm, n)


class Around:
    """Points of one slice as its LV axis sees them: the same at every contraction."""

    def __init__(self, dx: Points, dy: Points, index: int) -> None:
        """Take the points' offsets from the axis, and which slice it is."""
        self.dx, self.dy, self.index = dx, dy, index
        self.polar = Polar.of(dx, dy)
        self._nearest: dict[tuple[float, int], Places] = {}

    def nearest(self, pitch_mm: float, n: int) -> Places:
        """The voxel nearest to each point, in a periodic plane of n by n."""
        if (pitch_mm, n) not in self._nearest:
            self._nearest[pitch_mm, n] = nearest(self.dx, self.dy, pitch_mm, n)
        return self._nearest[pitch_mm, n]
