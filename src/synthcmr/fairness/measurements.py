"""What images and hearts look like per group: brightness, contrast, sharpness, noise; volumes, EF and mass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label
from synthcmr.statistics.intervals import student_mean

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort

SAMPLED_IMAGES = 400
MIN_GROUP = 5  # subjects; below, a mean would describe people rather than a group
IMAGE_MEASURES = {
    "brightness": "mean",
    "contrast": "blood : myocardium",
    "sharpness": "edge strength",
    "noise": "high-frequency",
}
HEART_MEASURES = {
    "lv_edv_ml": "LV EDV, ml",
    "lv_ef_percent": "LV EF, %",
    "lv_mass_g": "LV mass, g",
    "rv_edv_ml": "RV EDV, ml",
}


@dataclass(frozen=True)
class GroupMean:
    """A measure's mean in one group, over subjects."""

    attribute: str
    group: str
    measure: str
    n: int
    mean: float | None
    low: float | None  # 95 % interval of the mean
    high: float | None
    refused: str = ""


def image_measures(cohort: Cohort, seed: int = 0) -> pd.DataFrame:
    """Measures of a seeded sample of images, averaged per subject."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    picked = rng.permutation(len(cohort))[:SAMPLED_IMAGES]
    rows = [
        {"subject_id": cohort.images["subject_id"].iloc[i], **_of_image(cohort.image(i)[0], cohort.mask(i)[0])}
        for i in sorted(picked)
    ]
    table = pd.DataFrame(rows, columns=["subject_id", *IMAGE_MEASURES])
    return table.groupby("subject_id")[list(IMAGE_MEASURES)].mean()


def _of_image(image: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> dict[str, float]:
    blood, muscle = image[mask == Label.LV], image[mask == Label.MYOCARDIUM]
    seen = blood.size > 20 and muscle.size > 20 and np.median(muscle) > 0
    dy, dx = np.gradient(image)
    fine = image[1:-1, 1:-1] - 0.25 * (image[:-2, 1:-1] + image[2:, 1:-1] + image[1:-1, :-2] + image[1:-1, 2:])
    return {
        "brightness": float(image.mean()),
        "contrast": float(np.median(blood) / np.median(muscle)) if seen else float("nan"),
        "sharpness": float(np.hypot(dx, dy).mean()),
        "noise": float(np.median(np.abs(fine)) / 0.6745),
    }


def heart_measures(cohort: Cohort) -> pd.DataFrame:
    """Volumes, EF and mass per subject, where masks and spacing give them."""
    import pandas as pd

    volumes = cohort.volumes()
    first = (
        volumes[volumes["phase"].isin(["ED", "ES"])]
        .groupby(["subject_id", "phase"])[["lv_ml", "myo_g", "rv_ml"]]
        .first()
    )
    table = first.unstack("phase") if len(first) else pd.DataFrame()
    if table.empty or ("lv_ml", "ED") not in table:
        return pd.DataFrame(columns=list(HEART_MEASURES))
    ed = table["lv_ml"]["ED"]
    es = table["lv_ml"]["ES"] if ("lv_ml", "ES") in table else ed * np.nan
    columns = {
        "lv_edv_ml": ed,
        "lv_ef_percent": 100 * (ed - es) / ed,
        "lv_mass_g": table["myo_g"]["ED"],
        "rv_edv_ml": table["rv_ml"]["ED"],
    }
    return pd.DataFrame(columns)


def group_means(measures: pd.DataFrame, groups: pd.DataFrame, subject_ids: pd.Series) -> list[GroupMean]:
    """Every measure's mean in every group of every attribute."""
    results: list[GroupMean] = []
    if groups.columns.empty:
        return results
    joined = groups.set_index(subject_ids.to_numpy()).join(measures, how="left")
    for attribute in groups.columns:
        for group, rows in joined.dropna(subset=[attribute]).groupby(attribute, observed=True):
            for measure in measures.columns:
                results.append(
                    _mean(str(attribute), str(group), str(measure), rows[measure].dropna().to_numpy(dtype=float))
                )
    return results


def _mean(attribute: str, group: str, measure: str, values: npt.NDArray[np.float64]) -> GroupMean:
    n = len(values)
    if n < MIN_GROUP:
        return GroupMean(
            attribute, group, measure, n, None, None, None, f"{n} subjects; at least {MIN_GROUP} are needed"
        )
    low, high = student_mean(values)
    return GroupMean(attribute, group, measure, n, float(values.mean()), low, high)
