"""From signs to an expected Dice, by a small formula that no patient took part in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from synthcmr.labelling.signs import SIGNS, Signs

FITTED = "fitted.json"  # set by hand, or written by benchmarks/label_calibration.py from phantoms
REASONS = 2  # told of a doubtful slice

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
        found = np.full(quality.shape, "", dtype=object)
        for place in zip(*np.nonzero(quality < self.doubtful_below), strict=True):
            found[place] = self._reasons(signs.values[place])
        return found

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
