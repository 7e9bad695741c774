"""Sunnybrook's manual contours: lists of points in pixels, one file per image."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.phases import phase_names
from synthcmr.cohort.readers.dicom.cine import Cine, CineMasks
from synthcmr.cohort.readers.dicom.frames import Frame
from synthcmr.cohort.reasons import why
from synthcmr.cohort.source_links import expect_within
from synthcmr.errors import ReadError

CONTOUR_FILE = re.compile(r"IM-\d+-(?P<number>\d+)-(?P<kind>[io])contour-manual\.txt", re.IGNORECASE)
Points = npt.NDArray[np.float64]
IMAGE_NUMBER = re.compile(r"(?:IM-\d+-)?(\d+)(?:\.\w+)?", re.IGNORECASE)

Place = tuple[int, int]  # phase, slice


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
    expect_within(path)
    try:
        points = np.array([[float(v) for v in line.split()] for line in path.read_text().splitlines() if line.strip()])
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ReadError(f"{path.name}: expected one 'x y' pair per line, got: {why(error)}") from error
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


def masks_from_contours(cine: Cine, contours: list[Contour]) -> CineMasks:
    """Masks of the contoured images of a cine; per phase the structures drawn in any slice."""
    lines, rejects = _lines_by_place(cine, contours)
    mask = cine.empty_mask()
    for (t, s), drawn in lines.items():
        mask[t, s] = contour_mask(drawn.get("i"), drawn.get("o"), cine.first.shape)
    labelled = tuple(_labelled(m) for m in mask)
    if not any(labelled):
        return CineMasks(rejects=tuple(rejects))
    return CineMasks(mask, labelled, _phases(mask), rejects=tuple(rejects))


def _lines_by_place(
    cine: Cine, contours: list[Contour]
) -> tuple[dict[Place, dict[str, Points]], list[tuple[str, str]]]:
    places = _numbered(cine)
    lines: dict[Place, dict[str, Points]] = defaultdict(dict)
    rejects: list[tuple[str, str]] = []
    for contour in contours:
        try:
            if contour.number not in places:
                raise ReadError(
                    f"expected an image of this number in the short-axis cine ({len(places)} images), got none"
                )
            lines[places[contour.number]][contour.kind] = read_points(contour.path)
        except ReadError as error:
            rejects.append((contour.path.name, str(error)))
    return lines, rejects


def _numbered(cine: Cine) -> dict[int, Place]:
    """Image number -> place: by file name (77.dcm, IM-0001-0077.dcm) if unique, else by Instance Number."""
    frames = {(t, s): frame for s, row in enumerate(cine.slices) for t, frame in enumerate(row)}
    for number_of in (_file_number, _instance_number):
        numbers = {place: number_of(frame) for place, frame in frames.items()}
        by_number = {number: place for place, number in numbers.items() if number is not None}
        if len(by_number) == len(frames):
            return by_number
    return by_number


def _file_number(frame: Frame) -> int | None:
    match = IMAGE_NUMBER.fullmatch(frame.entry.base)
    return int(match[1]) if match else None


def _instance_number(frame: Frame) -> int | None:
    value = frame.times.get("instance")
    return None if value is None else int(value)


def _labelled(mask: Mask) -> tuple[str, ...]:
    return tuple(name for name, label in (("lv", Label.LV), ("myo", Label.MYOCARDIUM)) if (mask == label).any())


def _phases(mask: Mask) -> tuple[str, ...]:
    """ED and ES are the two phases contoured in most slices; over the slices they share, the cavity is larger at ED."""
    drawn = (mask == Label.LV).sum(axis=(2, 3))  # (phases, slices) cavity pixels
    slices = (drawn > 0).sum(axis=1)
    order = [int(t) for t in np.argsort(-slices, kind="stable") if slices[t] > 0]
    if len(order) == 1:
        return ("",) * len(mask)
    a, b = order[:2]
    shared = (drawn[a] > 0) & (drawn[b] > 0)
    ed, es = (a, b) if drawn[a, shared].sum() >= drawn[b, shared].sum() else (b, a)
    return phase_names(len(mask), ed, es)
