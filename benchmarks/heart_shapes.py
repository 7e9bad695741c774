"""What hearts look like in masks: ACDC's annotators beside `acdc-like` phantoms, slice by slice.

    python benchmarks/heart_shapes.py --acdc ../shared/data/acdc/training ../shared/more/acdc/training

Everything is measured on masks alone, in a frame whose angle 0 points from the LV to the RV. Prints, per phase and level, the
mean of every measurement in both, and their distance in units of ACDC's spread between slices; then the share of stacks with
an open ring, with RV without LV and the like.
"""

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.preprocess.orient import base_first
from synthcmr.cohort.readers import get_reader

Curve = npt.NDArray[np.float64]
ANGLES = np.linspace(-np.pi, np.pi, 72, endpoint=False)
SECTORS = {
    "septum": 0.0,
    "anteroseptal": 60.0,
    "anterior": 120.0,
    "lateral": 180.0,
    "inferolateral": -120.0,
    "inferior": -60.0,
}
LEVELS = ("first", "basal", "mid", "apical", "last")
TOUCHING_MM = 3.0


@dataclass(frozen=True)
class Hearts:
    """Masks of one subject at one phase, base first."""

    subject: str
    group: str
    phase: str
    mask: Mask  # (slices, rows, columns)
    pixel_mm: float
    step_mm: float


def acdc_hearts(folders: list[Path]) -> Iterator[Hearts]:
    """Every patient of ACDC folders, ED and ES."""
    reader = get_reader("acdc")
    for folder in folders:
        for case in reader.cases(folder):
            raw = reader.read(folder, case)
            stack = base_first(raw.stacks[0])
            pixel = float(np.mean(stack.spacing_mm))
            for t, phase in enumerate(("ED", "ES")):
                group = str(raw.attributes["diagnosis"])
                yield Hearts(raw.subject_id, group, phase, stack.mask[t], pixel, float(stack.slice_step_mm))


def phantom_hearts(preset: str, count: int, seed: int) -> Iterator[Hearts]:
    """Masks of phantoms, drawn without rendering their images."""
    from synthcmr.phantom.acquisition.scan import draw_scan
    from synthcmr.phantom.anatomy.heart import Heart
    from synthcmr.phantom.population import draw_subject

    for index in range(count):
        subject = draw_subject(preset, index, seed)
        heart, pixel = Heart(subject), subject.protocol.pixel_mm
        side = 2 * round(110.0 / pixel)
        scan = draw_scan(subject, (side, side), len(heart.slices_z))
        for phase, s in (("ED", 0.0), ("ES", 1.0)):
            parts = [heart.around(*scan.points(i, fine=False), i) for i in range(len(heart.slices_z))]
            mask = np.stack([heart.labels(part, s) for part in parts])
            yield Hearts(subject.subject_id, subject.diagnosis, phase, mask, pixel, heart.step)


def radii(region: npt.NDArray[np.bool_], centre: npt.NDArray[np.float64], pixel_mm: float, turn: float) -> Curve:
    """Outermost distance of a region from a centre at every angle, mm; angle 0 is `turn` in the image."""
    reach = np.arange(0.0, 100.0, 0.25)
    angle = ANGLES[:, None] + turn
    rows = np.rint(centre[0] + reach * np.sin(angle) / pixel_mm).astype(int).clip(0, region.shape[0] - 1)
    columns = np.rint(centre[1] + reach * np.cos(angle) / pixel_mm).astype(int).clip(0, region.shape[1] - 1)
    inside = region[rows, columns]
    return np.where(inside.any(axis=1), reach[inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)], 0.0)


def rows_of(hearts: Hearts, extent: tuple[int, int]) -> list[dict[str, object]]:
    """Measurements of every slice with LV; `extent` is first and last such slice at ED."""
    lv, rv = hearts.mask == Label.LV, hearts.mask == Label.RV
    turn = septal_direction(hearts.mask)
    areas = lv.sum(axis=(1, 2)) * hearts.pixel_mm**2
    middle = (
        float(np.median(areas[extent[0] : extent[1] + 1][1:-1])) if extent[1] - extent[0] > 2 else float(areas.max())
    )
    present = np.flatnonzero(areas)
    rows = []
    for z in present.tolist():
        name = level(z, present[0], present[-1])
        row: dict[str, object] = {
            "subject": hearts.subject,
            "group": hearts.group,
            "phase": hearts.phase,
            "level": name,
        }
        row |= _left(hearts, z, turn, middle)
        if rv[z].sum() * hearts.pixel_mm**2 > 30:
            row |= _right(hearts, z, turn)
        row["rv_present"] = float(rv[z].any())
        rows.append(row)
    _shifts(hearts, rows, present)
    return rows


def level(z: int, first: int, last: int) -> str:
    """Name of a slice's place between the first and the last with LV."""
    if z in (first, last):
        return "first" if z == first else "last"
    return ("basal", "mid", "apical")[min(2, int(3 * (z - first) / (last - first)))]


def septal_direction(mask: Mask) -> float:
    """Image angle from the LV's middle to the RV's."""
    lv, rv = (np.argwhere(mask == k)[:, 1:].mean(axis=0) for k in (Label.LV, Label.RV))
    return float(np.arctan2(rv[0] - lv[0], rv[1] - lv[1]))


def _left(hearts: Hearts, z: int, turn: float, middle: float) -> dict[str, float]:
    mask, pixel = hearts.mask[z], hearts.pixel_mm
    cavity, muscle = mask == Label.LV, mask == Label.MYOCARDIUM
    area = cavity.sum() * pixel**2
    centre = np.argwhere(cavity).mean(axis=0)
    inner, outer = radii(cavity, centre, pixel, turn), radii(cavity | muscle, centre, pixel, turn)
    ring = radii(muscle, centre, pixel, turn) > 0
    out = {
        "lv_area_share": area / middle,
        "epi_area_share": (area + muscle.sum() * pixel**2) / middle,
        "open_ring_deg": 5.0 * float((~ring).sum()),
        "wall_mean_mm": float(np.mean((outer - inner)[ring])) if ring.any() else np.nan,
    }
    if area > 150:
        out |= _harmonics("endo", inner) | _harmonics("epi", outer)
        out["endo_solidity"] = solidity(cavity)
        out["endo_roughness_mm"] = _roughness(inner)
        out["epi_roughness_mm"] = _roughness(outer)
    if ring.all() and area > 80:
        wall = outer - inner
        for name, degrees in SECTORS.items():
            near = np.abs(np.angle(np.exp(1j * (ANGLES - np.radians(degrees))))) <= np.pi / 6
            out[f"wall_{name}"] = float(wall[near].mean() / wall.mean())
        out["wall_cv"] = float(wall.std() / wall.mean())
    return out


def _harmonics(name: str, curve: Curve) -> dict[str, float]:
    spectrum = np.fft.rfft(curve) / len(curve) / curve.mean() * 2
    out = {f"{name}_h{k}": float(abs(spectrum[k])) for k in (2, 3, 4, 5, 6)}
    cosine = [float((curve * np.cos(k * ANGLES)).mean() * 2 / curve.mean()) for k in (2, 3)]
    sine = [float((curve * np.sin(k * ANGLES)).mean() * 2 / curve.mean()) for k in (2, 3)]
    return out | {
        f"{name}_cos2": cosine[0],
        f"{name}_sin2": sine[0],
        f"{name}_cos3": cosine[1],
        f"{name}_sin3": sine[1],
    }


def _roughness(curve: Curve) -> float:
    spectrum = np.fft.rfft(curve)
    spectrum[:7] = 0
    return float(np.fft.irfft(spectrum, len(curve)).std())


def _right(hearts: Hearts, z: int, turn: float) -> dict[str, float]:
    mask, pixel = hearts.mask[z], hearts.pixel_mm
    rv, heart = mask == Label.RV, (mask == Label.LV) | (mask == Label.MYOCARDIUM)
    centre = np.argwhere(heart).mean(axis=0)
    points = (np.argwhere(rv) - centre) * pixel
    along = points[:, 1] * np.cos(turn) + points[:, 0] * np.sin(turn)
    across = -points[:, 1] * np.sin(turn) + points[:, 0] * np.cos(turn)
    area, radius = len(points) * pixel**2, float(np.sqrt(heart.sum() * pixel**2 / np.pi))
    angles = np.arctan2(across, along)
    outer = radii(heart, centre, pixel, turn)
    gap = np.hypot(across, along) - np.interp(angles, ANGLES, outer, period=2 * np.pi)
    touch = np.degrees(angles[gap < TOUCHING_MM])
    low, high = np.percentile(across, [1, 99])
    tilt = math.degrees(math.atan2(across.mean(), along.mean()))
    out = {
        "rv_area_share": area / (heart.sum() * pixel**2),
        "rv_height": (high - low) / radius,
        "rv_depth": float(np.percentile(along, 99) - np.percentile(along, 1)) / radius,
        "rv_thickness": area / (high - low) / radius,
        "rv_reach": float(np.percentile(along, 99)) / radius,
        "rv_distance": float(np.hypot(along.mean(), across.mean())) / radius,
        "rv_tilt_deg": tilt,
        "rv_turn_abs_deg": abs(tilt),
        "rv_solidity": solidity(rv),
        "rv_skew": float(((across - across.mean()) ** 3).mean() / across.std() ** 3),
        "rv_profile": _anterior_share(along, across),
        "rv_touch_share": float((gap < TOUCHING_MM).mean()),
    }
    if touch.size > 5:
        out["rv_insert_anterior_deg"], out["rv_insert_inferior_deg"] = np.percentile(touch, [99, 1])
    return out


def _anterior_share(along: Curve, across: Curve) -> float:
    """How thick the anterior half of the RV is, relative to the inferior half."""
    half = 0.5 * (across.max() + across.min())
    return float(np.log(max(1, (across > half).sum()) / max(1, (across <= half).sum())))


def solidity(region: npt.NDArray[np.bool_]) -> float:
    """Area over that of the convex hull."""
    from scipy.spatial import ConvexHull, QhullError

    points = np.argwhere(region).astype(float)
    corners = np.concatenate([points + d for d in ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5))])
    try:
        return float(len(points) / ConvexHull(corners).volume)
    except QhullError:
        return float("nan")


def _shifts(hearts: Hearts, rows: list[dict[str, object]], present: npt.NDArray[np.intp]) -> None:
    """How far each slice's heart lies from the middle of its neighbours'."""
    heart = (hearts.mask == Label.LV) | (hearts.mask == Label.MYOCARDIUM)
    centres = [np.argwhere(heart[z]).mean(axis=0) * hearts.pixel_mm for z in present]
    for k in range(1, len(rows) - 1):
        bend = centres[k] - 0.5 * (centres[k - 1] + centres[k + 1])
        rows[k]["shift_mm"] = float(np.hypot(*bend))
    if len(rows) > 3:
        slope = np.polyfit(np.arange(len(centres)), np.array(centres), 1)[0] / hearts.step_mm
        rows[0]["axis_slope"] = float(np.hypot(*slope))


def stack_rows(ed: Hearts, es: Hearts) -> dict[str, object]:
    """What is counted per subject."""
    out: dict[str, object] = {"subject": ed.subject, "group": ed.group}
    shown = {}
    for hearts in (ed, es):
        lv, rv, muscle = ((hearts.mask == k).any(axis=(1, 2)) for k in (Label.LV, Label.RV, Label.MYOCARDIUM))
        p = hearts.phase.lower()
        shown[p] = (np.flatnonzero(lv), np.flatnonzero(rv))
        out |= {
            f"lv_slices_{p}": lv.sum(),
            f"rv_slices_{p}": rv.sum(),
            f"rv_without_lv_{p}": (rv & ~lv).sum(),
            f"lv_without_rv_{p}": (lv & ~rv).sum(),
            f"muscle_without_lv_{p}": (muscle & ~lv).sum(),
            f"rv_first_after_lv_{p}": shown[p][1][0] - shown[p][0][0],
            f"rv_last_before_lv_{p}": shown[p][0][-1] - shown[p][1][-1],
            f"empty_above_{p}": int(np.flatnonzero(lv | rv)[0]),
            f"empty_below_{p}": len(lv) - 1 - int(np.flatnonzero(lv | rv | muscle)[-1]),
        }
        lv_ml = (hearts.mask == Label.LV).sum() * hearts.pixel_mm**2 * hearts.step_mm / 1000
        out |= {
            f"lv_ml_{p}": lv_ml,
            f"rv_ml_{p}": (hearts.mask == Label.RV).sum() * hearts.pixel_mm**2 * hearts.step_mm / 1000,
            f"mass_g_{p}": 1.05 * (hearts.mask == Label.MYOCARDIUM).sum() * hearts.pixel_mm**2 * hearts.step_mm / 1000,
            f"length_mm_{p}": lv.sum() * hearts.step_mm,
        }
    out["first_lv_moves_slices"] = shown["es"][0][0] - shown["ed"][0][0]
    out["last_lv_moves_slices"] = shown["ed"][0][-1] - shown["es"][0][-1]
    out["first_rv_moves_slices"] = shown["es"][1][0] - shown["ed"][1][0]
    out["last_rv_moves_slices"] = shown["ed"][1][-1] - shown["es"][1][-1]
    out["mass_es_over_ed"] = float(out["mass_g_es"]) / float(out["mass_g_ed"])  # type: ignore[arg-type]
    return out


def tables(hearts: Iterator[Hearts]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Per slice and per subject."""
    slices: list[dict[str, object]] = []
    stacks: list[dict[str, object]] = []
    for ed in hearts:
        es = next(hearts)
        present = np.flatnonzero((ed.mask == Label.LV).any(axis=(1, 2)))
        extent = (int(present[0]), int(present[-1]))
        slices += rows_of(ed, extent) + rows_of(es, extent)
        stacks.append(stack_rows(ed, es))
    return pd.DataFrame(slices), pd.DataFrame(stacks)


def compare(real: pd.DataFrame, made: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Means side by side, their distance in spreads of the real ones, and the ratio of spreads."""
    rows = []
    columns = [c for c in real.columns if real[c].dtype.kind in "fiu" and c in made.columns]
    keys: list[object] = [()] if not by else sorted(set(map(tuple, real[by].to_numpy())), key=_order)
    for key in keys:
        a, b = (t if not by else t[(t[by] == list(key)).all(axis=1)] for t in (real, made))
        for c in columns:
            u, v = a[c].dropna(), b[c].dropna()
            if len(u) > 8 and len(v) > 8 and u.std() > 0.02 * abs(u.mean()) + 1e-3:
                spread = float(u.std())
                rows.append(
                    [*key, c, u.mean(), spread, v.mean(), v.std(), (v.mean() - u.mean()) / spread, v.std() / spread]
                )
    return pd.DataFrame(rows, columns=[*by, "what", "real", "real_sd", "made", "made_sd", "shift", "spread_ratio"])


def _order(key: object) -> tuple[object, ...]:
    values = tuple(key)  # type: ignore[call-overload]
    return tuple(LEVELS.index(v) if v in LEVELS else v for v in values)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acdc", type=Path, nargs="+", required=True)
    parser.add_argument("--preset", default="acdc-like")
    parser.add_argument("--subjects", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/heart_shapes.json"))
    options = parser.parse_args()
    real, made = (
        tables(acdc_hearts(options.acdc)),
        tables(phantom_hearts(options.preset, options.subjects, options.seed)),
    )
    slices, stacks = compare(real[0], made[0], ["phase", "level"]), compare(real[1], made[1], [])
    with pd.option_context("display.width", 200, "display.max_rows", None, "display.float_format", "{:.3f}".format):
        print(slices.to_string(index=False))
        print(stacks.to_string(index=False))
    known = slices[slices.level.isin(["basal", "mid", "apical"])]
    summary = {
        "mean_shift": float(slices["shift"].abs().mean()),
        "mean_shift_inner_levels": float(known["shift"].abs().mean()),
        "mean_shift_of_stacks": float(stacks["shift"].abs().mean()),
        "mean_log_spread_ratio": float(np.log(slices.spread_ratio.clip(0.05, 20)).abs().mean()),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    result = {"summary": summary, "slices": slices.to_dict("records"), "stacks": stacks.to_dict("records")}
    options.out.write_text(json.dumps(result, indent=2))
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
