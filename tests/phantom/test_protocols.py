"""Scanners, relaxation times and the signal they give, against published numbers; curves and requests against closed forms."""

import numpy as np
import pytest

from synthcmr.phantom.acquisition.contrast import OFF_RESONANCE_HZ, RELAXATION, signal_table
from synthcmr.phantom.acquisition.scan import SCANNERS, draw_protocol, draw_scan
from synthcmr.phantom.anatomy.curves import SAMPLES, THETA, Polar, area, bump, harmonics
from synthcmr.phantom.anatomy.heart import es_phase
from synthcmr.phantom.anatomy.tissues import Tissue
from synthcmr.phantom.anatomy.vessels import draw_tree
from synthcmr.phantom.population import PRESETS, draw_subject, requested_subject

ON_RESONANCE = OFF_RESONANCE_HZ.size // 2


@pytest.mark.parametrize("name", [name for name, scanner in SCANNERS.items() if not scanner.any_rotation])
def test_protocols_stay_within_the_ranges_of_their_scanner(name: str) -> None:
    scanner = SCANNERS[name]
    for seed in range(40):
        protocol = draw_protocol(name, 8.0, np.random.default_rng(seed))
        assert scanner.pixel_mm[0] <= protocol.pixel_mm <= scanner.pixel_mm[1]
        assert scanner.tr_ms[0] <= protocol.tr_ms <= scanner.tr_ms[1]
        assert protocol.te_ms == pytest.approx(protocol.tr_ms / 2)
        assert scanner.flip_deg[0] <= protocol.flip_deg <= scanner.flip_deg[1]
        assert protocol.slice_mm <= protocol.slice_step_mm, "slices never overlap"
        assert all(side % 2 == 0 for side in protocol.matrix)
        low, high = scanner.field_of_view_mm
        assert low - 2 <= max(protocol.matrix) * protocol.pixel_mm <= high + 2
        assert abs(protocol.rotation_deg) <= 75


@pytest.mark.parametrize(
    ("tissue", "field", "t1", "t2"),
    [  # Stanisz 2005 and IT'IS: the phantom stays within what publications differ by
        (Tissue.MYOCARDIUM, 0, 1030, 40),
        (Tissue.MYOCARDIUM, 1, 1471, 47),
        (Tissue.LV_BLOOD, 0, 1585, 254),
        (Tissue.LV_BLOOD, 1, 1664, 147),
        (Tissue.RV_BLOOD, 0, 1582, 181),
        (Tissue.LIVER, 0, 576, 46),
        (Tissue.LIVER, 1, 812, 42),
        (Tissue.MUSCLE, 0, 1008, 44),
        (Tissue.SPLEEN, 0, 1057, 79),
    ],
)
def test_relaxation_times_are_near_the_published_ones(tissue: Tissue, field: int, t1: float, t2: float) -> None:
    own_t1, own_t2, _ = RELAXATION[tissue][field]
    assert own_t1 == pytest.approx(t1, rel=0.25)
    assert own_t2 == pytest.approx(t2, rel=0.6)


def test_muscle_is_as_dark_beside_blood_as_in_public_short_axis_cines() -> None:
    # blood to muscle at ED, all three public sample stacks together: 3.0 to 5.7
    ratios = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        signal = np.abs(signal_table(draw_protocol("siemens-1.5", 8.0, rng), rng)[:, ON_RESONANCE])
        ratios.append(signal[Tissue.LV_BLOOD] / signal[Tissue.MYOCARDIUM])
    assert 3.0 < np.median(ratios) < 5.7


def test_the_shares_of_diagnoses_of_a_preset_make_a_whole() -> None:
    for name, preset in PRESETS.items():
        for shares in (preset.men, preset.women):
            assert sum(shares.values()) == pytest.approx(1.0, abs=0.01), name


def test_the_area_of_an_ellipse_and_of_a_circle_as_radius_tables() -> None:
    assert area(np.full(SAMPLES, 30.0)) == pytest.approx(np.pi * 900, rel=1e-6)
    a, b = 40.0, 25.0
    ellipse = a * b / np.sqrt((b * np.cos(THETA)) ** 2 + (a * np.sin(THETA)) ** 2)
    assert area(ellipse) == pytest.approx(np.pi * a * b, rel=1e-3)
    x, y = np.array([39.0, 0.0, 41.0, 0.0]), np.array([0.0, 24.0, 0.0, 26.0])
    polar = Polar.of(x, y)
    assert (np.hypot(x, y) < polar.at(ellipse)).tolist() == [True, True, False, False]


def test_harmonics_have_the_drawn_spread_and_a_bump_its_width() -> None:
    rng = np.random.default_rng(0)
    values = np.stack([harmonics(rng, {2: 0.3, 5: 0.4}) for _ in range(800)])
    assert values.mean() == pytest.approx(0.0, abs=0.02)
    assert values.std() == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 2), rel=0.07)
    assert np.allclose(values.mean(axis=1), 0.0, atol=1e-9), "whole waves go around"
    peak = bump(np.pi, 0.4)  # across the seam of the table
    assert peak.max() == pytest.approx(1.0)
    assert peak.sum() * 2 * np.pi / SAMPLES == pytest.approx(0.4 * np.sqrt(2 * np.pi), rel=1e-3)


def test_a_requested_subject_is_who_was_requested_and_its_heart_measures_the_numbers() -> None:
    numbers = {"lv_edv_ml": 210.0, "lv_esv_ml": 120.0, "lv_mass_g": 150.0, "rv_edv_ml": 190.0, "rv_esv_ml": 95.0}
    person = {"sex": "female", "age": 63.0, "height_cm": 160.0, "bmi": 31.0, "diagnosis": "DCM", "heart_rate": 88.0}
    scanner = {"vendor": "GE", "field_strength_t": 1.5}
    subject = requested_subject("one", 4, {**person, **scanner}, numbers)
    assert (subject.sex, subject.age, subject.diagnosis, subject.heart_rate) == ("female", 63.0, "DCM", 88.0)
    assert subject.bmi == pytest.approx(31.0, abs=0.05)
    assert [getattr(subject.targets, name) for name in numbers] == list(numbers.values())
    assert (subject.protocol.vendor, subject.protocol.field_strength_t) == ("GE", 1.5)
    assert requested_subject("one", 4, {**person, **scanner}, numbers) == subject
    other = requested_subject("one", 5, {**person, **scanner}, numbers)
    assert other.seed != subject.seed
    assert other.targets == subject.targets


def test_as_many_stacks_have_a_misplaced_slice_as_published_and_heavy_people_more() -> None:
    # UK Biobank quality control: up to 16 % of stacks with a slice off by more than 3.4 mm, more with weight
    subjects = [draw_subject("population", i, 5) for i in range(500)]
    shifts = [draw_scan(s, (64, 64), 10).shifts_mm for s in subjects]
    off = np.array([np.hypot(*shift.T).max() > 3.4 for shift in shifts])
    assert 0.06 < off.mean() < 0.16
    assert all((np.hypot(*shift.T) > 0).sum() <= 1 for shift in shifts), "one slice of a stack, not all of it"
    weight = np.array([s.weight_kg for s in subjects])
    heavy, light = weight > np.quantile(weight, 0.75), weight < np.quantile(weight, 0.25)
    assert off[heavy].mean() > off[light].mean()


def test_vessels_part_in_two_grow_thinner_and_are_connected() -> None:
    tree = draw_tree(np.random.default_rng(0), (10.0, 5.0, -20.0), 6, 3.0, 18.0)
    assert 0.3 < tree.radius.min() < 0.6
    assert tree.radius.max() <= 1.1 * 3.0
    roots = np.linalg.norm(tree.start - np.array([10.0, 5.0, -20.0]), axis=1) < 20
    ends = {tuple(end): radius for end, radius in zip(tree.end.tolist(), tree.radius, strict=True)}
    children = [(tuple(start), radius) for start, radius in zip(tree.start.tolist(), tree.radius, strict=True)]
    begun = [radius < ends[start] for start, radius in children if start in ends]
    assert len(begun) == len(children) - 6, "all but the six at the root begin where another ends"
    assert all(begun), "and each is thinner than the one it came from"
    assert roots.sum() >= 6
    counts: dict[tuple[float, ...], int] = {}
    for start, _ in children:
        counts[start] = counts.get(start, 0) + 1
    assert max(counts.values()) == 2


@pytest.mark.parametrize(("heart_rate", "share"), [(60.0, 0.348), (62.0, 0.356), (75.0, 0.403)])
def test_systole_lasts_as_long_as_published(heart_rate: float, share: float) -> None:
    # ejection time plus isovolumic contraction: 450 - 1.7 HR ms; 36 % of the beat at 62 bpm, published 35-36 %
    assert es_phase(heart_rate) == pytest.approx(share, abs=0.004)
