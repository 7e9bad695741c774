"""What masks measure: volumes and mass as summed areas times the slice step, ejection fractions, and the thickest wall."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask

if TYPE_CHECKING:
    import pandas as pd

MYOCARDIAL_DENSITY_G_PER_ML = 1.05
AREAS = {"lv_ml": ("area_lv_mm2", "lv"), "myo_ml": ("area_myo_mm2", "myo"), "rv_ml": ("area_rv_mm2", "rv")}
ED, ES = 0, 1
SECTORS = 6
WALL_FROM, WALL_TO = 0.15, 0.65  # share of the ventricle, from the base, in which walls are measured


def volumes(images: pd.DataFrame) -> pd.DataFrame:
    """Volumes per subject, stack, frame and phase.

    A volume is null where spacing is unknown or where no slice of that frame labels the structure.

    Args:
        images: rows of images.parquet.

    Returns:
        Columns subject_id, stack, frame, phase, lv_ml, myo_ml, rv_ml, myo_g.
    """
    import pandas as pd

    sums: dict[tuple[str, int, int, str], dict[str, float]] = defaultdict(dict)
    for row in images.itertuples():
        for k in range(row.n_frames):
            key = (row.subject_id, row.stack, int(row.frame_indices[k]), row.phases[k])
            entry = sums[key]
            for name, (column, structure) in AREAS.items():
                areas = getattr(row, column)
                if structure in row.labelled[k].split(",") and len(areas) and row.slice_step_mm == row.slice_step_mm:
                    entry[name] = entry.get(name, 0.0) + float(areas[k]) * row.slice_step_mm / 1000.0
    records = [
        {"subject_id": s, "stack": t, "frame": f, "phase": p, **{name: amounts.get(name) for name in AREAS}}
        for (s, t, f, p), amounts in sorted(sums.items())
    ]
    table = pd.DataFrame(records, columns=["subject_id", "stack", "frame", "phase", *AREAS]).astype(
        dict.fromkeys(AREAS, float)
    )
    return table.assign(myo_g=table["myo_ml"] * MYOCARDIAL_DENSITY_G_PER_ML)


def measure(mask: Mask, spacing_mm: tuple[float, float], slice_step_mm: float) -> dict[str, float]:
    """What a stack of masks at ED and ES measures."""
    ml = spacing_mm[0] * spacing_mm[1] * slice_step_mm / 1000.0
    counts = np.stack([np.bincount(frame.ravel(), minlength=256)[:4] for frame in mask[[ED, ES]]]) * ml
    edv, esv = float(counts[ED, Label.LV]), float(counts[ES, Label.LV])
    rv_edv, rv_esv = float(counts[ED, Label.RV]), float(counts[ES, Label.RV])
    measures = {
        "lv_edv_ml": edv,
        "lv_esv_ml": esv,
        "lv_mass_g": float(counts[ED, Label.MYOCARDIUM]) * MYOCARDIAL_DENSITY_G_PER_ML,
    }
    measures |= {"rv_edv_ml": rv_edv, "rv_esv_ml": rv_esv, "wall_max_mm": wall_max(mask[ED], spacing_mm)}
    if edv > 0:
        measures["lv_ef_percent"] = 100.0 * (edv - esv) / edv
    if rv_edv > 0:
        measures["rv_ef_percent"] = 100.0 * (rv_edv - rv_esv) / rv_edv
    return measures


def wall_max(mask: Mask, spacing_mm: tuple[float, float]) -> float:
    """Thickness of the thickest of six sectors of the wall, mm, averaged over the basal and mid slices.

    In a sector of angle d, a region of area A reaches out to r = sqrt(2 A / d): the wall is the difference of two such
    radii, which is steadier on pixels than following rays.
    """
    holding = np.flatnonzero((mask == Label.LV).any(axis=(1, 2)))
    if not holding.size:
        return 0.0
    first, last = holding[0], holding[-1]
    low, high = (first + round(share * (last - first)) for share in (WALL_FROM, WALL_TO))
    walls = [_sectors(mask[k], spacing_mm) for k in range(low, high + 1) if (mask[k] == Label.LV).any()]
    return float(np.mean(walls, axis=0).max())


def _sectors(mask: Mask, spacing_mm: tuple[float, float]) -> npt.NDArray[np.float64]:
    cavity = mask == Label.LV
    rows, columns = np.nonzero(cavity)
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    angle = np.arctan2((y - rows.mean()) * spacing_mm[0], (x - columns.mean()) * spacing_mm[1])
    sector = np.floor((angle + np.pi) / (2 * np.pi) * SECTORS).astype(int).clip(0, SECTORS - 1)
    pixel, wedge = spacing_mm[0] * spacing_mm[1], 2 * np.pi / SECTORS
    inner = np.bincount(sector[cavity], minlength=SECTORS) * pixel
    outer = np.bincount(sector[cavity | (mask == Label.MYOCARDIUM)], minlength=SECTORS) * pixel
    return np.sqrt(2 * outer / wedge) - np.sqrt(2 * inner / wedge)
