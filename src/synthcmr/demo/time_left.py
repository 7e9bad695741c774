"""How long the rest of the demo takes: known beforehand by share, corrected by how fast this machine has been so far."""

from collections.abc import Mapping, Sequence

# Core-seconds of each step on an idle machine, as `python -m benchmarks.demo_time` measures them. Quick: measured on a shared machine
# on 22 November 2026 and scaled by what a phantom took (2.4 s) beside what it takes alone (0.95 s); full: from these by what is made.
FULL_S = {
    "phantom": 150.0,
    "audit": 6.0,
    "plan": 1.0,
    "generate": 140.0,
    "recalibrate": 10.0,
    "debias": 80.0,
    "evaluate": 260.0,
    "export": 12.0,
    "report": 2.0,
}
QUICK_S = {
    "phantom": 54.0,
    "audit": 3.0,
    "plan": 1.0,
    "generate": 39.0,
    "recalibrate": 4.0,
    "debias": 10.0,
    "evaluate": 35.0,
    "export": 5.0,
    "report": 2.0,
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
