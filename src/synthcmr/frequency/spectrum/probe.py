"""Can a straight line, or a small network that sees detail alone, tell real from synthetic? Measures of a bias."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.frequency.fourier import Floats
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.settings import LoopSettings

FOLDS = 5


def probe_scores(rows: Floats, label: npt.NDArray[np.int64], subject: npt.NDArray[np.object_], seed: int) -> Floats:
    """How synthetic each row looks to a logistic regression that has not seen its subject."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, class_weight="balanced"))
    folds = StratifiedGroupKFold(folds_of(label, subject), shuffle=True, random_state=seed)
    with threadpool_limits(1):  # the problem is so small that threads wait for each other most of the time
        scores: Floats = cross_val_predict(
            line, rows, label, groups=subject.astype(str), cv=folds, method="decision_function"
        )
    return scores


def folds_of(label: npt.NDArray[np.int64], subject: npt.NDArray[np.object_], most: int = FOLDS) -> int:
    """As many folds as each side has subjects for."""
    return min(most, *(len(set(subject[label == k])) for k in (0, 1)))


def both_sides(
    real: Floats, synthetic: Floats, real_subject: npt.NDArray[np.object_], synthetic_subject: npt.NDArray[np.object_]
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """Rows, labels (1: synthetic) and subjects of two sets; names are kept apart."""
    label = np.repeat([0, 1], [len(real), len(synthetic)]).astype(np.int64)
    subject = np.array([f"real/{s}" for s in real_subject] + [f"made/{s}" for s in synthetic_subject], dtype=object)
    return np.concatenate([real, synthetic]), label, subject


DETAIL_FOLDS = 3
AT_ONCE = 64
PIECE = 64  # side of what it learns from; whole images are scored
Pixels = npt.NDArray[np.float16]


class DetailNetwork(nn.Module):
    """Three strided convolutions, and the mean and spread of what they find."""

    def __init__(self) -> None:
        """Build it."""
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((1, 16), (16, 32), (32, 48)):
            layers += [nn.Conv2d(before, after, 5, stride=2, padding=2), nn.GroupNorm(4, after), nn.ReLU()]
        self.features, self.last = nn.Sequential(*layers), nn.Linear(48, 1)

    def look(self, image: Tensor) -> Tensor:
        """Log-odds of being synthetic."""
        score: Tensor = self.last(self.features(image).mean(dim=(2, 3)))[:, 0]
        return score

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy."""
        return functional.binary_cross_entropy_with_logits(self.look(batch["image"]), batch["label"]), {}


class DetailTrainee:
    """The network in training."""

    optimizer_phases: tuple[str, ...] = ("tell",)

    def __init__(self, image: Pixels, label: npt.NDArray[np.int64]) -> None:
        """Take images and labels."""
        self.network: nn.Module = DetailNetwork()
        self._image, self._label = image, label

    def sizes(self) -> tuple[int, int]:
        """Number of images; nothing is watched."""
        return len(self._image), 0

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """Everything."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Pieces of images, flipped at random."""
        image = np.stack([_piece(self._image[d.row], d.rng) for d in draws]).astype(np.float32)
        label = self._label[[d.row for d in draws]].astype(np.float32)
        return {"image": torch.from_numpy(image)[:, None], "label": torch.from_numpy(label)}


def detail_scores(
    image: Pixels, label: npt.NDArray[np.int64], subject: npt.NDArray[np.object_], steps: int, seed: int
) -> Floats:
    """How synthetic each image looks to a network that has not seen its subject."""
    from sklearn.model_selection import StratifiedGroupKFold

    scores = np.zeros(len(image))
    folds = StratifiedGroupKFold(folds_of(label, subject, DETAIL_FOLDS), shuffle=True, random_state=seed)
    for training, tested in folds.split(image, label, subject.astype(str)):
        network = _trained(image[training], label[training], steps, seed)
        scores[tested] = _scored(network, image[tested])
    return scores


def _trained(image: Pixels, label: npt.NDArray[np.int64], steps: int, seed: int) -> DetailNetwork:
    loop = LoopSettings(
        steps=steps,
        batch=32,
        learning_rate=2e-3,
        warmup=min(10, steps),
        ema=0.95,
        precision="fp32",
        seed=seed,
        checkpoint_every=10**6,
        held_out_every=10**6,
        sheet_every=10**6,
    )
    share = 1 / np.bincount(label, minlength=2)[label]
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(seed)
        network = Loop(DetailTrainee(image, label), loop, RunFolder(Path(folder)), weights=share).fit()
    return cast(DetailNetwork, network.eval())


@torch.no_grad()
def _scored(network: DetailNetwork, image: Pixels) -> Floats:
    device = next(network.parameters()).device
    parts = torch.split(torch.from_numpy(image.astype(np.float32))[:, None], AT_ONCE)
    return torch.cat([network.look(part.to(device)).cpu() for part in parts]).double().numpy()


def _piece(image: Pixels, rng: np.random.Generator) -> Pixels:
    side = min(PIECE, *image.shape)
    top, left = (int(rng.integers(n - side + 1)) for n in image.shape)
    piece = image[top : top + side, left : left + side]
    turned = piece[:: 1 if rng.random() < 0.5 else -1, :: 1 if rng.random() < 0.5 else -1]
    return turned.T if rng.random() < 0.5 else turned
