"""The heart measures what was asked, voxel by voxel, and moves as hearts do."""

import numpy as np
import pytest

from synthcmr.cohort.labels import Label
from synthcmr.phantom.acquisition.scan import draw_scan
from synthcmr.phantom.anatomy.heart import Heart, es_phase, volume_at
from synthcmr.phantom.anatomy.heart_tissue import HeartTissue
from synthcmr.phantom.anatomy.tissues import Tissue
from synthcmr.phantom.population import draw_subject
from synthcmr.phantom.truth import measure

SUBJECTS = (
    [("population", i) for i in range(70)] + [("acdc-like", i) for i in range(80)] + [("vendors", i) for i in range(50)]
)


def _counted(heart: Heart, s: float) -> np.ndarray:
    """ml of every label, counted on the pixels of the protocol."""
    protocol = heart.subject.protocol
    scan = draw_scan(heart.subject, protocol.matrix, len(heart.slices_z))
    counts = np.zeros(4)
    for i in range(len(heart.slices_z)):
        x, y = scan.points(i, fine=False)
        counts += np.bincount(heart.labels(heart.around(x, y, i), s).ravel(), minlength=4)[:4]
    return counts * protocol.pixel_mm**2 * protocol.slice_step_mm / 1000


def test_voxel_counts_equal_what_was_asked_for_200_subjects() -> None:
    volume_errors, mass_errors = [], []
    for preset, index in SUBJECTS:
        heart = Heart(draw_subject(preset, index, 11))
        t = heart.subject.targets
        ed, es = _counted(heart, 0.0), _counted(heart, 1.0)
        volume_errors.append(
            [
                ed[Label.LV] / t.lv_edv_ml,
                es[Label.LV] / t.lv_esv_ml,
                ed[Label.RV] / t.rv_edv_ml,
                es[Label.RV] / t.rv_esv_ml,
            ]
        )
        mass_errors.append(ed[Label.MYOCARDIUM] * 1.05 / t.lv_mass_g)
    assert len(volume_errors) == 200
    assert np.abs(np.array(volume_errors) - 1).max() < 0.02
    assert np.abs(np.array(mass_errors) - 1).max() < 0.03


def test_hypertrophic_walls_are_thick_and_infarcts_thin_and_still() -> None:
    thick, scars = [], []
    for i in range(60):
        subject = draw_subject("acdc-like", i, 5)
        heart = Heart(subject)
        if subject.diagnosis == "HCM":
            thick.append(measure(heart, HeartTissue(heart))["wall_max_ed_mm"])
        if subject.diagnosis == "MINF":
            middle = float(np.mean(heart.lv.scar_extent).clip(0.1, 0.8))
            ed, es = (
                heart.lv.slice(heart.lv.base(s) + middle * (heart.lv.apex(s) - heart.lv.base(s)), s) for s in (0.0, 1.0)
            )
            inward = 1 - es.cavity / ed.cavity
            scars.append(inward[heart.lv.scar.argmax()] / inward[heart.lv.scar.argmin()])
    assert np.mean(np.array(thick) > 15) > 0.8
    assert max(scars) < 0.45


def test_truth_knows_both_papillary_conventions() -> None:
    heart = Heart(draw_subject("population", 1, 0))
    truth = measure(heart, HeartTissue(heart))
    assert truth["lv_volume_ed_ml"] == pytest.approx(heart.subject.targets.lv_edv_ml, rel=0.02)
    assert truth["lv_volume_ed_ml_papillary_as_muscle"] < truth["lv_volume_ed_ml"]
    assert truth["lv_mass_ed_g_papillary_as_muscle"] > truth["lv_mass_ed_g"]
    assert truth["lv_ef_percent_papillary_as_muscle"] > truth["lv_ef_percent"]
    lost = truth["lv_volume_ed_ml"] - truth["lv_volume_ed_ml_papillary_as_muscle"]
    gained = (truth["lv_mass_ed_g_papillary_as_muscle"] - truth["lv_mass_ed_g"]) / 1.05
    assert lost == pytest.approx(gained)
    assert sum(k.startswith("wall_ed_mm_segment") for k in truth) == 16


def test_papillary_muscles_take_the_published_share_of_the_cavity() -> None:
    # Automated measurements give papillary muscle and trabeculae 11.9 +- 5.6 % of EDV
    shares = []
    for i in range(20):
        heart = Heart(draw_subject("population", i, 2))
        truth = measure(heart, HeartTissue(heart))
        shares.append(1 - truth["lv_volume_ed_ml_papillary_as_muscle"] / truth["lv_volume_ed_ml"])
    assert 0.05 < np.mean(shares) < 0.18


def test_labels_and_tissue_agree() -> None:
    heart = Heart(draw_subject("acdc-like", 4, 1))
    tissue = HeartTissue(heart)
    x, y = np.meshgrid(np.arange(-90, 60, 0.8), np.arange(-70, 70, 0.8))
    for i in range(len(heart.slices_z)):
        around = heart.around(x, y, i)
        drawn, made = heart.labels(around, 0.0), tissue.at(around, 0.0, 0.0)
        assert np.isin(made[drawn == Label.LV], [Tissue.LV_BLOOD, Tissue.PAPILLARY]).all()
        assert np.isin(made[drawn == Label.MYOCARDIUM], [Tissue.MYOCARDIUM, Tissue.SCAR]).all()
        assert np.isin(
            made[drawn == Label.RV], [Tissue.RV_BLOOD, Tissue.RV_TRABECULA, Tissue.ATRIAL_WALL, Tissue.OUTFLOW_BLOOD]
        ).all()


def test_contours_change_smoothly_along_the_axis_and_over_the_beat() -> None:
    for i in range(6):
        heart = Heart(draw_subject("acdc-like", i, 21))
        z, s = 0.45 * heart.lv.length, 0.4
        here, below, later = heart.lv.slice(z, s), heart.lv.slice(z + 0.2, s), heart.lv.slice(z, s + 0.01)
        assert np.abs(below.cavity - here.cavity).max() < 0.4
        assert np.abs(later.epicardium - here.epicardium).max() < 0.4
        beside = [heart.rv.slice(heart.lv, z + dz, s + ds) for dz, ds in ((0.0, 0.0), (0.2, 0.0), (0.0, 0.01))]
        assert max(np.abs(r.radius - beside[0].radius).max() for r in beside[1:]) < 0.6


def test_sections_are_not_circles() -> None:
    # ACDC's cavities: second harmonic 0.07 of the radius, third 0.035 (100 patients, inner slices)
    amplitudes = []
    for i in range(40):
        heart = Heart(draw_subject("acdc-like", i, 21))
        cavity = heart.lv.slice(0.45 * heart.lv.length, 0.0).cavity
        amplitudes.append(2 * np.abs(np.fft.rfft(cavity))[2:4] / cavity.sum())
    second, third = np.mean(amplitudes, axis=0)
    assert 0.05 < second < 0.09
    assert 0.025 < third < 0.045


def test_the_rv_turns_to_the_inferior_wall_and_shrinks_towards_the_apex() -> None:
    turns, shares = [], []
    for i in range(25):
        heart = Heart(draw_subject("acdc-like", i, 21))
        planes = [heart.rv.slice(heart.lv, u * heart.lv.length, 0.0) for u in (0.2, 0.7)]
        base, apex = (np.arctan2(-p.centre_y, -p.centre_x) for p in planes)  # positive: anterior
        turns.append(np.degrees(base - apex))
        shares.append((planes[1].radius.mean() / planes[0].radius.mean()) ** 2)
    assert 8 < np.mean(turns) < 30
    assert np.mean(shares) < 0.55


def test_muscle_is_drawn_only_around_a_cavity_at_end_diastole_and_more_of_it_at_end_systole() -> None:
    x, y = np.meshgrid(np.arange(-60, 60, 1.0), np.arange(-60, 60, 1.0))
    gains = []
    for i in range(25):
        heart = Heart(draw_subject("acdc-like", i, 21))
        shown = {s: [heart.labels(heart.around(x, y, k), s) for k in range(len(heart.slices_z))] for s in (0.0, 1.0)}
        assert all((m == Label.LV).any() for m in shown[0.0] if (m == Label.MYOCARDIUM).any())
        muscle = {s: sum(int((m == Label.MYOCARDIUM).sum()) for m in masks) for s, masks in shown.items()}
        gains.append(muscle[1.0] / muscle[0.0])
    assert 1.08 < np.mean(gains) < 1.20


def test_masks_reach_beyond_the_edge_of_the_blood() -> None:
    # as ACDC's do: the outermost 0.5 mm of a cavity is nearly all muscle, its middle nearly all blood
    x, y = np.meshgrid(np.arange(-90, 60, 0.5), np.arange(-70, 70, 0.5))
    rim, core = [], []
    for i in range(12):
        heart = Heart(draw_subject("acdc-like", i, 21))
        k = len(heart.slices_z) // 2
        around = heart.around(x, y, k)
        made, shown = HeartTissue(heart).at(around, 0.0, 0.0), heart.lv.slice(heart.slices_z[k], 0.0)
        depth = around.polar.at(shown.cavity) - around.polar.r
        rim.append((made[(depth > 0) & (depth < 0.5)] == Tissue.PAPILLARY).mean())
        core.append((made[depth > 15] == Tissue.PAPILLARY).mean())
    assert np.mean(rim) > 0.75
    assert np.mean(core) < 0.05


def test_an_atrium_lies_where_the_rv_is_no_longer_drawn() -> None:
    x, y = np.meshgrid(np.arange(-120, 60, 1.0), np.arange(-90, 90, 1.0))
    seen = 0
    for i in range(20):
        heart = Heart(draw_subject("acdc-like", i, 21))
        first = float(heart.slices_z[0])
        if heart.rv.base(1.0) - first < 3.0:
            continue
        around = heart.around(x, y, 0)
        assert not (heart.labels(around, 1.0) == Label.RV).any()
        made = HeartTissue(heart).at(around, 0.0, 1.0)
        assert (made[:, x[0] < -20] == Tissue.ATRIAL_BLOOD).sum() > 150
        seen += 1
    assert seen >= 5


def test_the_volume_curve_starts_full_empties_at_end_systole_and_fills_again() -> None:
    edv, esv = 150.0, 60.0
    curve = np.array([volume_at(t, 60, 65, edv, esv) for t in np.linspace(0, 1, 201)])
    assert curve[0] == pytest.approx(edv)
    assert curve[-1] == pytest.approx(edv, rel=0.01)
    assert curve.min() == pytest.approx(esv, rel=0.01)
    assert abs(np.argmin(curve) / 200 - es_phase(65)) < 0.1
    fast = -np.diff(curve).min() / (60 / 65 / 200)
    assert 300 < fast < 520  # published peak ejection rates, ml/s


def test_filling_shifts_to_the_atrial_kick_with_age() -> None:
    young, old = (volume_at(0.6, age, 60, 150, 60) for age in (45, 75))
    assert young > old


def test_a_cine_follows_the_volume_curve() -> None:
    heart = Heart(draw_subject("population", 2, 0))
    t = heart.subject.targets
    for phase in (0.15, heart.es_phase, 0.6, 0.9):
        wanted = volume_at(phase, heart.subject.age, heart.subject.heart_rate, t.lv_edv_ml, t.lv_esv_ml)
        assert _counted(heart, heart.contraction(phase))[Label.LV] == pytest.approx(wanted, rel=0.04)
