"""How long the rest of the demo takes: known beforehand by share, corrected by how fast this machine has been so far."""

from collections.abc import Mapping, Sequence

# Core-seconds of each step, as `python -m benchmarks.demo_time` measured them on two cores with nothing else to do, 26 November 2026.
# Shares matter more than sums: the pace so far corrects the sum.
FULL_S = {
    "phantom": 116.0,
    "audit": 2.0,
    "plan": 1.0,
    "generate": 121.0,
    "recalibrate": 12.0,
    "debias": 47.0,
    "evaluate": 178.0,
    "export": 17.0,
    "report": 4.0,
}
QUICK_S = {
    "phantom": 48.0,
    "audit": 2.0,
    "plan": 1.0,
    "generate": 33.0,
    "recalibrate": 4.0,
    "debias": 8.0,
    "evaluate": 46.0,
    "export": 6.0,
    "report": 4.0,
}
TRUSTED_S = 20.0  # seconds of work before which the machine's own pace says little


def seconds_left(todo: Sequence[str], done: Mapping[str, float], expected: Mapping[str, float], cores: int) -> float:
    """Wall-clock seconds that steps will take.

    Args:
        todo: steps that are still to come.
        done: wall-clock seconds of those that ran just now.
        expected: core-seconds of every step.
        cores: that this machine has; more than 2 are not counted on.
    """
    shared = min(cores, 2)
    foreseen = sum(expected[name] for name in done) / shared
    pace = (sum(done.values()) + TRUSTED_S) / (foreseen + TRUSTED_S)
    return pace * sum(expected[name] for name in todo) / shared


def in_words(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 45:
        return "less than a minute"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'s' if minutes > 1 else ''}"
