"""Samples scored while a run goes on: of runs that were cut short, went well, and were made to memorise, by a painter that does each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from synthcmr.evaluation.sample_scores import sample_scores
from synthcmr.training.batches import Draw
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.training_task import Frames, SampleLook
from synthcmr.training.verdict import verdict

SIDE, PEOPLE, NUMBERS, GRAIN, DRAWN = 32, 400, 6, 0.1, 48
AWAY = np.hypot(*(np.indices((SIDE, SIDE)) - SIDE / 2 + 0.5))
MASK = np.select([AWAY < 4, AWAY < 7, AWAY < 10], [1, 2, 3], 0).astype(np.uint8)


class Painter(nn.Module):
    """A picture from a few numbers, with as many weights as it takes to know pictures by heart."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(NUMBERS, 64), nn.Tanh(), nn.Linear(64, SIDE * SIDE))

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        return (self.layers(batch["numbers"]) - batch["picture"]).square().mean(), {}


class Pictures:
    """Patterns that numbers decide, each under grain of its own; of the people that are learned from there may be few."""

    optimizer_phases = ("paint",)

    def __init__(self, people: int) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = Painter()
        self._people = people
        self._numbers = torch.randn(2, PEOPLE, NUMBERS)
        patterns = torch.from_numpy(np.random.default_rng(1).normal(size=(NUMBERS, SIDE * SIDE))).float() / 10
        plain = 0.5 + 0.1 * torch.from_numpy(np.cos(AWAY / 3)).float().flatten() + self._numbers @ patterns / 2
        self._pictures = plain + GRAIN * torch.randn(plain.shape)

    def sizes(self) -> tuple[int, int]:
        return self._people, PEOPLE

    def parameters(self, turn: str) -> list[nn.Parameter]:
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> dict[str, Tensor]:
        rows = [draw.row for draw in draws]
        return {"numbers": self._numbers[int(held_out), rows], "picture": self._pictures[int(held_out), rows]}

    @torch.no_grad()
    def look(self, network: nn.Module, grain: float) -> SampleLook:
        """Samples, with the grain of pictures where they are to look like them."""
        assert isinstance(network, Painter)
        drawn, real = [], []
        for held_out, people in ((0, self._people), (1, PEOPLE)):
            made = network.layers(self._numbers[held_out, : min(DRAWN // 2, people)])
            drawn.append(
                frames(made + grain * torch.randn(made.shape, generator=torch.Generator().manual_seed(held_out)))
            )
            real.append(frames(self._pictures[held_out, : min(PEOPLE, people)]))
        return SampleLook(*drawn, *real)


def frames(pictures: Tensor) -> Frames:
    """As the frames they stand for."""
    image = pictures.reshape(-1, 1, SIDE, SIDE).numpy()
    return Frames.of(image, np.broadcast_to(MASK, image.shape))


def trained(folder: Path, people: int, steps: int, rate: float, grain: float = GRAIN) -> RunFolder:
    """A whole run."""
    every = steps // 6
    settings = LoopSettings(
        steps=steps, batch=16, learning_rate=rate, warmup=5, ema=0.9, precision="fp32", schedule="hold",
        held_out_every=10**6, sheet_every=every, checkpoint_every=every,
    )  # fmt: skip
    run, pictures = RunFolder(folder), Pictures(people)
    run.start({"family": "pictures", "loop": settings.model_dump(mode="json")}, [])
    Loop(pictures, settings, run, cpu=True, score=lambda network: sample_scores(pictures.look(network, grain))).fit()
    return run


def samples_alone(run: RunFolder) -> list[dict[str, object]]:
    """What was measured of samples, so that no loss helps."""
    return [{"step": m["step"], "samples": m["samples"]} for m in run.metrics() if "samples" in m]


@pytest.mark.parametrize(
    ("people", "steps", "rate", "grain", "kind"),
    [
        (PEOPLE, 60, 3e-4, GRAIN, "still improving"),
        (PEOPLE, 600, 3e-3, GRAIN, "done"),
        (8, 600, 3e-3, 0.0, "copying"),
    ],
)
def test_samples_tell_runs_cut_short_from_good_ones_and_from_those_that_memorise(
    tmp_path: Path, people: int, steps: int, rate: float, grain: float, kind: str
) -> None:
    looks = samples_alone(trained(tmp_path / "run", people, steps, rate, grain))
    judged = verdict(looks)
    assert judged is not None
    assert judged.kind == kind, (judged, looks)


def test_real_images_are_no_distance_from_real_ones_and_copies_are_named() -> None:
    real = Pictures(PEOPLE)
    training, held_out = frames(real._pictures[0]), frames(real._pictures[1])
    some = Frames(training.image[:DRAWN], training.mask[:DRAWN]), Frames(held_out.image[:DRAWN], held_out.mask[:DRAWN])
    others = frames(Pictures(PEOPLE)._pictures[0, -DRAWN:]), frames(real._pictures[1, -DRAWN:])
    honest = sample_scores(SampleLook(*others, training, held_out))
    assert abs(honest["held_out"]) < 0.02
    assert honest["rings"] < 0.05
    assert honest["own_ratio"] == pytest.approx(1, abs=0.15)
    copied = sample_scores(SampleLook(some[0], others[1], training, held_out))
    assert copied["own_ratio"] < 0.1
    stolen = sample_scores(SampleLook(others[0], some[0], training, held_out))
    assert stolen["near_ratio"] < 0.1
    grey = Frames(np.full_like(some[0].image, 0.4) + some[0].image / 10, some[0].mask)
    assert sample_scores(SampleLook(grey, grey, training, held_out))["held_out"] > 0.3
