"""One number that makes another one what is wanted, where looking is slow and a little noisy."""

import math
from collections.abc import Callable

TRIES = 7
TOLERANCE = 0.01  # relative
FARTHEST = 2.5  # what is told is never more than so many times what is wanted, nor less than its inverse
SLOPES = (0.3, 3.0)  # of logarithms; a slope beyond them is noise


def solved(shown: Callable[[float], float], wanted: float) -> float:
    """The number for which `shown` comes closest to what is wanted, by the secant rule on logarithms.

    Args:
        shown: what a told number leads to; both positive.
        wanted: what it shall lead to.
    """
    goal, slope = math.log(wanted), 1.0
    told = best = goal
    least = math.inf
    before: tuple[float, float] | None = None
    for _ in range(TRIES):
        seen = math.log(max(shown(math.exp(told)), 1e-3))
        if abs(seen - goal) < least:
            best, least = told, abs(seen - goal)
        if least < TOLERANCE:
            break
        if before is not None and abs(told - before[0]) > 1e-6:
            slope = min(max((seen - before[1]) / (told - before[0]), SLOPES[0]), SLOPES[1])
        before = told, seen
        reach = math.log(FARTHEST)
        told = min(max(told + (goal - seen) / slope, goal - reach), goal + reach)
    return math.exp(best)
