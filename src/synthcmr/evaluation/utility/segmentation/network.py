"""The network that segments hearts, what it is shown, and what it is asked to minimise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.cohort.labels import Label
from synthcmr.evaluation.utility.segmentation.frames import Frames
from synthcmr.judges.augment import standardise, varied_with_mask
from synthcmr.judges.segmenter import CLASSES, SegmenterNetwork
from synthcmr.training.layout import channels_last_batch
from synthcmr.training.sample_order import Draw
from synthcmr.training.training_task import Batch

UNLABELLED = int(Label.UNLABELLED)
Patch = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]


class ExperimentSegmenter(SegmenterNetwork):
    """DynUNet whose loss leaves out unlabelled pixels."""

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy plus soft Dice of the structures, batch-wise."""
        logits = self.network(channels_last_batch(batch["image"])).float()
        mask = batch["mask"]
        known = (mask != UNLABELLED)[:, None]
        wanted = functional.one_hot(mask * known[:, 0], CLASSES).permute(0, 3, 1, 2).float() * known
        predicted = logits.softmax(dim=1) * known
        overlap = (predicted * wanted).sum(dim=(0, 2, 3))[1:]
        total = (predicted + wanted).sum(dim=(0, 2, 3))[1:]
        dice = ((2 * overlap + 1) / (total + 1)).mean()
        entropy = functional.cross_entropy(logits, mask, ignore_index=UNLABELLED, reduction="sum") / known.sum().clamp(
            1
        )
        return entropy + 1 - dice, {"dice": dice}


@dataclass(frozen=True)
class SegmentationTrainingSet:
    """What one network learns from: sets of frames, and how often each set is shown."""

    sets: tuple[Frames, ...]
    shares: tuple[float, ...]
    crop: int
    augment: bool = False

    @property
    def frequency(self) -> npt.NDArray[np.float64]:
        """Of each frame: within a set every subject is shown as often as any other, however many slices it has."""
        return np.concatenate([share * _even(part) for part, share in zip(self.sets, self.shares, strict=True)])

    def frame(self, row: int) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.uint8]]:
        """A frame by its place among those of all sets."""
        for part in self.sets:
            if row < len(part):
                return part.image[row], part.mask[row]
            row -= len(part)
        raise IndexError(row)


def _even(frames: Frames) -> npt.NDArray[np.float64]:
    count = frames.table.groupby("subject_id")["subject_id"].transform("size").to_numpy(dtype=float)
    return np.asarray(1 / count / frames.table["subject_id"].nunique())


class SegmentationTask:
    """The network in training."""

    optimizer_phases: tuple[str, ...] = ("segment",)

    def __init__(self, network: ExperimentSegmenter, learned: SegmentationTrainingSet) -> None:
        """Take a network and what it learns from."""
        self.network: nn.Module = network
        self._learned = learned

    def sizes(self) -> tuple[int, int]:
        """Number of frames; nothing is held out, as every network takes the same number of steps."""
        return sum(len(part) for part in self._learned.sets), 0

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """Everything."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Patches from anywhere in the frames: where the heart is does not decide what is shown."""
        patches = [patch(*self._learned.frame(draw.row), self._learned.crop, draw.rng) for draw in draws]
        image = torch.from_numpy(np.stack([p[0] for p in patches]))[:, None]
        mask = torch.from_numpy(np.stack([p[1] for p in patches])).long()
        if self._learned.augment:
            source = torch.Generator().manual_seed(int(draws[0].rng.integers(2**31)))
            image, mask = varied_with_mask(image, mask, source)
        return {"image": standardise(image), "mask": mask}


def patch(image: npt.NDArray[np.floating], mask: npt.NDArray[np.uint8], side: int, rng: np.random.Generator) -> Patch:
    """A square cut out at random; what lies beyond a smaller frame is black, and unlabelled."""
    rim = [(0, max(0, side - n)) for n in image.shape]
    wide, labels = np.pad(image, rim), np.pad(mask, rim, constant_values=UNLABELLED)
    top, left = (int(rng.integers(n - side + 1)) for n in wide.shape)
    window = slice(top, top + side), slice(left, left + side)
    return wide[window].astype(np.float32), labels[window]
