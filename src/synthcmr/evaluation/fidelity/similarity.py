"""MS-SSIM of pairs of different subjects at the same level of the heart: a set whose images repeat themselves is too alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.statistics.bootstrap import seeded_counts
from synthcmr.statistics.intervals import Interval, percentile

Numbers = npt.NDArray[np.float64]
SCALES = (0.0448, 0.2856, 0.3001, 0.2363)  # Wang 2003, without the fifth scale, for which 128 pixels are too few
WINDOW = 7
LEVELS = 5  # thirds of a stack would pair bases with mids


def pairs(cohort: Cohort, subjects: npt.NDArray[np.intp], count: int, seed: int) -> npt.NDArray[np.intp]:
    """Rows of images to compare, (pairs, 2): two subjects, one level."""
    table = cohort.images[["subject_id", "slice_index", "slice_count", "height", "width"]].reset_index(drop=True)
    table = table[table["subject_id"].isin(cohort.subjects["subject_id"].iloc[subjects])]
    level = (
        (LEVELS * (table["slice_index"] + 0.5) / table["slice_count"].clip(lower=1)).astype(int).clip(upper=LEVELS - 1)
    )
    rng = np.random.default_rng([seed, 5])
    results: list[tuple[int, int]] = []
    for _, members in sorted(table.groupby([level, "height", "width"]).groups.items()):
        rows = members.to_numpy()
        names = table["subject_id"].loc[rows].to_numpy()
        a, b = rng.integers(len(rows), size=(2, 4 * count))
        apart = names[a] != names[b]
        results += list(zip(rows[a[apart]][:count].tolist(), rows[b[apart]][:count].tolist(), strict=True))
    order = rng.permutation(len(results))[:count]
    return np.array(results, dtype=np.intp).reshape(-1, 2)[order]


def scales_for(*cohorts: Cohort) -> tuple[float, ...]:
    """As many scales as the smallest image of all holds windows for."""
    side = min(int(c.images[["height", "width"]].to_numpy().min()) for c in cohorts)
    fitting = [k for k in range(1, len(SCALES) + 1) if side > (WINDOW - 1) * max(1, k - 1) ** 2]
    return SCALES[: max(fitting, default=1)]


def similarities(cohort: Cohort, chosen: npt.NDArray[np.intp], scales: tuple[float, ...]) -> Numbers:
    """MS-SSIM of each pair, of the first frame."""
    import torch
    from monai.metrics.regression import compute_ms_ssim

    rows, where = np.unique(chosen, return_inverse=True)
    image = torch.from_numpy(np.stack([cohort.image(int(i))[0] for i in rows]).clip(0, 1))[:, None]
    where = where.reshape(chosen.shape)
    total = sum(scales)
    result = compute_ms_ssim(
        image[where[:, 0]],
        image[where[:, 1]],
        spatial_dims=2,
        data_range=1.0,
        kernel_size=WINDOW,
        weights=[s / total for s in scales],
    )
    return result.flatten().double().numpy()


def similarity_interval(
    values: Numbers, cohort: Cohort, chosen: npt.NDArray[np.intp], draws: int, level: float, seed: int
) -> Interval:
    """By drawing subjects again: a pair counts as often as both of its subjects."""
    names = cohort.images["subject_id"].to_numpy()[chosen]
    who, place = np.unique(names, return_inverse=True)
    place = place.reshape(chosen.shape)
    times = seeded_counts(len(who), draws, seed)
    each = times[:, place[:, 0]] * times[:, place[:, 1]]
    return percentile((each @ values) / np.maximum(each.sum(axis=1), 1), level)
