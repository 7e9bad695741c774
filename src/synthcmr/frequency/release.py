"""A spectrum in four numbers, which can be released with differential privacy: one subject's images change them but a little.

Rings are too many to be hidden in noise. Real log power is stated here as its difference to a public curve, that of phantoms, along
four fixed directions over frequency: level, slope, roll-off, and floor. Each subject's four numbers are cut to a range that was
chosen without looking, added up, and get Gaussian noise (`training/private_sums.py`; neighbours differ in one subject, with all of its
images, added or removed). What is not one of the four directions is left as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from synthcmr.errors import SettingsError
from synthcmr.frequency.fourier import Floats
from synthcmr.frequency.rings import Rings
from synthcmr.privacy.ledger import LedgerEntry, new_token
from synthcmr.privacy.mechanisms import RELATION, UNIT
from synthcmr.training.private_sums import SumPromise, noisy_mean
from synthcmr.training.secret_noise import Secret

NUMBERS = ("level", "slope", "roll-off", "floor")
RANGE = 3.0  # each number lies within so much of the public curve, in log power (root mean square over rings)
SENSITIVITY = RANGE * 2.0  # one subject more or less moves the four sums by at most RANGE each: sqrt(4) RANGE together
# How far sets of public images (phantoms, refined ones, Sunnybrook) lie from each other at most, about: `benchmarks/private_sums.py`.
EXPECTED = np.array([0.4, 0.3, 0.2, 0.1])
CURVE_MM = (-4.8, -1.7, -17.0)  # public: log power = a + b log f + c f, a fit to phantoms
CURVE_PIXEL = (-4.9, -1.7, -11.3)  # the same at 1.5 mm, where the spacing is not known


@dataclass(frozen=True)
class Release:
    """Four numbers, and what is promised of them."""

    theta: Floats
    epsilon: float
    delta: float
    sigma: float  # of the noise on each
    people: int  # as stated, or as counted with noise
    entries: tuple[LedgerEntry, ...] = ()  # what it did to subjects, for the ledger

    def row(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "numbers": dict(zip(NUMBERS, map(float, self.theta), strict=True)),
            "epsilon": self.epsilon,
            "delta": self.delta,
            "noise": self.sigma,
            "subjects": self.people,
            "range": RANGE,
            "unit": UNIT,
            "neighbouring_relation": RELATION,
        }

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> Release:
        """From what `row` gave."""
        theta = np.array([row["numbers"][name] for name in NUMBERS])
        return cls(theta, row["epsilon"], row["delta"], row["noise"], row["subjects"])

    def wanted(self, own: Floats) -> Floats:
        """The four numbers that a set of images shall have.

        They lie between its own and those that were released: a noise of spread s leaves t^2 / (t^2 + s^2) of what differs, where
        sets differ by t. A noise that is larger than any difference would do more harm than good.

        Args:
            own: numbers of the set.
        """
        kept: Floats = own + (self.theta - own) / (1 + (self.sigma / EXPECTED) ** 2)
        return kept


def directions(rings: Rings) -> Floats:
    """Four orthogonal curves over the rings, each with a root mean square of 1, (4, rings)."""
    f = rings.centres / rings.highest
    outer = 1 / (1 + np.exp(-(f - 0.75) / 0.03))  # the corners, where scanners leave nothing but noise
    q, _ = np.linalg.qr(np.stack([np.ones_like(f), np.log(f), f**2, outer], axis=1))
    basis: Floats = q.T * np.sqrt(len(f)) * np.sign(q[-1])[:, None]
    return basis


def public_curve(rings: Rings) -> Floats:
    """Log power that needed no patient's image."""
    a, b, c = CURVE_MM if rings.unit == "mm" else CURVE_PIXEL
    return a + b * np.log(rings.centres) + c * rings.centres


def numbers(profiles: Floats, rings: Rings) -> Floats:
    """The four numbers of ring profiles, (profiles, 4)."""
    coordinates: Floats = (profiles - public_curve(rings)) @ directions(rings).T / rings.count
    return coordinates


def curve(theta: Floats, rings: Rings) -> Floats:
    """The part of log power that four numbers tell."""
    log_power: Floats = public_curve(rings) + theta @ directions(rings)
    return log_power


def release(people: Floats, promise: SumPromise, secret: Secret) -> Release:
    """The mean of the subjects' numbers, with noise.

    Args:
        people: the mean profile's numbers of each subject, (subjects, 4).
        promise: what it may cost.
        secret: of the noise; forgotten afterwards.

    Raises:
        SettingsError: too few subjects for the noise to leave anything.
    """
    finite = np.nan_to_num(people, nan=0.0, posinf=RANGE, neginf=-RANGE)  # one odd subject must not show in the sum
    mean = noisy_mean(np.clip(finite, -RANGE, RANGE), SENSITIVITY, promise, secret)
    if mean.noise > RANGE:
        how = "as counted with noise" if promise.subjects_in_cohort is None else "as stated"
        raise SettingsError(
            f"--dp: {mean.people} subjects ({how}) at epsilon {promise.epsilon:g} need noise of {mean.noise:.2f}, more than the whole "
            f"range of {RANGE:g}; expected more subjects or a larger epsilon"
        )
    entries = promise.entries("recalibration", "number of real subjects", new_token())
    return Release(mean.values, promise.epsilon, promise.delta, mean.noise, mean.people, entries)
