"""Trees of vessels in lung and liver, and what runs between the lungs: spine, aorta, oesophagus, veins, and the fat around them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.anatomy.fields import Image
from synthcmr.phantom.anatomy.tissues import Grid, Tissue, TissueCanvas

Rows = npt.NDArray[np.float32]
SMALL_MM = 0.7  # thinner vessels are added as points
POINTS_PER_SEGMENT = 6


@dataclass(frozen=True)
class Tree:
    """Straight pieces of vessel, mm: from, to, radius."""

    start: Rows  # (pieces, 3): x, y, z
    end: Rows
    radius: Rows  # (pieces,)


def draw_tree(
    rng: np.random.Generator,
    root: tuple[float, float, float],
    branches: int,
    radius_mm: float,
    length_mm: float,
    steepness: float = 1.6,
) -> Tree:
    """Branches from a root that part in two and thin out; `steepness` is how much more they run through the slices than along."""
    direction = rng.normal(size=(branches, 3)) * (1.0, 1.0, steepness)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    start = np.tile(np.array(root), (branches, 1)) + rng.normal(0, 4, (branches, 3))
    radius = radius_mm * rng.uniform(0.7, 1.1, branches)
    starts, ends, radii = [], [], []
    while radius.size and radius.max() > 0.3:
        length = length_mm * rng.uniform(0.6, 1.3, radius.size)
        end = start + direction * length[:, None]
        starts.append(start)
        ends.append(end)
        radii.append(radius)
        length_mm *= 0.9
        start, direction = np.repeat(end, 2, axis=0), np.repeat(direction, 2, axis=0)
        direction = direction + rng.normal(0, 0.5, direction.shape) * (1.0, 1.0, 1.5)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        radius = np.repeat(radius, 2) * rng.uniform(0.45, 0.92, start.shape[0])
        stays = radius > 0.3
        start, direction, radius = start[stays], direction[stays], radius[stays]
    start, end = np.concatenate(starts), np.concatenate(ends)
    return Tree(start.astype(np.float32), end.astype(np.float32), np.concatenate(radii).astype(np.float32))


def join(*trees: Tree) -> Tree:
    """One tree of many."""
    return Tree(
        np.concatenate([t.start for t in trees]),
        np.concatenate([t.end for t in trees]),
        np.concatenate([t.radius for t in trees]),
    )


def share_of_blood(tree: Tree, grid: Grid, z: float, slice_mm: float) -> Image:
    """How much of the slice's thickness is vessel, at every point: 1 where one runs through it, little where a thin one lies in it."""
    share = np.zeros(grid.x.shape, dtype=np.float32)
    start, end, radius, filled = _within(tree, grid, z, slice_mm)
    thick = radius >= SMALL_MM
    _points(share, grid, start[~thick], end[~thick], radius[~thick], filled[~thick])
    for a, b, r, f in zip(start[thick], end[thick], radius[thick], filled[thick], strict=True):
        _stroke(share, grid, a, b, float(r), float(f))
    return share


def _within(tree: Tree, grid: Grid, z: float, slice_mm: float) -> tuple[Rows, Rows, Rows, Rows]:
    """The pieces cut down to the slice, and how much of its thickness each fills."""
    low, high = z - slice_mm / 2, z + slice_mm / 2
    rise = tree.end[:, 2] - tree.start[:, 2]
    rise = np.where(np.abs(rise) < 1e-3, np.float32(1e-3), rise)
    t0, t1 = (low - tree.start[:, 2]) / rise, (high - tree.start[:, 2]) / rise
    begin, stop = np.clip(np.minimum(t0, t1), 0, 1), np.clip(np.maximum(t0, t1), 0, 1)
    middle = tree.start[:, :2] + (tree.end[:, :2] - tree.start[:, :2]) * 0.5
    row, column = grid.index(middle[:, 0], middle[:, 1])
    slack = 30.0 / grid.pitch2**0.5
    inside = (row > -slack) & (row < grid.x.shape[0] + slack) & (column > -slack) & (column < grid.x.shape[1] + slack)
    keep = (stop > begin) & inside
    step = tree.end[keep] - tree.start[keep]
    start, end = tree.start[keep] + step * begin[keep, None], tree.start[keep] + step * stop[keep, None]
    radius = tree.radius[keep]
    inside = end - start
    shadow = 2 * radius * np.hypot(inside[:, 0], inside[:, 1]) + np.pi * radius**2  # area that it covers in the image
    length = np.linalg.norm(inside, axis=1) + 0.5 * radius
    filled = np.clip(np.pi * radius**2 * length / (shadow * slice_mm), 0.0, 1.0)
    return start, end, radius, filled


def _stroke(share: Image, grid: Grid, a: Rows, b: Rows, radius: float, filled: float) -> None:
    """A piece of vessel as wide as it is, soft over one pixel."""
    dx, dy = float(b[0] - a[0]), float(b[1] - a[1])
    length = (dx * dx + dy * dy) ** 0.5
    box = grid.window(float(a[0] + b[0]) / 2, float(a[1] + b[1]) / 2, length / 2 + radius + 1.5)
    if box is None:
        return
    px, py = grid.x[box] - a[0], grid.y[box] - a[1]
    along = np.clip((px * dx + py * dy) / max(length * length, 1e-3), 0.0, 1.0)
    distance = np.hypot(px - along * np.float32(dx), py - along * np.float32(dy))
    cover = np.clip((radius - distance) / np.float32(grid.pitch2**0.5) * np.float32(0.5) + 0.5, 0.0, 1.0) * np.float32(
        filled
    )
    np.maximum(share[box], cover, out=share[box])


def _points(share: Image, grid: Grid, start: Rows, end: Rows, radius: Rows, filled: Rows) -> None:
    """Thin pieces as points along them, each with the area that it covers."""
    if start.size == 0:
        return
    t = (np.arange(POINTS_PER_SEGMENT, dtype=np.float32) + 0.5) / POINTS_PER_SEGMENT
    step = end[:, :2] - start[:, :2]
    where = start[:, None, :2] + step[:, None] * t[:, None]
    area = 2 * radius * np.hypot(step[:, 0], step[:, 1]) + np.pi * radius**2
    weight = np.repeat(np.minimum(area * filled / (POINTS_PER_SEGMENT * grid.pitch2), 0.6), POINTS_PER_SEGMENT)
    row, column = grid.index(where[..., 0].ravel(), where[..., 1].ravel())
    row, column = np.rint(row).astype(np.intp), np.rint(column).astype(np.intp)
    rows, columns = share.shape
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    place = row[inside] * columns + column[inside]
    share += np.bincount(place, weight[inside], share.size).reshape(share.shape).astype(np.float32)
    np.minimum(share, 1.0, out=share)


@dataclass(frozen=True)
class Tube:
    """A vessel or gullet that runs obliquely through the slices."""

    x: float  # where z = 40 mm
    y: float
    half: tuple[float, float]
    turn: float
    slope: tuple[float, float]  # mm per mm along z
    wall_mm: float
    content: Tissue
    coat_mm: float  # of fat
    span: tuple[float, float]  # z between which it is there


@dataclass(frozen=True)
class Mediastinum:
    """Spine and tubes."""

    spine: tuple[float, float, float]
    disc_level: float
    tubes: tuple[Tube, ...]


def draw_mediastinum(rng: np.random.Generator) -> Mediastinum:
    """Draw them; they lie behind the heart, to the right of it in a short axis."""
    aorta = (rng.normal(76, 11), rng.normal(42, 12))
    radius = rng.uniform(8.5, 13)
    stretch = rng.uniform(1.0, 1.8)
    everywhere = (-1e3, 1e3)
    slope = (rng.normal(-0.15, 0.2), rng.normal(0.25, 0.2))
    angle = rng.uniform(0.6, 2.4)
    tubes = (
        Tube(
            aorta[0] - rng.uniform(14, 24),
            aorta[1] + rng.normal(2, 7),
            (rng.uniform(5, 9), rng.uniform(4, 6.5)),
            rng.uniform(0, np.pi),
            slope,
            rng.uniform(2.0, 3.5),
            Tissue.OESOPHAGUS if rng.random() < 0.7 else Tissue.GAS,
            rng.uniform(0.0, 4.0),
            everywhere,
        ),
        Tube(
            aorta[0] + rng.normal(2, 8),
            aorta[1] + rng.uniform(18, 28),
            (rng.uniform(2.5, 4.5),) * 2,
            0.0,
            slope,
            0.3,
            Tissue.VEIN,
            rng.uniform(0.0, 3.0),
            everywhere,
        ),
        Tube(
            rng.normal(-15, 14),
            rng.normal(52, 9),
            (rng.uniform(9, 15), rng.uniform(7, 11)),
            rng.uniform(0, np.pi),
            (rng.normal(0.0, 0.3), rng.normal(0.4, 0.2)),
            0.4,
            Tissue.VEIN,
            rng.uniform(-2.0, 2.0),
            (-1e3, rng.uniform(-5, 30)),
        ),
        Tube(*aorta, (radius * stretch, radius), angle, slope, 0.8, Tissue.AORTA, rng.uniform(0.0, 6.0), everywhere),
    )
    spine = (rng.normal(104, 13), rng.normal(66, 15), rng.uniform(15, 21))
    return Mediastinum(spine, rng.uniform(0, 30), tubes)


def paint_mediastinum(canvas: TissueCanvas, mediastinum: Mediastinum) -> None:
    """Paint spine and tubes over what lies there."""
    _spine(canvas, mediastinum)
    for tube in mediastinum.tubes:
        if tube.span[0] < canvas.z < tube.span[1]:
            _tube(canvas, tube)


def _tube(canvas: TissueCanvas, tube: Tube) -> None:
    along = canvas.z - 40.0
    ellipse = canvas.ellipse(tube.x + tube.slope[0] * along, tube.y + tube.slope[1] * along, tube.half, tube.turn)
    if ellipse is None:
        return
    box, norm = ellipse
    small = min(tube.half)
    within = canvas.out[box] != Tissue.AIR
    canvas.paint(box, (norm < 1 + tube.coat_mm / small) & (canvas.out[box] != Tissue.LUNG), Tissue.VISCERAL_FAT)
    canvas.paint(box, within & (norm < 1 + tube.wall_mm / small), Tissue.STOMACH_WALL)
    canvas.paint(box, within & (norm < 1), tube.content)


def _spine(canvas: TissueCanvas, mediastinum: Mediastinum) -> None:
    x, y, radius = mediastinum.spine
    ellipse = canvas.ellipse(x, y, (radius + 16, radius + 16))
    if ellipse is None:
        return
    box, norm = ellipse
    r = norm * np.float32(radius + 16)
    body = canvas.out[box] != Tissue.AIR
    canvas.paint(box, body & (r < radius + 14), Tissue.MUSCLE)
    canvas.paint(box, body & (r < radius), Tissue.CORTICAL_BONE)
    u, v = canvas.turned(box, x, y, 0.7)
    disc = np.abs(np.mod(v + mediastinum.disc_level, 30.0) - 15.0) < 3.0
    canvas.paint(box, body & (r < radius - 1.5), Tissue.BONE_MARROW)
    canvas.paint(box, body & (r < radius - 1.5) & disc, Tissue.CARTILAGE)
    canal = np.hypot(u - radius - 7, v)
    canvas.paint(box, body & (canal < 8), Tissue.VISCERAL_FAT)
    canvas.paint(box, body & (canal < 6), Tissue.STOMACH_FLUID)
