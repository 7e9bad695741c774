"""The table of the teaching benchmark."""

import json
from pathlib import Path

import pandas as pd
import pytest
from benchmarks.teaching import in_words, still_falling


def slices(weights: str, cohort: str, overlap: int) -> pd.DataFrame:
    """Two patients whose structures have 100 pixels drawn and 100 outlined, with a known overlap."""
    row = {"weights": weights, "cohort": cohort, "stack": 0, "frame": 0, "slice": 0, "level": "mid", "phase": "ED"}
    row |= {"group": "", "both": overlap, "outlined": 100, "drawn": 100}
    return pd.DataFrame(
        [row | {"patient": who, "structure": name} for who in ("a", "b") for name in ("lv", "myo", "rv")]
    )


def test_arms_are_told_with_their_mean_over_seeds_and_the_range() -> None:
    parts = [("refined seed 0", "home", 80), ("refined seed 1", "home", 90), ("refined seed 0", "abroad", 60)]
    parts += [("patients seed 0", "home", 95)]
    falling = {"refined seed 0": 0.02, "refined seed 1": 0.04, "patients seed 0": 0.01}
    text = in_words(pd.concat([slices(*part) for part in parts], ignore_index=True), falling)
    refined = next(line for line in text.splitlines() if line.startswith("| refined"))
    assert "0.850 (0.800 to 0.900)" in refined
    assert "| 0.600 |" in refined
    assert "| 3% | 0, 1 |" in refined
    assert "| patients | 0.950 |" in text


def test_a_network_that_still_learns_is_seen(tmp_path: Path) -> None:
    looks = [{"step": step, "held_out": loss} for step, loss in ((25, 1.0), (50, 0.6), (75, 0.5), (100, 0.4))]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(look) + "\n" for look in looks))
    assert still_falling(tmp_path) == pytest.approx(0.2)
