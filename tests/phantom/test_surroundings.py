"""What lies around the heart: random fields, vessels, layers, soft fat, shading and noise against closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from synthcmr.phantom.acquisition.contrast import OFF_RESONANCE_HZ, blurred, bssfp, signed
from synthcmr.phantom.acquisition.kspace import plan, receive
from synthcmr.phantom.anatomy.fields import Rulers, draw_grain, draw_smooth, draw_warp
from synthcmr.phantom.anatomy.thorax import Covering
from synthcmr.phantom.anatomy.tissues import Grid, Tissue
from synthcmr.phantom.anatomy.vessels import Tree, share_of_blood
from synthcmr.phantom.population import draw_subject
from synthcmr.phantom.render import Renderer, render_subject
from synthcmr.phantom.subject import PhantomSubject

SIZE = (96, 96)
LINE = np.arange(-90.0, 90.0, 0.75, dtype=np.float32)
RULERS = Rulers(LINE, LINE)


def _grid() -> Grid:
    x, y = np.meshgrid(LINE, LINE)
    return Grid(x, y, RULERS)


def _vessel(start: tuple[float, float, float], end: tuple[float, float, float], radius: float) -> Tree:
    return Tree(np.array([start], np.float32), np.array([end], np.float32), np.array([radius], np.float32))


def test_random_fields_have_unit_variance_and_a_window_shows_part_of_them() -> None:
    rng = np.random.default_rng(0)
    wide = np.arange(-240.0, 240.0, 1.0, dtype=np.float32)
    for field in (draw_smooth(rng, 12.0, 20.0), draw_grain(rng, (8, 128), 1.1, 4.0)):
        planes = np.stack([field.at(Rulers(wide, wide), z) for z in (-40.0, 0.0, 55.0)])
        assert 0.6 < planes.std() < 1.2
        box = (slice(20, 90), slice(100, 170))
        assert np.allclose(field.at(RULERS.part(box), 7.0), field.at(RULERS, 7.0)[box], atol=1e-4)


def test_a_warp_is_continuous_within_and_across_slices_and_as_strong_as_asked() -> None:
    warp = draw_warp(np.random.default_rng(1), 6.0, 1.5)
    here, near, far = (np.stack(warp.at(RULERS, z)) for z in (10.0, 10.5, 90.0))
    assert np.abs(near - here).max() < 1.5
    assert np.abs(np.diff(here, axis=-1)).max() < 1.0  # per 0.75 mm: space is stretched, never folded over much
    assert np.abs(far - here).max() > 3.0
    strength = np.stack([np.stack(warp.at(RULERS, z)) for z in np.arange(-100, 140, 20.0)]).std()
    assert 3.0 < strength < 9.0


@pytest.mark.parametrize("radius", [1.5, 3.0])
def test_a_vessel_through_the_slice_covers_its_cross_section(radius: float) -> None:
    share = share_of_blood(_vessel((5.0, -8.0, -60.0), (5.0, -8.0, 60.0), radius), _grid(), 3.0, 8.0)
    assert share.max() == pytest.approx(1.0)
    assert share.sum() * 0.75**2 == pytest.approx(np.pi * radius**2, rel=0.15)


def test_a_vessel_within_the_slice_fills_part_of_its_thickness_and_none_elsewhere() -> None:
    tree = _vessel((-30.0, 0.0, 2.0), (30.0, 0.0, 2.0), 1.6)
    inside, outside = (share_of_blood(tree, _grid(), z, 8.0) for z in (3.0, 12.0))
    assert inside.max() == pytest.approx(1.5 * 1.6 / 8.0, rel=0.05)
    assert outside.max() == 0.0


def test_an_oblique_vessel_keeps_its_volume_over_the_slices() -> None:
    tree = _vessel((-20.0, 10.0, -40.0), (25.0, -15.0, 40.0), 2.0)
    volume = sum(share_of_blood(tree, _grid(), z, 8.0).sum() * 0.75**2 * 8.0 for z in np.arange(-44.0, 45.0, 8.0))
    length = float(np.linalg.norm([45.0, -25.0, 80.0]))
    assert volume == pytest.approx(np.pi * 2.0**2 * length, rel=0.35)


@pytest.mark.parametrize("sigma", [0.7, 1.6, 3.0])
def test_the_blur_of_fat_keeps_its_amount_and_has_the_asked_width(sigma: float) -> None:
    image = np.zeros((81, 81), dtype=np.float32)
    image[40, 40] = 1.0
    soft = blurred(image, sigma)
    rows = np.arange(81) - 40
    assert soft.sum() == pytest.approx(1.0, rel=1e-4)
    assert (soft.sum(axis=1) * rows**2).sum() == pytest.approx(sigma**2, rel=1e-3)
    assert (soft.sum(axis=0) * rows**2).sum() == pytest.approx(sigma**2, rel=1e-3)


def test_black_lines_are_wider_where_fat_mingles_with_water_and_weaker_where_it_is_not_opposed() -> None:
    water = np.zeros((64, 64), dtype=np.float32)
    water[:, :32] = 1.0
    fat = water - 1.0  # as bright, of the opposite sign

    def line(width: float, phase: float) -> np.ndarray:
        # the pixel of a scanner is wider than the border of two tissues
        pixel = blurred(water, 1.5) + blurred(blurred(fat, width), 1.5) * np.exp(1j * phase)
        return np.abs(pixel[32, 16:48])

    assert line(0.1, 1.2).min() > line(0.1, 0.6).min() > line(0.1, 0.0).min()
    assert line(0.1, 0.0).min() < 0.4
    assert (line(2.5, 0.0) < 0.8).sum() > (line(0.1, 0.0) < 0.8).sum()


def test_balanced_ssfp_at_half_the_repetition_time_is_a_signed_number() -> None:
    table = np.stack(
        [bssfp(t1, t2, 3.0, 1.5, 60, OFF_RESONANCE_HZ) for t1, t2 in ((1500, 260), (1500, 260), (1030, 46))]
    )
    real = signed(table.astype(np.complex64))
    assert np.allclose(np.abs(real), np.abs(table), rtol=1e-4)
    rest = np.angle(table[2] / table[1, 400] * np.sign(real[2]))
    assert np.abs(rest[np.abs(OFF_RESONANCE_HZ) < 120]).max() < 0.1
    assert np.sign(real[2, 400]) == -np.sign(real[2, 400 + 300])  # the next band


def _many(preset: str, vendor: str, n: int) -> list[PhantomSubject]:
    drawn = (draw_subject(preset, i, 0) for i in range(400))
    return [s for s in drawn if s.protocol.vendor == vendor][:n]


def _chest_over_heart(subject: PhantomSubject) -> float:
    """Receive sensitivity 75 mm in front of the heart relative to the heart's."""
    renderer = Renderer(subject, (160, 160))
    ground = renderer.prepare(2).ground
    level = np.abs(ground.receive.of_water)
    place = np.argmin((ground.grid.x + 75.0) ** 2 + ground.grid.y**2)
    return float(level.ravel()[place])


def test_ge_scans_are_shaded_and_philips_scans_are_even() -> None:
    ge, philips = (np.median([_chest_over_heart(s) for s in _many("vendors", v, 6)]) for v in ("GE", "Philips"))
    assert ge > 1.35 * philips


def test_ge_scans_show_less_contrast_of_blood_to_muscle_than_siemens_scans() -> None:
    def contrast(vendor: str) -> float:
        values = []
        for subject in _many("vendors", vendor, 12):
            if subject.protocol.field_strength_t < 2:
                p = subject.protocol
                on = np.zeros(1)
                blood, muscle = (bssfp(*t, p.tr_ms, p.te_ms, p.flip_deg, on)[0] for t in ((1500, 260), (1030, 46)))
                values.append(abs(blood) / abs(muscle))
        return float(np.mean(values))

    assert contrast("GE") < 0.9 * contrast("Siemens")


def test_vendors_measure_less_of_k_space_than_they_reconstruct() -> None:
    def measured(vendor: str) -> float:
        scans = [Renderer(subject, SIZE).scan for subject in _many("vendors", vendor, 6)]
        return float(np.mean([np.prod(plan(scan).lines) / np.prod(scan.reconstructed) for scan in scans]))

    assert measured("Canon") < measured("Philips") < measured("Siemens")


def test_contrast_changes_no_mask_and_no_truth() -> None:
    subject = draw_subject("vendors", 3, 0)
    other = replace(subject, protocol=replace(subject.protocol, contrast_spread=0.5, flip_deg=38.0))
    a, b = render_subject(subject, 1, SIZE), render_subject(other, 1, SIZE)
    assert a.mask.tobytes() == b.mask.tobytes()
    assert a.truth == b.truth
    assert not np.array_equal(a.image, b.image)


def test_the_varied_preset_turns_hearts_any_way_and_shows_muscle_brighter_and_darker_than_blood() -> None:
    subjects = [draw_subject("varied", i, 0) for i in range(120)]
    turns = np.array([s.protocol.rotation_deg for s in subjects])
    assert turns.min() < -120
    assert turns.max() > 120
    assert {s.protocol.vendor for s in subjects} == {"Siemens", "Philips", "GE", "Canon"}
    assert np.ptp([s.protocol.pixel_mm for s in subjects]) > 1.0
    ratios = []
    for subject in subjects[:40]:
        signal = np.abs(Renderer(subject, SIZE).scan.contrast.signal[:, OFF_RESONANCE_HZ.size // 2])
        ratios.append(signal[Tissue.MYOCARDIUM] / signal[Tissue.LV_BLOOD])
    assert min(ratios) < 0.2
    assert max(ratios) > 1.25
    assert np.median(ratios) < 0.7


@pytest.mark.parametrize(("preset", "index"), [("varied", 3), ("vendors", 4)])
def test_any_slice_and_frame_can_be_rendered_alone_whatever_the_scanner(preset: str, index: int) -> None:
    subject = draw_subject(preset, index, 1)
    together, alone = Renderer(subject, SIZE), Renderer(subject, SIZE)
    last = [together.image(together.prepare(i), s, f) for i in (0, 2, 3) for f, s in enumerate((0.0, 1.0))][-1]
    assert np.array_equal(last, alone.image(alone.prepare(3), 1.0, 1))


def test_surroundings_hold_the_organs_of_a_chest() -> None:
    seen: dict[Tissue, int] = {}
    for i in range(8):
        renderer = Renderer(draw_subject("acdc-like", i, 0))
        tissue = np.unique(np.concatenate([renderer.prepare(k).around.ravel() for k in (0, 4)]))
        for kind in tissue:
            seen[Tissue(int(kind))] = seen.get(Tissue(int(kind)), 0) + 1
    for kind in (
        Tissue.LUNG,
        Tissue.LIVER,
        Tissue.AORTA,
        Tissue.VEIN,
        Tissue.MUSCLE,
        Tissue.BONE_MARROW,
        Tissue.VISCERAL_FAT,
    ):
        assert seen.get(kind, 0) >= 6, kind
    assert seen.get(Tissue.OESOPHAGUS, 0) >= 3
    assert seen.get(Tissue.CARTILAGE, 0) >= 3


def test_only_women_have_glandular_tissue() -> None:
    woman = next(
        s for i in range(99) if (s := draw_subject("population", i, 0)).sex == "female" and s.chest_fat_mm > 22
    )
    counts = {}
    for sex in ("female", "male"):
        subjects = [replace(woman, sex=sex, seed=seed) for seed in range(8)]
        counts[sex] = sum(int((Renderer(s).prepare(4).around == Tissue.GLAND).sum()) for s in subjects)
    assert counts["female"] > 0
    assert counts["male"] == 0


def test_noise_grows_towards_the_middle_where_parallel_imaging_unfolds() -> None:
    subject = draw_subject("vendors", 1, 0)
    renderer = Renderer(subject, (160, 160))
    even = replace(renderer.scan, normalised=0.0, g_factor=0.8)
    x, y = even.points(0, fine=True)
    noise = receive(even, np.zeros_like(x), x, y).noise
    px, py = x[::2, ::2], y[::2, ::2]
    middle = noise[(px - 20) ** 2 + (py - 10) ** 2 < 25].mean()
    edge = noise[(px - 20) ** 2 + (py - 10) ** 2 > 100**2].mean()
    assert middle == pytest.approx(1.0, rel=0.02)
    assert edge < 0.8


def test_venous_blood_is_darker_than_arterial_blood_and_hearts_differ_in_it() -> None:
    # 34 patients of ACDC: median of RV over LV blood 0.77 +- 0.09 at ED, the coils' shading included
    ratios = []
    for i in range(60):
        signal = np.abs(
            Renderer(draw_subject("acdc-like", i, 0), SIZE).scan.contrast.signal[:, OFF_RESONANCE_HZ.size // 2]
        )
        ratios.append(signal[Tissue.RV_BLOOD] / signal[Tissue.LV_BLOOD])
    assert 0.6 < np.mean(ratios) < 0.8
    assert 0.04 < np.std(ratios) < 0.15


def test_no_dark_line_lies_between_heart_and_lung_but_one_lies_between_heart_and_other_tissue() -> None:
    heart = np.zeros((60, 60), dtype=np.uint8)
    heart[20:40, 20:40] = Tissue.MYOCARDIUM
    bare = Covering(np.full(heart.shape, -1.0, dtype=np.float32), 1.5, 0.75)
    seen = {}
    for around in (Tissue.LUNG, Tissue.VISCERAL_FAT):
        tissue = np.full(heart.shape, around, dtype=np.uint8)
        bare.paint(tissue, heart)
        seen[around] = int((tissue == Tissue.PERICARDIUM).sum())
    assert seen[Tissue.LUNG] == 0
    assert seen[Tissue.VISCERAL_FAT] > 0
