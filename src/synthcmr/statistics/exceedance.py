"""How many positives exceed all but the highest few negatives, and how many of these chance does not explain.

Where positives and negatives are exchangeable, the number of positives above the k-th highest negative is negative hypergeometric,
whatever the distribution of the scores. So the test is exact, and it knows that the threshold itself was estimated.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def supported_rate(negatives: int, wanted: float) -> float:
    """The false positive rate that is wanted, or the strictest that so many negatives support: one of them and a newcomer."""
    return max(wanted, 1 / (negatives + 1))


def allowed_above(negatives: int, rate: float) -> int:
    """How many negatives may lie above a threshold that a further negative exceeds at no more than this rate."""
    return int(np.floor(rate * (negatives + 1) + 1e-9)) - 1


def exceeds(positive: Numbers, negative: Numbers, rate: float) -> npt.NDArray[np.bool_]:
    """Which positives lie above the threshold of a supported rate; ties do not."""
    threshold = np.sort(negative)[len(negative) - 1 - allowed_above(len(negative), rate)]
    above: npt.NDArray[np.bool_] = positive > threshold
    return above


def chance_of_exceeding(hits: int, positives: int, negatives: int, rate: float) -> float:
    """Probability that so many positives or more exceed the threshold, where they are like negatives."""
    from scipy.stats import nhypergeom

    if hits <= 0:
        return 1.0
    if hits > positives:
        return 0.0
    return float(nhypergeom.sf(hits - 1, positives + negatives, positives, allowed_above(negatives, rate) + 1))


def surely_exceeding(hits: int, positives: int, negatives: int, rate: float, error: float) -> int:
    """Positives that exceed the threshold and are not explained by chance: a lower bound, wrong with no more than this error.

    It is the smallest number of positives without which the others, if they were like negatives, would reach so many hits by chance.
    """
    for sure in range(hits):
        if chance_of_exceeding(hits - sure, positives - sure, negatives, rate) > error:
            return sure
    return hits
