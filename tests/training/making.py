"""A model whose training has a closed form, and a tiny flow, for tests of the loop."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from synthcmr.training.batches import Draw
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.settings import LoopSettings


class Line(nn.Module):
    """Learns y = 3 x - 1."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.dropout = nn.Dropout(0.1)  # so that the global random state matters

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        return (self.layer(batch["x"]) - batch["y"]).pow(2).mean() + 0.0 * self.dropout(batch["x"]).sum(), {}


class LineTrainee:
    optimizer_phases = ("line",)

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = Line()

    def sizes(self) -> tuple[int, int]:
        return 50, 10

    def parameters(self, turn: str) -> list[nn.Parameter]:
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> dict[str, Tensor]:
        x = torch.tensor([[draw.row / 25 - 1 + draw.rng.normal(0, 0.1)] for draw in draws], dtype=torch.float32)
        return {"x": x, "y": 3 * x - 1}


SETTINGS = LoopSettings(
    steps=40, batch=8, learning_rate=0.05, warmup=5, ema=0.9, precision="fp32", held_out_every=20, checkpoint_every=10
)


def loop(folder: Path, settings: LoopSettings = SETTINGS) -> Loop:
    """A loop over the line, in a folder."""
    run = RunFolder(folder)
    run.start({"family": "line", "loop": settings.model_dump(mode="json")}, [])
    return Loop(LineTrainee(), settings, run, cpu=True)


def weights(network: nn.Module) -> np.ndarray:
    """All weights in a row."""
    return torch.cat([p.detach().flatten() for p in network.parameters()]).numpy()
