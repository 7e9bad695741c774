"""End-diastole and end-systole of a labelled stack; its volumes, ejection fractions and mass, and how uncertain they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.cohort.measures import MYOCARDIAL_DENSITY_G_PER_ML
from synthcmr.cohort.raw_subject import Stack
from synthcmr.labelling.anatomy import one_heart
from synthcmr.labelling.quality import fitted
from synthcmr.labelling.segmentation import PIXEL_MM, Segmentation

Curve = npt.NDArray[np.float64]
TIE = 0.005  # share of the largest volume: a cine starts at the R wave, so its first frame wins a tie
CINE_FROM = 5  # frames: fewer need not span the heartbeat


def chosen_phases(stack: Stack, mask: Mask) -> tuple[str, ...]:
    """Phases of the frames: what the source says, else the fullest and the emptiest frame of the left ventricle.

    A single frame, and frames without a left ventricle, stay without a phase.
    """
    if "ED" in stack.phases or "ES" in stack.phases or stack.frame_count == 1:
        return stack.phases
    pair = extremes(mask)
    if pair is None:
        return stack.phases
    ed, es = pair
    return tuple("ED" if t == ed else "ES" if t == es else "" for t in range(stack.frame_count))


def extremes(mask: Mask) -> tuple[int, int] | None:
    """The frames in which the left ventricle is largest and smallest; None where it is nowhere, or never changes.

    Args:
        mask: (frames, slices, rows, columns).
    """
    areas = (mask == Label.LV).sum(axis=(2, 3)).astype(np.float64)  # (frames, slices)
    if not areas.any():
        return None
    always = (areas > 0).all(axis=0)
    if always.any():  # slices that come and go at the base would make the curve jump
        ed, es = _ends(areas[:, always].sum(axis=1))
    else:
        ed, es = _ends(areas.sum(axis=1))
    return None if ed == es else (ed, es)


def _ends(volume: Curve) -> tuple[int, int]:
    smooth = smoothed(volume)
    ed = 0 if smooth[0] >= (1.0 - TIE) * smooth.max() else int(smooth.argmax())
    return ed, int(smooth.argmin())


def smoothed(volume: Curve) -> Curve:
    """A curve of a cine without its jitter: each frame with its neighbours, going round."""
    if len(volume) < CINE_FROM:
        return volume
    return 0.25 * np.roll(volume, 1) + 0.5 * volume + 0.25 * np.roll(volume, -1)


MEASURES = {
    "lv_edv_ml": "lv",
    "lv_esv_ml": "lv",
    "lv_ef_percent": "lv",
    "lv_mass_g": "myo",
    "rv_edv_ml": "rv",
    "rv_esv_ml": "rv",
    "rv_ef_percent": "rv",
}
SD = "_sd"  # ending of the column that holds a measure's standard deviation

Areas = Mapping[str, npt.NDArray[np.float64]]  # structure -> (ED and ES, slices), ml


@dataclass(frozen=True)
class Spread:
    """How uncertain one measure is: the difference of its two views, and the basal slice in or out."""

    views: float
    base: float


def measured(
    stack: Stack, segmentation: Segmentation | None, judged: npt.NDArray[np.object_]
) -> tuple[dict[str, float], str]:
    """Measures of a labelled stack with standard deviations, and why there are none.

    Args:
        stack: with its final mask and phases.
        segmentation: of the judge, in two views; None where it was not used.
        judged: who drew what, (frames, slices).
    """
    absent = why_absent(stack)
    if absent or stack.mask is None or stack.spacing_mm is None or stack.slice_step_mm is None:
        return {}, absent
    pair = [stack.phases.index("ED"), stack.phases.index("ES")]
    ml = stack.spacing_mm[0] * stack.spacing_mm[1] * stack.slice_step_mm / 1000.0
    values = values_of(_areas(stack.mask[pair], ml))
    spreads = {} if segmentation is None else spreads_of(stack, segmentation, pair)
    measures: dict[str, float] = {}
    for name, value in values.items():
        measures[name] = round(value, 2)
        frames = pair[:1] if name.endswith(("edv_ml", "mass_g")) else pair[1:] if name.endswith("esv_ml") else pair
        if name in spreads and any(MEASURES[name] in text.split(",") for text in judged[frames].ravel()):
            measures[name + SD] = round(deviation(name, value, spreads[name]), 2)
    return measures, ""


def why_absent(stack: Stack) -> str:
    """Why volumes cannot be counted; empty where they can."""
    if stack.spacing_mm is None:
        return "no pixel spacing"
    if stack.slice_step_mm is None:
        return "no distance between slices"
    if "ED" not in stack.phases or "ES" not in stack.phases:
        return "no ED and ES" if stack.frame_count > 1 else "a single frame"
    return "" if stack.slice_count > 1 else "a single slice"


def values_of(areas: Areas) -> dict[str, float]:
    """Volumes, ejection fractions and mass of summed areas."""
    values: dict[str, float] = {}
    for side in ("lv", "rv"):
        edv, esv = (float(v) for v in areas[side].sum(axis=1))
        if edv > 0:
            values |= {f"{side}_edv_ml": edv, f"{side}_esv_ml": esv, f"{side}_ef_percent": 100.0 * (edv - esv) / edv}
    if areas["myo"][0].any():
        values["lv_mass_g"] = float(areas["myo"][0].sum()) * MYOCARDIAL_DENSITY_G_PER_ML
    return {name: values[name] for name in MEASURES if name in values}


def spreads_of(stack: Stack, segmentation: Segmentation, pair: Sequence[int]) -> dict[str, Spread]:
    """How much each measure changes between two views, and when the largest end slice is left out."""
    assert stack.slice_step_mm is not None
    ml = PIXEL_MM**2 * stack.slice_step_mm / 1000.0
    whole = _areas(segmentation.labels[list(pair)], ml)
    views = [values_of(_areas(one_heart(view[list(pair)]), ml)) for view in segmentation.views]
    value = values_of(whole)
    both, late = (values_of(_without_base(whole, frames)) for frames in ((0, 1), (1,)))
    cut = {name: (both if name.endswith(("edv_ml", "mass_g")) else late).get(name, 0.0) for name in MEASURES}
    return {
        name: Spread(
            abs(views[0].get(name, value.get(name, 0.0)) - views[1].get(name, value.get(name, 0.0))),
            abs(value.get(name, 0.0) - cut[name]),
        )
        for name in MEASURES
    }


def deviation(name: str, value: float, spread: Spread) -> float:
    """Standard deviation of a measure: what moves it, weighed, and an error that is always there."""
    weights = fitted()["uncertainty"]
    assert isinstance(weights, Mapping)
    own = weights[name]
    size = 1.0 if name.endswith("percent") else value
    parts = (own["looks"] * spread.views, own["base"] * spread.base, own["size"] * size)
    return float(np.sqrt(sum(part**2 for part in parts)))


def _areas(mask: Mask, ml: float) -> Areas:
    return {name: (mask == value).sum(axis=(2, 3)) * ml for name, value in STRUCTURES.items()}


def _without_base(areas: Areas, frames: Sequence[int]) -> Areas:
    """Frames without the larger of the end slices of each structure: where annotators disagree about the base."""
    cut = {}
    for name, own in areas.items():
        shorter = own.copy()
        for t in frames:
            present = np.flatnonzero(own[t])
            if present.size > 1:
                shorter[t, max((present[0], present[-1]), key=lambda z: own[t, z])] = 0.0
        cut[name] = shorter
    return cut
