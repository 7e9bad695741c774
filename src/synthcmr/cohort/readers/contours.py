"""Sunnybrook's manual contours: lists of points in pixels, one file per image."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.errors import ReadError

CONTOUR_FILE = re.compile(r"IM-\d+-(?P<number>\d+)-(?P<kind>[io])contour-manual\.txt", re.IGNORECASE)
Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Contour:
    """One drawn line of one image."""

    number: int  # of the image in its series
    kind: str  # "i": inner border of the wall, "o": outer
    path: Path


def find_contours(paths: list[Path]) -> list[Contour]:
    """The contour files among paths, papillary and automatic ones aside."""
    matches = [(path, CONTOUR_FILE.fullmatch(path.name)) for path in sorted(paths)]
    return [Contour(int(m["number"]), m["kind"].lower(), path) for path, m in matches if m is not None]


def read_points(path: Path) -> Points:
    """The (x, y) points of a contour in pixels.

    Raises:
        ReadError: the file is not a list of at least three points.
    """
    try:
        points = np.array([[float(v) for v in line.split()] for line in path.read_text().splitlines() if line.strip()])
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ReadError(f"{path.name}: expected one 'x y' pair per line, got: {error}") from error
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or not np.isfinite(points).all():
        raise ReadError(f"{path.name}: expected three or more 'x y' pairs, got {len(points)} line(s)")
    return points


def fill(points: Points, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Pixels whose centre lies inside a closed contour (even-odd rule).

    Coordinates count from the corner of the first pixel: the centre of pixel (row r, column c) is (c + 0.5, r + 0.5).
    On the images the contours sit on the edge of the blood with this reading; taken from pixel centres they lie half a
    pixel too far down and right.

    Args:
        points: (n, 2) x and y in pixels; the last point joins the first.
        shape: rows and columns.
    """
    low = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int), (shape[1], shape[0]))
    inside = np.zeros(shape, dtype=bool)
    y, x = np.mgrid[low[1] : max(high[1], low[1]), low[0] : max(high[0], low[0])] + 0.5
    box = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 > y) != (y1 > y)
            box ^= crosses & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    inside[low[1] : low[1] + box.shape[0], low[0] : low[0] + box.shape[1]] = box
    return inside


def contour_mask(inner: Points | None, outer: Points | None, shape: tuple[int, int]) -> Mask:
    """Cavity inside the inner contour, myocardium between inner and outer; all else stays unlabelled.

    An outer contour without an inner one labels nothing: it holds cavity and wall together.
    """
    mask = np.full(shape, Label.UNLABELLED, dtype=np.uint8)
    if inner is None:
        return mask
    if outer is not None:
        mask[fill(outer, shape)] = Label.MYOCARDIUM
    mask[fill(inner, shape)] = Label.LV
    return mask
