"""Below the lungs: diaphragm, liver, stomach, spleen, bowel and the fat between them."""

from dataclasses import dataclass

import numpy as np

from synthcmr.phantom.anatomy.fields import SmoothField, draw_smooth
from synthcmr.phantom.anatomy.tissues import Region, Tissue, TissueCanvas
from synthcmr.phantom.subject import PhantomSubject

STOMACH_CONTENT = (
    Tissue.STOMACH_FLUID,
    Tissue.GAS,
    Tissue.BOWEL,
    Tissue.STOMACH_FOOD,
    Tissue.STOMACH_FOOD,
    Tissue.STOMACH_WALL,
)
BOWEL_CONTENT = (Tissue.BOWEL, Tissue.STOMACH_FLUID, Tissue.GAS, Tissue.STOMACH_FOOD, Tissue.VISCERAL_FAT)


@dataclass(frozen=True)
class Organ:
    """An ellipse, turned; `y` counts from the diaphragm's level."""

    x: float
    y: float
    half: tuple[float, float]
    turn: float = 0.0
    content: int = 0
    level: float = 0.0
    wall_mm: float = 3.0


@dataclass(frozen=True)
class Abdomen:
    """The organs below the diaphragm."""

    level: float  # of the diaphragm where z = 40 mm
    tilt: float
    dome_mm: float
    dome_x: float
    slope_z: float
    thickness_mm: float
    liver_edge: float
    liver_slope: float
    stomach: Organ
    spleen: Organ
    bowel: tuple[Organ, ...]
    between: int  # what fills the room between organs
    lining: float  # level of a random field above which fat lines the diaphragm
    roughness: SmoothField


def draw_abdomen(subject: PhantomSubject, rng: np.random.Generator) -> Abdomen:
    """Draw them; thin people have little fat between organs."""
    under_heart = 33.0 * (subject.targets.lv_edv_ml / 150.0) ** (1 / 3) + rng.normal(1.0, 7.0)
    fatty = rng.random() < np.clip(0.6 + 0.05 * (subject.bmi - 25.0), 0.15, 0.95)
    return Abdomen(
        level=under_heart,
        tilt=rng.normal(0.08, 0.2),
        dome_mm=rng.uniform(0.0, 28.0),
        dome_x=rng.normal(-60.0, 40.0),
        slope_z=rng.normal(0.1, 0.25),
        thickness_mm=rng.uniform(0.6, 2.2),
        liver_edge=rng.normal(10.0, 35.0),
        liver_slope=rng.normal(-0.3, 0.4),
        stomach=_draw_stomach(rng),
        spleen=Organ(rng.normal(115, 18), rng.normal(35, 18), (rng.uniform(12, 35), rng.uniform(15, 45))),
        bowel=tuple(_draw_bowel(rng) for _ in range(int(rng.integers(3, 14)))),
        between=int(Tissue.VISCERAL_FAT if fatty else Tissue.LIVER if rng.random() < 0.6 else Tissue.STOMACH_WALL),
        lining=rng.uniform(-1.2, 2.0) if fatty else rng.uniform(0.6, 2.5),
        roughness=draw_smooth(rng, 12.0, 16.0),
    )


def paint_abdomen(canvas: TissueCanvas, abdomen: Abdomen, cavity: Region, breath_mm: float) -> None:
    """Lung above the diaphragm, organs below it.

    Args:
        canvas: what to paint on.
        abdomen: the organs.
        cavity: the space within the ribs.
        breath_mm: how far the diaphragm is from where it usually stands.
    """
    out, x, y = canvas.out, canvas.x, canvas.y
    rough = abdomen.roughness.at(canvas.grid.rulers, canvas.z)
    dome = np.float32(abdomen.dome_mm) * np.exp(-(((x - np.float32(abdomen.dome_x)) / np.float32(55.0)) ** 2))
    shift = abdomen.level + abdomen.slope_z * (canvas.z - 40.0) + breath_mm
    below_line = y - np.float32(abdomen.tilt) * (x - 20.0) + dome - np.float32(shift)
    out[cavity] = Tissue.LUNG
    below: Region = cavity & (below_line > 0)
    out[below] = abdomen.between
    for organ in abdomen.bowel:
        _hollow(canvas, abdomen, organ, below, breath_mm)
    edge = x + np.float32(abdomen.liver_slope) * (y - 60.0) + 3.0 * rough
    out[below & (edge < abdomen.liver_edge)] = Tissue.LIVER
    _hollow(canvas, abdomen, abdomen.stomach, below, breath_mm, rough)
    _spleen(canvas, abdomen, below, breath_mm)
    lining = np.float32(1.6) * (rough - np.float32(abdomen.lining)) + np.float32(abdomen.thickness_mm)
    out[below & (below_line < lining)] = Tissue.VISCERAL_FAT
    out[below & (below_line < abdomen.thickness_mm)] = Tissue.MUSCLE


def _hollow(
    canvas: TissueCanvas,
    abdomen: Abdomen,
    organ: Organ,
    below: Region,
    breath_mm: float,
    rough: np.ndarray | None = None,
) -> None:
    """A wall and what it holds, gas on top of fluid."""
    ellipse = canvas.ellipse(organ.x, abdomen.level + organ.y + breath_mm, organ.half, organ.turn)
    if ellipse is None:
        return
    box, norm = ellipse
    norm = norm if rough is None else norm + np.float32(0.07) * rough[box]
    within = below[box]
    canvas.paint(box, within & (norm < 1), Tissue.STOMACH_WALL)
    lumen = within & (norm < 1 - organ.wall_mm / min(organ.half))
    canvas.paint(box, lumen, organ.content)
    if organ.level and organ.content in (Tissue.STOMACH_FLUID, Tissue.BOWEL):
        u, _ = canvas.turned(box, organ.x, abdomen.level + organ.y, organ.turn)
        canvas.paint(box, lumen & (u > organ.half[0] * organ.level), Tissue.GAS)


def _spleen(canvas: TissueCanvas, abdomen: Abdomen, below: Region, breath_mm: float) -> None:
    organ = abdomen.spleen
    ellipse = canvas.ellipse(organ.x, abdomen.level + organ.y + breath_mm, organ.half, organ.turn)
    if ellipse is not None:
        box, norm = ellipse
        canvas.paint(box, below[box] & (norm < 1), Tissue.SPLEEN)


def _draw_stomach(rng: np.random.Generator) -> Organ:
    return Organ(
        x=rng.normal(45, 28),
        y=rng.normal(26, 10),
        half=(rng.uniform(15, 50), rng.uniform(12, 36)),
        turn=rng.uniform(-0.5, 0.5),
        content=STOMACH_CONTENT[int(rng.integers(len(STOMACH_CONTENT)))],
        level=rng.uniform(0.05, 0.8),
        wall_mm=rng.uniform(2.0, 5.0),
    )


def _draw_bowel(rng: np.random.Generator) -> Organ:
    return Organ(
        x=rng.uniform(-120, 160),
        y=rng.uniform(22, 130),
        half=(rng.uniform(6, 24), rng.uniform(6, 20)),
        turn=rng.uniform(0, np.pi),
        content=BOWEL_CONTENT[int(rng.integers(len(BOWEL_CONTENT)))],
        wall_mm=rng.uniform(1.0, 2.5),
    )
