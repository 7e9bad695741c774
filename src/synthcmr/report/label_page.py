"""The page of a labelled cohort: doubtful slices worst first, measures with their uncertainty. One file that opens offline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.csv_cells import harmless
from synthcmr.cohort.labels import Label
from synthcmr.labelling.measures import MEASURES, SD
from synthcmr.labelling.result import LabelResult
from synthcmr.report.pictures import heart_picture, plain_picture
from synthcmr.report.single_file_page import write_page

if TYPE_CHECKING:
    import pandas as pd

PAGE, TABLE, SLICES = "label.html", "labels.csv", "label_slices.csv"
WORST_SHOWN, GOOD_SHOWN, SUBJECTS_SHOWN = 24, 6, 200
TITLES = {
    "lv_edv_ml": "LV EDV, ml",
    "lv_esv_ml": "LV ESV, ml",
    "lv_ef_percent": "LV EF, %",
    "lv_mass_g": "LV mass, g",
    "rv_edv_ml": "RV EDV, ml",
    "rv_esv_ml": "RV ESV, ml",
    "rv_ef_percent": "RV EF, %",
}


@dataclass(frozen=True)
class Shown:
    """A slice with and without its contours."""

    plain: str
    outlined: str
    where: str
    quality: str
    why: str


def write_label_report(result: LabelResult, folder: Path) -> Path:
    """Write labels.csv, label_slices.csv and label.html into a folder; returns the page."""
    result.table.map(harmless).to_csv(folder / TABLE, index=False)
    result.slices.drop(columns=["row", "place"]).map(harmless).to_csv(folder / SLICES, index=False)
    return write_label_page(result, folder / PAGE)


def write_label_page(result: LabelResult, path: Path) -> Path:
    """Write the page; it needs no network and nothing beside it."""
    cohort, slices, doubtful = result.cohort, result.slices, result.doubtful
    good = slices[slices["doubt"] == ""]
    rejects = cohort.rejects
    return write_page(
        path,
        "label",
        phantoms=set(cohort.info["origin"]) == {"phantom"},
        subjects=len(cohort.subjects),
        judged=len(slices),
        doubtful=len(doubtful),
        judge=", ".join(sorted(set(cohort.images["judge"].dropna()))),
        worst=[_shown(cohort, row) for row in _one_per_slice(doubtful).head(WORST_SHOWN).itertuples()],
        typical=[_shown(cohort, good.iloc[k]) for k in _spread(len(good))],
        titles=list(TITLES.values()),
        people=[_person(row) for row in _worst_first(result.table).head(SUBJECTS_SHOWN).to_dict("records")],
        people_left_out=max(0, len(result.table) - SUBJECTS_SHOWN),
        rejected=rejects[rejects["level"] == "reject"].to_dict("records"),
        notes=rejects[(rejects["level"] == "note") & rejects["part"].str.startswith("stack")].to_dict("records"),
        table=TABLE,
        slices_table=SLICES,
    )


def _one_per_slice(doubtful: pd.DataFrame) -> pd.DataFrame:
    """The worst frame of each slice: frames of a cine look alike."""
    return doubtful.drop_duplicates("image_id")


def _spread(count: int) -> list[int]:
    """Places from the worst to the best of the slices without doubt."""
    return sorted({int(k) for k in np.linspace(0, count - 1, min(count, GOOD_SHOWN))}) if count else []


def _worst_first(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(["quality", "subject_id"], kind="stable")


def _shown(cohort: Cohort, row: Any) -> Shown:
    image, mask = cohort.image(int(row.row))[int(row.place)], cohort.mask(int(row.row))[int(row.place)]
    drawn = np.where(mask == Label.UNLABELLED, 0, mask).astype(np.uint8)
    phase = f", {row.phase}" if row.phase else ""
    return Shown(
        plain_picture(image),
        heart_picture(image, drawn),
        f"{row.subject_id}, slice {row.slice_index}, frame {row.frame}{phase}",
        f"{row.quality:.2f}",
        row.doubt,
    )


def _person(row: dict[Any, Any]) -> dict[str, Any]:
    """Cells of one subject; what is absent says why."""
    cells = [_cell(row.get(name), row.get(name + SD)) for name in MEASURES]
    absent = row.get("absent")
    quality = row.get("quality")
    return {
        "name": row["subject_id"],
        "cells": cells,
        "absent": absent if isinstance(absent, str) else "",
        "quality": f"{quality:.2f}" if quality == quality and quality is not None else "drawn by a person",
        "doubtful": int(row.get("doubtful_slices") or 0),
        "judged": int(row.get("judged_slices") or 0),
    }


def _cell(value: Any, deviation: Any) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.0f}" + (f" ± {deviation:.0f}" if deviation is not None and deviation == deviation else "")
