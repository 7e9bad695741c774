"""Chest wall, abdomen, mediastinum and the fat on the heart, painted on a plane without warp: sizes and places from geometry."""

from dataclasses import replace

import numpy as np
import pytest

from synthcmr.phantom.anatomy.abdomen import Abdomen, Organ, draw_abdomen, paint_abdomen
from synthcmr.phantom.anatomy.chest import ChestWall, draw_wall, layers_of, paint_wall
from synthcmr.phantom.anatomy.curves import SAMPLES, Around
from synthcmr.phantom.anatomy.fields import Rulers, SmoothField
from synthcmr.phantom.anatomy.thorax import COARSE, FatPad, ThoraxTissue, covering, draw_thorax
from synthcmr.phantom.anatomy.tissues import Grid, Tissue, TissueCanvas
from synthcmr.phantom.anatomy.vessels import Mediastinum, Tube, draw_mediastinum, paint_mediastinum
from synthcmr.phantom.population import draw_subject
from synthcmr.phantom.subject import PhantomSubject

PITCH = 0.5
LINE = np.arange(-200.0, 200.0, PITCH, dtype=np.float32)
RULERS = Rulers(LINE, LINE)
X, Y = np.meshgrid(LINE, LINE)
GRID = Grid(X, Y, RULERS)
EVEN = SmoothField(np.zeros((8, 40, 40), dtype=np.float32), 12.0, 16.0)
RADIUS, FAT_MM, MUSCLE_MM = 150.0, 20.0, 14.0
NO_PUSH = (np.zeros_like(X), np.zeros_like(X))


def canvas(z: float = 40.0, filled: Tissue = Tissue.LUNG) -> TissueCanvas:
    return TissueCanvas(GRID, z, X, Y, np.full(X.shape, filled, dtype=np.uint8))


def area(plane: TissueCanvas, *tissues: Tissue) -> float:
    """mm2 of some tissues."""
    return float(np.isin(plane.out, tissues).sum()) * PITCH**2


def subject(preset: str = "acdc-like", index: int = 0, **changes: object) -> PhantomSubject:
    return replace(draw_subject(preset, index, 0), **changes)  # type: ignore[arg-type]


def round_wall(**changes: object) -> ChestWall:
    """A chest wall that is a circle of even layers around the heart, without ribs."""
    even = np.ones(SAMPLES)
    wall = replace(
        draw_wall(subject(), np.random.default_rng(0)),
        centre=(0.0, 0.0),
        half=(RADIUS, RADIUS),
        exponent=2.0,
        shape=0 * even,
        fat_mm=FAT_MM * even,
        muscle_mm=MUSCLE_MM * even,
        breast=(0.2, 0.7, 3.0),
        sheet=50.0,
        rib_phase=0.0,
        rib_slope=0.0,
        ribs_cut=np.full(23, 1e-3),
        arm=None,
        unevenness=EVEN,
    )
    return replace(wall, **changes)  # type: ignore[arg-type]


def ring(outer: float, inner: float) -> float:
    return float(np.pi * (outer**2 - inner**2))


def test_the_chest_wall_has_its_layers_at_their_depths() -> None:
    plane, wall = canvas(), round_wall()
    cavity = paint_wall(plane, wall, layers_of(wall, GRID), NO_PUSH)
    assert area(plane, Tissue.SKIN) == pytest.approx(ring(RADIUS, RADIUS - 1.6), rel=0.05)
    assert area(plane, Tissue.SUBCUTANEOUS_FAT) == pytest.approx(ring(RADIUS - 1.6, RADIUS - FAT_MM), rel=0.02)
    within = RADIUS - FAT_MM - MUSCLE_MM
    assert float(cavity.sum()) * PITCH**2 == pytest.approx(ring(within, 0.0), rel=0.01)
    assert (plane.out[np.hypot(X, Y) > RADIUS + 1] == Tissue.AIR).all()


def test_ribs_lie_in_the_muscle_marrow_inside_and_cartilage_towards_the_front() -> None:
    wall = round_wall(ribs_cut=np.ones(23), rib_half_mm=(7.0, 4.0), rib_spacing_mm=30.0)
    plane = canvas()
    paint_wall(plane, wall, layers_of(wall, GRID), NO_PUSH)
    depth = RADIUS - np.hypot(X, Y)
    bone = np.isin(plane.out, (Tissue.CORTICAL_BONE, Tissue.BONE_MARROW, Tissue.CARTILAGE))
    middle = FAT_MM + 0.62 * MUSCLE_MM
    assert np.abs(depth[bone] - middle).max() <= 4.0 + PITCH
    assert X[plane.out == Tissue.CARTILAGE].max() < 0 < X[plane.out == Tissue.BONE_MARROW].mean()  # the front is left
    assert area(plane, Tissue.BONE_MARROW) > 2 * area(plane, Tissue.CORTICAL_BONE)
    bare = canvas()
    paint_wall(bare, round_wall(), layers_of(round_wall(), GRID), NO_PUSH)
    assert not np.isin(bare.out, (Tissue.BONE_MARROW, Tissue.CARTILAGE)).any()


def test_an_arm_lies_beside_the_body_and_never_over_it() -> None:
    wall, plane = round_wall(arm=(-165.0, -130.0, 30.0)), canvas()
    without = canvas()
    paint_wall(without, round_wall(), layers_of(round_wall(), GRID), NO_PUSH)
    paint_wall(plane, wall, layers_of(wall, GRID), NO_PUSH)
    changed = plane.out != without.out
    assert (without.out[changed] == Tissue.AIR).all()
    assert changed.sum() * PITCH**2 == pytest.approx(np.pi * 30.0**2, rel=0.03)


def test_obese_people_are_wider_and_their_fat_is_thicker() -> None:
    people = [subject("population", i) for i in range(60)]
    walls = [draw_wall(person, np.random.default_rng(k)) for k, person in enumerate(people)]
    bmi, fat = np.array([p.bmi for p in people]), np.array([w.fat_mm.mean() for w in walls])
    assert np.corrcoef(bmi, [w.half[0] for w in walls])[0, 1] > 0.3
    assert np.corrcoef([p.chest_fat_mm for p in people], fat)[0, 1] > 0.6


def flat_abdomen(**changes: object) -> Abdomen:
    """A level diaphragm at y = 20 mm with liver on its left half and nothing hollow."""
    far = Organ(500.0, 500.0, (10.0, 10.0))
    abdomen = replace(
        draw_abdomen(subject(), np.random.default_rng(0)),
        level=20.0,
        tilt=0.0,
        dome_mm=0.0,
        slope_z=0.0,
        thickness_mm=2.0,
        liver_edge=0.0,
        liver_slope=0.0,
        stomach=far,
        spleen=far,
        bowel=(),
        between=int(Tissue.VISCERAL_FAT),
        lining=50.0,
        roughness=EVEN,
    )
    return replace(abdomen, **changes)  # type: ignore[arg-type]


def test_lung_ends_at_the_diaphragm_which_moves_with_the_breath() -> None:
    cavity = np.ones(X.shape, dtype=np.bool_)
    for breath in (0.0, 10.0):
        plane = canvas()
        paint_abdomen(plane, flat_abdomen(), cavity, breath)
        assert np.array_equal(plane.out == Tissue.LUNG, 20.0 + breath >= Y)
        muscle = plane.out == Tissue.MUSCLE
        assert muscle.sum(axis=0).max() * PITCH == pytest.approx(2.0, abs=PITCH)
        assert (plane.out[(X < 0) & (25 + breath < Y)] == Tissue.LIVER).all()
        assert (plane.out[(X > 0) & (25 + breath < Y)] == Tissue.VISCERAL_FAT).all()


def test_nothing_of_the_abdomen_lies_outside_of_the_ribs() -> None:
    cavity = np.hypot(X, Y) < 80
    plane = canvas(filled=Tissue.AIR)
    paint_abdomen(plane, draw_abdomen(subject(index=3), np.random.default_rng(3)), cavity, 0.0)
    assert (plane.out[~cavity] == Tissue.AIR).all()


def test_a_hollow_organ_has_a_wall_of_its_thickness_around_what_it_holds() -> None:
    stomach = Organ(60.0, 60.0, (30.0, 30.0), content=int(Tissue.STOMACH_FOOD), wall_mm=4.0)
    plane = canvas()
    paint_abdomen(plane, flat_abdomen(stomach=stomach), np.ones(X.shape, dtype=np.bool_), 0.0)
    assert area(plane, Tissue.STOMACH_FOOD) == pytest.approx(np.pi * 26.0**2, rel=0.02)
    assert area(plane, Tissue.STOMACH_WALL) == pytest.approx(ring(30.0, 26.0), rel=0.03)


def test_the_spleen_is_the_ellipse_that_was_drawn_and_lies_below_the_diaphragm() -> None:
    plane = canvas()
    spleen = Organ(90.0, 60.0, (20.0, 35.0))
    paint_abdomen(plane, flat_abdomen(spleen=spleen), np.ones(X.shape, dtype=np.bool_), 0.0)
    assert area(plane, Tissue.SPLEEN) == pytest.approx(np.pi * 20 * 35, rel=0.02)
    high = canvas()
    paint_abdomen(high, flat_abdomen(spleen=replace(spleen, y=0.0)), np.ones(X.shape, dtype=np.bool_), 0.0)
    assert area(high, Tissue.SPLEEN) == pytest.approx(
        np.pi * 20 * 35 / 2, rel=0.15
    )  # half is cut off, and the diaphragm
    assert Y[high.out == Tissue.SPLEEN].min() > 20.0


def test_a_vertebra_is_a_ring_of_bone_around_marrow_with_its_canal_behind() -> None:
    plane, radius = canvas(filled=Tissue.VISCERAL_FAT), 18.0
    paint_mediastinum(plane, Mediastinum((60.0, 40.0, radius), 0.0, ()))
    inside = area(plane, Tissue.BONE_MARROW, Tissue.CARTILAGE, Tissue.CORTICAL_BONE)
    assert inside == pytest.approx(np.pi * radius**2, rel=0.03)
    assert area(plane, Tissue.CORTICAL_BONE) == pytest.approx(ring(radius, radius - 1.5), rel=0.1)
    canal = plane.out == Tissue.STOMACH_FLUID  # the same water
    assert canal.sum() * PITCH**2 == pytest.approx(np.pi * 6.0**2, rel=0.05)
    assert np.hypot(X[canal].mean() - 60.0, Y[canal].mean() - 40.0) == pytest.approx(radius + 7.0, abs=0.5)


def test_a_tube_has_its_section_moves_with_its_slope_and_ends_where_it_ends() -> None:
    tube = Tube(50.0, 30.0, (12.0, 9.0), 0.4, (0.5, -0.25), 1.0, Tissue.AORTA, 0.0, (0.0, 100.0))
    mediastinum = Mediastinum((500.0, 500.0, 10.0), 0.0, (tube,))
    for z in (40.0, 80.0):
        plane = canvas(z)
        paint_mediastinum(plane, mediastinum)
        aorta = plane.out == Tissue.AORTA
        assert aorta.sum() * PITCH**2 == pytest.approx(np.pi * 12 * 9, rel=0.02)
        assert X[aorta].mean() == pytest.approx(50.0 + 0.5 * (z - 40.0), abs=0.3)
        assert Y[aorta].mean() == pytest.approx(30.0 - 0.25 * (z - 40.0), abs=0.3)
    beyond = canvas(120.0)
    paint_mediastinum(beyond, mediastinum)
    assert not (beyond.out == Tissue.AORTA).any()


def test_the_descending_aorta_lies_behind_and_below_the_heart_and_is_as_wide_as_published() -> None:
    # diameter of the descending aorta at the level of the heart: 24-27 mm, upper limit of normal 30-33 mm (Wolak 2008)
    drawn = [draw_mediastinum(np.random.default_rng(seed)) for seed in range(200)]
    aortas = [next(t for t in m.tubes if t.content == Tissue.AORTA) for m in drawn]
    assert all(a.x > 30.0 for a in aortas)
    assert np.mean([a.y > 0 for a in aortas]) > 0.99
    diameter = np.array([2 * min(a.half) for a in aortas])
    assert diameter.min() >= 17.0
    assert diameter.max() <= 30.0
    assert all(np.hypot(m.spine[0], m.spine[1]) > 60.0 for m in drawn), "the spine lies behind all of the heart"


def test_fat_on_the_heart_is_as_thick_as_drawn_and_thicker_towards_the_apex() -> None:
    heart = np.where(np.hypot(X, Y) < 40.0, np.uint8(Tissue.MYOCARDIUM), np.uint8(0))
    pad, none = FatPad(np.full(SAMPLES, 6.0), 0.0, 1.5), np.zeros_like(X)
    measured = []
    for height in (0.0, 1.0):
        plane = canvas()
        covering(pad, Around(X, Y, 0), height, none, none, PITCH).paint(plane.out, heart)
        assert np.array_equal(plane.out == Tissue.MYOCARDIUM, heart > 0)
        covered = area(plane, Tissue.VISCERAL_FAT, Tissue.PERICARDIUM)
        measured.append(np.sqrt(covered / np.pi + 40.0**2) - 40.0)
    for thickness, share in zip(measured, (0.7, 1.6), strict=True):
        assert share * 6.0 - COARSE * PITCH < thickness < share * 6.0  # distances begin at a coarse point of the heart
    assert measured[1] - measured[0] == pytest.approx(0.9 * 6.0, abs=0.3)


def test_lung_is_denser_towards_the_back_by_the_drawn_gradient() -> None:
    thorax = replace(draw_thorax(subject()), lung_density=1.0, lung_gradient=0.3, lung_haze=0.0)
    density = ThoraxTissue(thorax, GRID).lung_signal
    along_x = density[np.argmin(np.abs(LINE)), :]
    front, back = (along_x[np.argmin(np.abs(LINE - x))] for x in (-50.0, 50.0))
    assert back - front == pytest.approx(0.3 * 0.8, abs=0.01)  # 100 mm, of which the back takes the share 0.8
