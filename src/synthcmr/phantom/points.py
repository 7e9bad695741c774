"""Points of a slice, with what depends on where they lie alone: worked out once for all that is drawn on them."""

from synthcmr.phantom.noise import Places, nearest
from synthcmr.phantom.polar import Points, Polar


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
