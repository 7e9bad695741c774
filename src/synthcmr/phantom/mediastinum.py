"""Between and behind the lungs: spine, aorta, oesophagus, azygos and lower caval vein, and the fat around them."""

from dataclasses import dataclass

import numpy as np

from synthcmr.phantom.canvas import Canvas
from synthcmr.phantom.tissues import Tissue


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


def paint_mediastinum(canvas: Canvas, mediastinum: Mediastinum) -> None:
    """Paint spine and tubes over what lies there."""
    _spine(canvas, mediastinum)
    for tube in mediastinum.tubes:
        if tube.span[0] < canvas.z < tube.span[1]:
            _tube(canvas, tube)


def _tube(canvas: Canvas, tube: Tube) -> None:
    along = canvas.z - 40.0
    found = canvas.ellipse(tube.x + tube.slope[0] * along, tube.y + tube.slope[1] * along, tube.half, tube.turn)
    if found is None:
        return
    box, norm = found
    small = min(tube.half)
    within = canvas.out[box] != Tissue.AIR
    canvas.paint(box, (norm < 1 + tube.coat_mm / small) & (canvas.out[box] != Tissue.LUNG), Tissue.VISCERAL_FAT)
    canvas.paint(box, within & (norm < 1 + tube.wall_mm / small), Tissue.STOMACH_WALL)
    canvas.paint(box, within & (norm < 1), tube.content)


def _spine(canvas: Canvas, mediastinum: Mediastinum) -> None:
    x, y, radius = mediastinum.spine
    found = canvas.ellipse(x, y, (radius + 16, radius + 16))
    if found is None:
        return
    box, norm = found
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
