"""How long the rest of the demo takes: known beforehand by share, corrected by how fast this machine has been so far."""

from collections.abc import Mapping, Sequence

# Core-seconds of each step, as `python -m benchmarks.demo_time` measures them. Quick: measured on a shared machine on 26 November 2026
# with 8 people to make; full: from these by what is made. Shares matter more than sums: the pace so far corrects the sum.
FULL_S = {
    "phantom": 120.0,
    "audit": 5.0,
    "plan": 1.0,
    "generate": 160.0,
    "recalibrate": 10.0,
    "debias": 60.0,
    "evaluate": 200.0,
    "export": 15.0,
    "report": 5.0,
}
QUICK_S = {
    "phantom": 50.0,
    "audit": 3.0,
    "plan": 1.0,
    "generate": 58.0,
    "recalibrate": 5.0,
    "debias": 10.0,
    "evaluate": 48.0,
    "export": 6.0,
    "report": 5.0,
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
