"""What a point of the phantom can be made of, and a plane to paint tissues on."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.anatomy.curves import Points
from synthcmr.phantom.anatomy.fields import Rulers


class Tissue(IntEnum):
    """Tissue of one point in space. Heart tissues come first; NONE means "the heart is not here"."""

    NONE = 0
    LV_BLOOD = 1
    MYOCARDIUM = 2
    RV_BLOOD = 3
    PAPILLARY = 4  # papillary muscles and LV trabeculae: muscle that masks count as LV cavity
    RV_WALL = 5
    RV_TRABECULA = 6  # muscle that masks count as RV cavity
    SCAR = 7  # infarcted myocardium, part of the myocardium in every mask
    ATRIAL_BLOOD = 8  # left and right atrium beyond the base plane
    ATRIAL_WALL = 9
    OUTFLOW_BLOOD = 10  # aortic root, pulmonary trunk
    EPICARDIAL_FAT = 11
    PERICARDIUM = 12
    # the torso
    LUNG = 20
    LUNG_VESSEL = 21
    LIVER = 22
    LIVER_VESSEL = 23
    SPLEEN = 24
    STOMACH_WALL = 25
    STOMACH_FLUID = 26
    GAS = 27
    BOWEL = 28
    KIDNEY = 29
    MUSCLE = 30
    SUBCUTANEOUS_FAT = 31
    VISCERAL_FAT = 32
    BONE_MARROW = 33
    CORTICAL_BONE = 34
    AORTA = 35
    VEIN = 36
    SKIN = 37
    AIR = 38
    CARTILAGE = 39
    GLAND = 40  # of the breast
    OESOPHAGUS = 41
    STOMACH_FOOD = 42


Tissues = npt.NDArray[np.uint8]
Region = npt.NDArray[np.bool_]
Box = tuple[slice, slice]
SLACK_MM = 22.0  # how far a warp may move what is drawn


class Grid:
    """The points of one plane, a regular grid that may be turned. Slices share it unless one of them is misplaced."""

    def __init__(self, x: Points, y: Points, rulers: Rulers) -> None:
        """Take the short-axis coordinates of every point, and those along the image's own sides."""
        self.x, self.y, self.rulers = x, y, rulers
        self._origin = np.array([x[0, 0], y[0, 0]])
        self._along_row = np.array([x[0, 1] - x[0, 0], y[0, 1] - y[0, 0]])
        self._along_column = np.array([x[1, 0] - x[0, 0], y[1, 0] - y[0, 0]])
        self.pitch2 = float(self._along_row @ self._along_row)

    def window(self, x: float, y: float, reach_mm: float) -> Box | None:
        """The pixels within `reach_mm` of a point; None where there are none."""
        offset = np.array([x, y]) - self._origin
        column, row = float(offset @ self._along_row) / self.pitch2, float(offset @ self._along_column) / self.pitch2
        reach = reach_mm / self.pitch2**0.5 + 1.5
        rows, columns = self.x.shape
        top, bottom = max(0, int(row - reach)), min(rows, int(row + reach + 1))
        left, right = max(0, int(column - reach)), min(columns, int(column + reach + 1))
        return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None

    def index(self, x: Points, y: Points) -> tuple[Points, Points]:
        """Fractional row and column of points."""
        dx, dy = x - self._origin[0], y - self._origin[1]
        column = (dx * self._along_row[0] + dy * self._along_row[1]) / self.pitch2
        row = (dx * self._along_column[0] + dy * self._along_column[1]) / self.pitch2
        return row, column


@dataclass(frozen=True)
class TissueCanvas:
    """The points of one plane, displaced as the body is uneven, and what has been painted on them."""

    grid: Grid
    z: float
    x: Points  # displaced coordinates
    y: Points
    out: Tissues

    def ellipse(self, x: float, y: float, half: tuple[float, float], turn: float = 0.0) -> tuple[Box, Points] | None:
        """A window around an ellipse, and its norm there: below 1 is inside."""
        box = self.grid.window(x, y, max(half) * 1.3 + SLACK_MM)
        if box is None:
            return None
        u, v = self.turned(box, x, y, turn)
        u, v = u * np.float32(1 / half[0]), v * np.float32(1 / half[1])
        return box, np.sqrt(u * u + v * v)

    def turned(self, box: Box, x: float, y: float, turn: float) -> tuple[Points, Points]:
        """Coordinates around a point, along axes turned by an angle."""
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        dx, dy = self.x[box] - np.float32(x), self.y[box] - np.float32(y)
        return dx * cos + dy * sin, dy * cos - dx * sin

    def paint(self, box: Box, region: Region, tissue: Tissue | int) -> None:
        """Fill part of a window."""
        self.out[box][region] = tissue
