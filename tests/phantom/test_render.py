"""The scanner: closed forms, a Bloch simulation, determinism, noise, geometry."""

from dataclasses import replace

import numpy as np
import pytest

from synthcmr.cohort.labels import Label
from synthcmr.phantom.acquisition.contrast import bssfp
from synthcmr.phantom.acquisition.kspace import plan
from synthcmr.phantom.acquisition.scan import OVERSAMPLING
from synthcmr.phantom.anatomy.tissues import Tissue
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.phantom.population import draw_subject
from synthcmr.phantom.render import Renderer, render_subject

SIZE = (96, 96)


def _bloch(t1: float, t2: float, tr: float, te: float, flip: float, df: float) -> complex:
    """Steady state by brute force: matrix of one repetition with alternating phase, iterated to its fixed point."""
    a = np.radians(flip)
    rotate = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])

    def free(t: float) -> tuple[np.ndarray, np.ndarray]:
        phi = 2 * np.pi * df * t / 1000
        spin = np.array([[np.cos(phi), np.sin(phi), 0], [-np.sin(phi), np.cos(phi), 0], [0, 0, 1]])
        return np.diag([np.exp(-t / t2)] * 2 + [np.exp(-t / t1)]) @ spin, np.array([0, 0, 1 - np.exp(-t / t1)])

    m, flip_sign = np.array([0.0, 0.0, 1.0]), np.diag([-1.0, -1.0, 1.0])
    decay, grow = free(tr)
    for _ in range(8000):
        m = flip_sign @ (decay @ (rotate @ m) + grow)
    decay_te, grow_te = free(te)
    after = decay_te @ (rotate @ m) + grow_te
    return complex(after[0], after[1])


@pytest.mark.parametrize("df", [0.0, 40.0, 90.0, 150.0])
def test_bssfp_equals_a_bloch_simulation(df: float) -> None:
    expected = abs(_bloch(1030, 45, 3.0, 1.5, 60, df))
    assert abs(bssfp(1030, 45, 3.0, 1.5, 60, np.array([df]))[0]) == pytest.approx(expected, rel=1e-3)


def test_bssfp_on_resonance_closed_form_and_null() -> None:
    t1, t2, tr, te, a = 1500.0, 260.0, 3.0, 1.5, np.radians(60)
    closed = np.sin(a) * np.exp(-te / t2) / ((t1 / t2 + 1) - np.cos(a) * (t1 / t2 - 1))
    on, null = np.abs(bssfp(t1, t2, tr, te, 60, np.array([0.0, 1000 / (2 * tr)])))
    assert on == pytest.approx(closed, rel=0.01)
    assert null < 0.05 * on


def test_fat_is_out_of_phase_with_water_at_1_5_tesla() -> None:
    water, fat = bssfp(1030, 45, 2.8, 1.4, 70, np.array([0.0])), bssfp(340, 100, 2.8, 1.4, 70, np.array([-220.0]))
    difference = np.degrees(np.angle(fat / water))[0]
    assert abs(abs(difference) - 180) < 25


def test_the_same_subject_gives_the_same_bytes() -> None:
    subject = draw_subject("acdc-like", 2, 0)
    one, two = render_subject(subject, 2, SIZE), render_subject(subject, 2, SIZE)
    assert one.image.tobytes() == two.image.tobytes()
    assert one.mask.tobytes() == two.mask.tobytes()
    assert one.truth == two.truth


def test_a_slice_rendered_alone_is_the_slice_of_the_stack() -> None:
    subject = draw_subject("population", 5, 0)
    all_in_order, alone = Renderer(subject, SIZE), Renderer(subject, SIZE)
    for index in (1, 4):
        for frame, s in enumerate((0.0, 1.0)):
            stack_image = all_in_order.image(all_in_order.prepare(index), s, frame)
            if (index, frame) == (4, 1):
                assert np.array_equal(stack_image, alone.image(alone.prepare(4), 1.0, 1))


@pytest.mark.parametrize("snr", [10.0, 40.0])
def test_noise_in_air_is_rayleigh_and_noise_in_blood_gives_the_requested_snr(snr: float) -> None:
    scan = Renderer(draw_subject("population", 3, 0), SIZE).scan
    scan = replace(scan, channels=1, ghost=(0.0, 0.0), snr=snr)
    even = np.ones(scan.reconstructed, dtype=np.float32)
    fine = tuple(OVERSAMPLING * side for side in scan.reconstructed)
    air, blood = (
        plan(scan).image(np.full(fine, signal, np.complex64), even, 0 * even, np.random.default_rng(0))
        for signal in (0.0, scan.contrast.blood)
    )
    sigma = scan.contrast.blood / snr
    assert air.mean() == pytest.approx(np.sqrt(np.pi / 2) * sigma, rel=0.03)
    assert air.mean() / air.std() == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), rel=0.03)  # of a Rayleigh distribution
    assert blood[20:-20, 20:-20].std() == pytest.approx(sigma, rel=0.06)
    summed = plan(replace(scan, channels=8)).image(
        np.zeros(fine, np.complex64), even, 0 * even, np.random.default_rng(0)
    )
    assert np.sqrt((summed**2).mean()) == pytest.approx(np.sqrt(2 * 8) * sigma, rel=0.03)  # the power of eight channels


def _agreement(image: np.ndarray, mask: np.ndarray) -> float:
    """Share of the left ventricle that is bright where the mask has cavity and dark where it has wall."""
    left = np.isin(mask, (Label.LV, Label.MYOCARDIUM))
    middle = 0.5 * (np.median(image[mask == Label.LV]) + np.median(image[mask == Label.MYOCARDIUM]))
    return float(((image > middle) == (mask == Label.LV))[left].mean())


@pytest.mark.parametrize("index", [18, 25, 28])  # with a slice off by more than 5 mm within the heart
def test_the_mask_lies_on_the_image_of_a_misplaced_slice(index: int) -> None:
    subject = draw_subject("vendors", index, 3)
    renderer, in_place = Renderer(subject, SIZE), Renderer(subject, SIZE)
    off = np.hypot(*renderer.scan.shifts_mm.T)
    misplaced = int(off.argmax())
    assert off[misplaced] > 5.0
    in_place.scan = replace(in_place.scan, shifts_mm=np.zeros_like(in_place.scan.shifts_mm))
    part = renderer.prepare(misplaced)
    image = renderer.image(part, 0.0, 0).astype(float)
    own, where_planned = (
        _agreement(image, mask) for mask in (renderer.mask(part, 0.0), in_place.mask(in_place.prepare(misplaced), 0.0))
    )
    assert own > 0.85
    assert own > where_planned + 0.05


def test_heavier_people_show_more_fat() -> None:
    subject = draw_subject("population", 8, 0)
    counts = []
    for fat in (6.0, 35.0):
        renderer = Renderer(replace(subject, chest_fat_mm=fat))
        part = renderer.prepare(len(renderer.heart.slices_z) // 2)
        counts.append(int((part.around == Tissue.SUBCUTANEOUS_FAT).sum()))
    assert counts[1] > 1.8 * counts[0]


def test_a_window_shows_the_same_anatomy_as_the_whole_field_of_view() -> None:
    subject = draw_subject("population", 4, 0)
    whole, window = render_subject(subject, 1), render_subject(subject, 1, SIZE)
    for label in (Label.LV, Label.MYOCARDIUM, Label.RV):
        assert (window.mask == label).sum() == pytest.approx((whole.mask == label).sum(), rel=0.02)


def test_cohort_is_the_same_for_any_number_of_workers_and_keeps_truth(tmp_path) -> None:  # type: ignore[no-untyped-def]
    one = make_phantoms(tmp_path / "one", "biased", 4, workers=1)
    two = make_phantoms(tmp_path / "two", "biased", 4, workers=2)
    assert one.hash == two.hash
    assert one.truth["subject_id"].tolist() == one.subjects["subject_id"].tolist()
    merged = one.volumes().query("phase == 'ED'").set_index("subject_id")["lv_ml"]
    assert np.allclose(merged, one.truth.set_index("subject_id")["lv_volume_ed_ml"].loc[merged.index], rtol=0.02)
    assert set(one.info["origin"]) == {"phantom"}
    assert not one.images["heart_cut"].any()


def test_a_cine_has_trigger_times_and_one_end_systole(tmp_path) -> None:  # type: ignore[no-untyped-def]
    cohort = make_phantoms(tmp_path / "cine", "population", 1, frames=12, workers=1)
    (stack,) = cohort.stacks(cohort.subjects["subject_id"][0])
    assert stack.image.shape[0] == 12
    assert stack.phases[0] == "ED"
    assert stack.phases.count("ES") == 1
    assert list(stack.trigger_ms) == sorted(stack.trigger_ms)
    areas = (stack.mask == Label.LV).sum(axis=(1, 2, 3))
    assert abs(int(areas.argmin()) - stack.phases.index("ES")) <= 1
