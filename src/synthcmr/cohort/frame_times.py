"""How long each frame of a cine lasts: from its times, else from the heart rate, else as at 60 beats a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthcmr.cohort.tables import is_present

MS_PER_MINUTE = 60_000.0
ASSUMED_RATE = 60.0  # beats a minute
TimeSource = Literal["frame times", "heart rate", "assumed 60 beats a minute"]


@dataclass(frozen=True)
class FrameDurations:
    """Milliseconds that each frame is shown for, and how they are known."""

    ms: tuple[float, ...]
    source: TimeSource

    @property
    def cycle_ms(self) -> float:
        """The whole heartbeat."""
        return sum(self.ms)


def cycle_times(count: int, heart_rate: object) -> tuple[float, ...]:
    """Milliseconds after the R wave of frames that share a heartbeat evenly; empty where the heart rate is unknown."""
    rate = _rate(heart_rate)
    return () if rate is None else tuple(round(MS_PER_MINUTE / rate * k / count, 1) for k in range(count))


def frame_durations(trigger_ms: Sequence[float], count: int, heart_rate: object) -> FrameDurations:
    """Durations of the frames of a cine; the last one lasts as long as the others do on average.

    Args:
        trigger_ms: time of each frame after the R wave; empty: unknown.
        count: number of frames.
        heart_rate: beats a minute, where known.
    """
    gaps = np.diff(np.asarray(trigger_ms, dtype=np.float64))
    if len(trigger_ms) == count > 1 and np.isfinite(gaps).all() and (gaps > 0).all():
        return FrameDurations((*map(float, gaps), float(gaps.mean())), "frame times")
    rate = _rate(heart_rate)
    source: TimeSource = "assumed 60 beats a minute" if rate is None else "heart rate"
    return FrameDurations((MS_PER_MINUTE / (rate or ASSUMED_RATE) / count,) * count, source)


def _rate(heart_rate: object) -> float | None:
    """A heart rate that can be one."""
    if not is_present(heart_rate) or not isinstance(heart_rate, (int, float)):
        return None
    return float(heart_rate) if np.isfinite(heart_rate) and heart_rate > 0 else None
