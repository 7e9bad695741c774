r"""Errors without random noise: PIA and SecMI, for flows and diffusions alike.

Both ask where the model's own noise leads. A point between image x_1 and noise z at time t is told by (x_1, z, t), and the odds of
noise are r_t = (1 - t) / t on the straight line and on the arc of diffusions, which differ in length alone. With the model's estimate
e = e(x_1, z, t), a deterministic step (DDIM) from t to s keeps the estimated image and the estimated noise, so that in these coordinates
z' = e + r_t / r_s (z - e). An image that was learned by heart is estimated as it is: then z' = z.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from synthcmr.conditioning.condition import Condition
from synthcmr.evaluation.privacy.attack_target import ErrorAccess, NoiseAccess
from synthcmr.evaluation.privacy.interval_estimates import Floats
from synthcmr.evaluation.privacy.membership.error_power import log_power

Noise = npt.NDArray[np.float32]
CLEAN = 0.98  # time at which the model is asked for the noise of an image that has none
PROXIMAL = (0.3, 0.5, 0.7)  # times at which PIA asks about its own noise
INVERSION = (0.9, 0.8, 0.7, 0.6)  # times that SecMI goes through; the step between the last two is made there and back


class DeterministicErrors(NamedTuple):
    """Logarithms of mean squared errors of each image."""

    proximal: Floats  # PIA (Kong et al. 2024), mean over times
    step: Floats  # SecMI (Duan et al. 2023), of the step there and back


def deterministic_errors(
    images: npt.NDArray[np.floating], conditions: Sequence[Condition], model: ErrorAccess
) -> DeterministicErrors | None:
    """Both of some images; None of models that know no time.

    Args:
        images: (images, frames, rows, columns), 0 to 1.
        conditions: under which they would be made.
        model: that is attacked.
    """
    if not isinstance(model, NoiseAccess):
        return None
    own = model.noise_estimates(images, conditions, CLEAN, None)
    if own is None:
        return None

    def estimate(time: float, noise: Noise) -> Noise:
        return cast(Noise, model.noise_estimates(images, conditions, time, noise))  # it knows time, so it answers

    proximal = np.mean([log_power(estimate(time, own) - own) for time in PROXIMAL], axis=0)
    z = own
    for start, end in itertools.pairwise(INVERSION):
        z = _moved(z, estimate(start, z), start, end)
    start, end = INVERSION[-2:]
    there = _moved(z, estimate(start, z), start, end)
    back = _moved(there, estimate(end, there), end, start)
    return DeterministicErrors(proximal, log_power(back - z))


def _moved(noise: Noise, estimate: Noise, start: float, end: float) -> Noise:
    """The noise after a deterministic step between two times."""
    share = np.float32(_odds(start) / _odds(end))
    moved: Noise = estimate + share * (noise - estimate)
    return moved


def _odds(time: float) -> float:
    return (1 - time) / time
