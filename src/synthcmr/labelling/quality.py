"""How good a segmentation is, without the truth: signs that it went wrong, and an expected Dice by a formula fitted on phantoms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.labelling.anatomy import largest_part
from synthcmr.labelling.segmentation import PIXEL_MM, Segmentation
from synthcmr.labelling.stack_views import Floats

Bools = npt.NDArray[np.bool_]
SMALL_MM2 = 300.0  # area of a left ventricle below which single pixels decide
CONTRAST = 2.0  # of blood to wall, in standard deviations within them, that leaves no doubt

# name -> the reason that is reported
SIGNS: dict[str, str] = {
    "lv_views": "two looks at the cavity disagree",
    "myo_views": "two looks at the wall disagree",
    "rv_views": "two looks at the right ventricle disagree",
    "unsure": "the judge is not sure of its pixels",
    "dropped": "parts outside the heart had to be removed",
    "open_wall": "the cavity is not enclosed by wall",
    "ragged": "the left ventricle is not round",
    "neighbours": "it does not lie on the slices beside it",
    "jump": "its size does not fit the slices beside it",
    "other_frames": "it does not lie where other frames have it",
    "contrast": "blood is not brighter than the wall",
    "rv_contrast": "the blood of both ventricles differs",
    "small": "the left ventricle is tiny",
    "no_lv": "there is no cavity",
    "no_rv": "there is no right ventricle beside a cavity",
    "end": "it is the first or last slice of the ventricle",
    "nothing": "nothing was found beside a slice with a heart",
    "faint": "the whole stack hardly looks like a heart",
}


@dataclass(frozen=True)
class Signs:
    """Signs of every slice of every frame."""

    values: npt.NDArray[np.float64]  # (frames, slices, signs), in the order of SIGNS
    empty: Bools  # (frames, slices): nothing was drawn, and nothing beside it either


def signs_of(segmentation: Segmentation, evidence: float) -> Signs:
    """Look for signs in a segmented stack.

    Args:
        segmentation: what was seen.
        evidence: how much the stack looks like a heart.
    """
    labels = segmentation.labels
    frames, slices = labels.shape[:2]
    left = (labels == Label.LV) | (labels == Label.MYOCARDIUM)
    shared = left.sum(axis=0) >= max(1, (frames + 1) // 2)
    heart = (labels != Label.BACKGROUND).any(axis=(2, 3))
    values = np.zeros((frames, slices, len(SIGNS)))
    empty = np.zeros((frames, slices), dtype=bool)
    for t in range(frames):
        for z in range(slices):
            beside = [y for y in (z - 1, z + 1) if 0 <= y < slices]
            empty[t, z] = not heart[t, z] and not any(heart[t, y] for y in beside) and not heart[:, z].any()
            if not empty[t, z]:
                signs = _of_slice(segmentation, left, t, z, beside) | _over_frames(left[t, z], shared[z], frames)
                signs["faint"] = max(0.0, 1.0 - evidence / 0.2)
                values[t, z] = [signs.get(name, 0.0) for name in SIGNS]
    return Signs(values, empty)


def _of_slice(seen: Segmentation, left: Bools, t: int, z: int, beside: list[int]) -> dict[str, float]:
    labels, own = seen.labels[t, z], left[t, z]
    signs = {
        f"{name}_views": 1.0 - _dice(*(view[t, z] == value for view in seen.views))
        for name, value in STRUCTURES.items()
    }
    raw = seen.probability[t, z].argmax(axis=0)
    foreground = raw != Label.BACKGROUND
    signs["unsure"] = 1.0 - float(seen.probability[t, z].max(axis=0)[foreground].mean()) if foreground.any() else 0.0
    signs["dropped"] = float((foreground & (labels == Label.BACKGROUND)).sum() / max(1, foreground.sum()))
    if not (labels != Label.BACKGROUND).any():
        return signs | {"nothing": 1.0}
    signs |= _anatomy(labels, own) | _contrast(seen.image[t, z], labels)
    signs["no_rv"] = float((labels == Label.LV).any() and not (labels == Label.RV).any())
    return signs | _beside(left[t], z, beside)


def _anatomy(labels: Mask, left: Bools) -> dict[str, float]:
    from scipy.ndimage import binary_dilation

    cavity = labels == Label.LV
    if not cavity.any():
        return {"no_lv": 1.0, "ragged": _raggedness(left)}
    rim = binary_dilation(cavity) & ~cavity
    open_wall = 1.0 - float((labels[rim] == Label.MYOCARDIUM).mean())
    small = float(np.exp(-cavity.sum() * PIXEL_MM**2 / SMALL_MM2))
    return {"open_wall": open_wall, "ragged": max(_raggedness(left), _raggedness(cavity)), "small": small}


def _raggedness(region: Bools) -> float:
    """0 of an ellipse; the area that a region lacks in the ellipse of the same second moments."""
    rows, columns = np.nonzero(region)
    if rows.size < 8:
        return 0.0
    spread = np.cov(np.stack([rows, columns]).astype(np.float64)) + np.eye(2) / 12.0
    ellipse = 4.0 * np.pi * float(np.sqrt(max(np.linalg.det(spread), 1e-9)))
    parts = float(largest_part(region).sum() / rows.size)
    return float(np.clip(1.0 - parts * rows.size / ellipse, 0.0, 1.0))


def _contrast(image: Floats, labels: Mask) -> dict[str, float]:
    cavity, wall, right = (image[labels == value] for value in STRUCTURES.values())
    if cavity.size < 4 or wall.size < 4:
        return {"contrast": 0.5}
    spread = float(np.sqrt((cavity.var() + wall.var()) / 2.0)) + 0.02
    signs = {"contrast": 1.0 - float(np.clip((cavity.mean() - wall.mean()) / spread / CONTRAST, 0.0, 1.0))}
    if right.size >= 4:
        signs["rv_contrast"] = float(np.clip(abs(right.mean() - cavity.mean()) / spread / CONTRAST, 0.0, 1.0))
    return signs


def _beside(left: Bools, z: int, beside: list[int]) -> dict[str, float]:
    """How a slice fits those above and below; a single slice has none, and is not blamed for it."""
    if not beside or not left[z].any():
        return {"end": float(bool(beside))}
    area = float(left[z].sum())
    near = [y for y in beside if left[y].any()]
    signs = {"end": float(len(near) < 2 or len(beside) < 2)}
    if near:
        signs["neighbours"] = 1.0 - float(np.mean([_dice(left[z], left[y]) for y in near]))
        signs["jump"] = min(2.0, abs(float(np.log(area / np.mean([left[y].sum() for y in near])))))
    else:
        signs |= {"neighbours": 1.0, "jump": 1.0}
    return signs


def _over_frames(own: Bools, shared: Bools, frames: int) -> dict[str, float]:
    return {"other_frames": 1.0 - _dice(own, shared)} if frames > 1 else {}


def _dice(a: Bools, b: Bools) -> float:
    total = int(a.sum()) + int(b.sum())
    return 1.0 if total == 0 else 2.0 * float((a & b).sum()) / total


FITTED = "fitted.json"  # set by hand, or written by benchmarks/label_calibration.py from phantoms
REASONS = 2  # reported of a doubtful slice

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Formula:
    """Expected Dice = 1 / (1 + exp(-(constant + sum of weight x sign)))."""

    constant: float
    weights: Mapping[str, float]
    doubtful_below: float  # expected Dice

    def quality(self, signs: Signs) -> Numbers:
        """Expected Dice of every slice of every frame, (frames, slices); NaN where there is nothing to judge."""
        score = self.constant + signs.values @ self._vector
        return np.where(signs.empty, np.nan, 1.0 / (1.0 + np.exp(-score)))

    def doubts(self, signs: Signs) -> npt.NDArray[np.object_]:
        """Why each slice is doubtful, in words; empty where it is not. (frames, slices)."""
        quality = self.quality(signs)
        doubts = np.full(quality.shape, "", dtype=object)
        for place in zip(*np.nonzero(quality < self.doubtful_below), strict=True):
            doubts[place] = self._reasons(signs.values[place])
        return doubts

    @property
    def _vector(self) -> Numbers:
        return np.array([self.weights.get(name, 0.0) for name in SIGNS])

    def _reasons(self, values: Numbers) -> str:
        """What lowers the expected Dice most."""
        cost = -values * self._vector
        worst = [k for k in np.argsort(-cost)[:REASONS] if cost[k] > 0]
        names = list(SIGNS)
        return "; ".join(SIGNS[names[k]] for k in worst) or "several small signs together"


@cache
def fitted() -> Mapping[str, object]:
    """The formula of the quality, and the weights of the uncertainty of measures."""
    content: dict[str, object] = json.loads((files("synthcmr.labelling") / FITTED).read_text())
    return content


def shipped_formula() -> Formula:
    """The formula that comes with the package."""
    values = fitted()["quality"]
    assert isinstance(values, Mapping)
    return Formula(float(values["constant"]), dict(values["weights"]), float(values["doubtful_below"]))
