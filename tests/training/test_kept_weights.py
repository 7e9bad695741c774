"""The weights of the best look at samples: kept, taken at the end where they beat the last ones, and safe from a kill."""

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.verdict import verdict
from tests.training.making import SETTINGS, LineTrainee, weights

TEN = SETTINGS.model_copy(update={"sheet_every": 10})
FALLING = {10: 0.9, 20: 0.8, 30: 0.7, 40: 0.6}
RISING = {10: 0.9, 20: 0.3, 30: 0.7, 40: 0.8}


class Scored:
    """A loop over the line whose samples score as a table says, step by step."""

    def __init__(
        self, folder: Path, distances: dict[int, float], copies: tuple[int, ...] = (), **changes: object
    ) -> None:
        settings = LoopSettings.model_validate({**TEN.model_dump(), **changes})
        self.run, self.seen = RunFolder(folder), dict[int, np.ndarray]()
        self.run.start({"family": "line", "loop": settings.model_dump(mode="json")}, [])
        self._distances, self._copies = distances, copies
        self.loop = Loop(LineTrainee(), settings, self.run, cpu=True, score=self._score)

    def _score(self, network: nn.Module) -> dict[str, float]:
        step = self.loop.step
        self.seen[step] = weights(network)
        np.random.default_rng(0).normal()
        return {
            "held_out": self._distances[step],
            "own_ratio": 0.3 if step in self._copies else 1.0,
            "near_ratio": 1.0,
        }


def test_the_run_ends_with_the_weights_of_the_best_look_where_they_beat_the_last_ones(tmp_path: Path) -> None:
    rising = Scored(tmp_path / "rising", RISING)
    assert weights(rising.loop.fit()) == pytest.approx(rising.seen[20])
    assert rising.loop.step_of_weights == 20
    falling = Scored(tmp_path / "falling", FALLING)
    assert weights(falling.loop.fit()) == pytest.approx(falling.seen[40])
    assert falling.loop.step_of_weights == 40


def test_weights_of_looks_that_copy_are_not_taken_and_the_step_to_stop_at_is_said(tmp_path: Path) -> None:
    copying = Scored(tmp_path / "run", FALLING, copies=(30, 40))
    assert weights(copying.loop.fit()) == pytest.approx(copying.seen[20])
    judged = verdict(copying.run.metrics())
    assert judged is not None
    assert (judged.kind, judged.step) == ("copying", 20)
    assert "stop at step 20" in judged.sentence


@pytest.mark.parametrize("stop", [15, 25, 35])
def test_a_run_that_was_cut_short_ends_with_the_same_weights(tmp_path: Path, stop: int) -> None:
    whole = Scored(tmp_path / "whole", RISING)
    expected = weights(whole.loop.fit())
    Scored(tmp_path / "cut", RISING).loop.fit(until=stop)
    again = Scored(tmp_path / "cut", RISING)
    assert weights(again.loop.fit()) == pytest.approx(expected)
    assert [m["step"] for m in again.run.metrics() if "samples" in m] == [10, 20, 30, 40]
    finished = Scored(tmp_path / "cut", RISING)
    assert weights(finished.loop.fit()) == pytest.approx(expected)


def test_a_look_after_the_last_checkpoint_is_taken_again(tmp_path: Path) -> None:
    first = Scored(tmp_path / "run", RISING, checkpoint_every=15)
    first.loop._save = lambda: None  # type: ignore[method-assign]  # killed before its checkpoint was written
    first.loop.fit(until=20)
    again = Scored(tmp_path / "run", RISING, checkpoint_every=15)
    assert weights(again.loop.fit()) == pytest.approx(again.seen[20])
    assert [m["step"] for m in again.run.metrics() if "samples" in m] == [10, 20, 30, 40]


def test_scoring_changes_nothing_that_is_learned_and_can_be_switched_off(tmp_path: Path) -> None:
    scored = Scored(tmp_path / "scored", FALLING)
    off = Scored(tmp_path / "off", FALLING, scored_frames=0)
    assert weights(scored.loop.fit()) == pytest.approx(weights(off.loop.fit()), abs=0)
    assert off.seen == {}
    assert not any("samples" in m for m in off.run.metrics())
