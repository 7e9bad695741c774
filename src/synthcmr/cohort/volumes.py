"""Volumes and mass counted on masks: summed areas times the slice step."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MYOCARDIAL_DENSITY_G_PER_ML = 1.05
AREAS = {"lv_ml": ("area_lv_mm2", "lv"), "myo_ml": ("area_myo_mm2", "myo"), "rv_ml": ("area_rv_mm2", "rv")}


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
        {"subject_id": s, "stack": t, "frame": f, "phase": p, **{name: found.get(name) for name in AREAS}}
        for (s, t, f, p), found in sorted(sums.items())
    ]
    table = pd.DataFrame(records, columns=["subject_id", "stack", "frame", "phase", *AREAS]).astype(
        dict.fromkeys(AREAS, float)
    )
    return table.assign(myo_g=table["myo_ml"] * MYOCARDIAL_DENSITY_G_PER_ML)
