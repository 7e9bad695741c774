"""Verdicts on runs: cut short, good, and made to memorise, with a network that really does each of them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from synthcmr.training.batches import Draw
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.verdict import verdict

PEOPLE, NUMBERS = 400, 40


class Regression(nn.Module):
    """y from x, with as many layers as it takes to memorise."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(NUMBERS, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        return (self.layers(batch["x"]) - batch["y"]).square().mean(), {}


class Answers:
    """Noisy answers to lines of numbers; of the people that are learned from there may be few."""

    optimizer_phases = ("answers",)

    def __init__(self, people: int) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = Regression(64)
        self._people = people
        x = torch.randn(2, PEOPLE, NUMBERS)
        self._x, self._y = x, x[:, :, :1] + torch.randn(2, PEOPLE, 1)

    def sizes(self) -> tuple[int, int]:
        return self._people, PEOPLE

    def parameters(self, turn: str) -> list[nn.Parameter]:
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> dict[str, Tensor]:
        rows = [draw.row for draw in draws]
        return {"x": self._x[int(held_out), rows], "y": self._y[int(held_out), rows]}


@pytest.mark.parametrize(
    ("people", "steps", "rate", "kind"),
    [(PEOPLE, 120, 3e-4, "still improving"), (PEOPLE, 600, 1e-3, "done"), (10, 300, 3e-4, "copying")],
)
def test_the_verdict_is_right_on_runs_made_for_it(
    tmp_path: Path, people: int, steps: int, rate: float, kind: str
) -> None:
    settings = LoopSettings(
        steps=steps, batch=16, learning_rate=rate, warmup=5, ema=0.9, precision="fp32", held_out_every=steps // 12
    )
    run = RunFolder(tmp_path / "run")
    run.start({"family": "answers", "loop": settings.model_dump(mode="json")}, [])
    Loop(Answers(people), settings, run, cpu=True).fit()
    judged = verdict(run.metrics())
    assert judged is not None
    assert judged.kind == kind
    if kind == "copying":
        assert judged.step < steps / 2
        assert f"stop at step {judged.step}" in judged.sentence


def test_nothing_is_said_without_held_out_images_and_little_of_few_looks() -> None:
    assert verdict([{"step": 10, "loss_flow": 1.0}]) is None
    judged = verdict([{"step": 10 * k, "held_out": 1.0 / k, "known": 1.0} for k in (1, 2)])
    assert judged is not None
    assert judged.kind == "too early"


def test_a_loss_that_hardly_falls_is_the_end_of_a_run() -> None:
    losses = [
        (400, 0.1371),
        (800, 0.1364),
        (1200, 0.1358),
        (1600, 0.1355),
        (2000, 0.1352),
        (2800, 0.1342),
        (3000, 0.134),
    ]
    judged = verdict([{"step": step, "held_out": loss, "known": loss} for step, loss in losses])
    assert judged is not None
    assert judged.kind == "done"
    assert judged.sentence == "Done: held-out loss fell by only 1.3 % since step 1200."


def test_a_loss_that_falls_slowly_is_no_end_of_a_run() -> None:
    losses = [(200, 0.1567), (400, 0.1536), (600, 0.1514), (800, 0.1504), (900, 0.1496)]  # a flow that was cut short
    judged = verdict([{"step": step, "held_out": loss, "known": loss} for step, loss in losses])
    assert judged is not None
    assert judged.kind == "still improving"
    assert "since step 400" in judged.sentence
