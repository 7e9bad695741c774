"""Segments the LV cavity, the myocardium and the RV cavity in any slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.errors import CohortError
from synthcmr.judges.augment import augment, standardise, varied_with_mask
from synthcmr.judges.fitting import FittedJudge, JudgeTask, Limits, StartingWeights, fill
from synthcmr.judges.settings import SegmenterSettings
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.described_network import settings_of
from synthcmr.training.device import best_device, channels_last_batch
from synthcmr.training.images import TrainingImages
from synthcmr.training.weights import file_hash, load_weights, read_header

CLASSES = 1 + len(STRUCTURES)
BATCH = 32


class Segmenter(FittedJudge[SegmenterSettings]):
    """A trained segmenter.

    Example:
        >>> labels = Segmenter.load(shipped("segmenter")).segment(cohort.image(0)[None])  # doctest: +SKIP
    """

    kind = "segmenter"

    def __init__(self, network: SegmenterNetwork, weights_hash: str, limits: Limits) -> None:
        """Use `fit` or `load`."""
        self.network = network.eval().requires_grad_(False)
        self.hash, self.limits = weights_hash, limits

    @classmethod
    def frames_of(cls, cohort: Cohort, model: SegmenterSettings) -> int:
        """As many as most images of the cohort have."""
        return int(cohort.images["n_frames"].mode()[0])

    @classmethod
    def task(
        cls,
        cohort: Cohort,
        model: SegmenterSettings,
        training: TrainingImages,
        held_out: TrainingImages | None,
        start: StartingWeights | None,
    ) -> JudgeTask:
        """A network that segments frames, one at a time."""

        def build_trainee() -> SegmenterTrainee:
            network = build(model)
            if start is not None:
                fill(network, start)
            return SegmenterTrainee(network, training, held_out, model.size, model.augmentation)

        return JudgeTask(build_trainee, {})

    @classmethod
    def limits_of(cls, network: nn.Module, images: TrainingImages) -> Limits:
        """The Dice that real slices and stacks reach with their own masks."""
        from synthcmr.judges.scores import segmenter_limits  # it knows both judges

        return segmenter_limits(cls(cast(SegmenterNetwork, network), "", {}), images)

    @classmethod
    def load(cls, weights: Path) -> Self:
        """Load a weights file."""
        network = build(settings_of(weights, SegmenterSettings))
        load_weights(network, weights)
        return cls(network.to(best_device()), file_hash(weights), read_header(weights).get("limits", {}))

    def segment(self, image: npt.NDArray[np.floating]) -> Mask:
        """Labels of images.

        Args:
            image: (..., rows, columns), 0 to 1; rows and columns multiples of 16.

        Returns:
            Same shape, canonical labels.
        """
        labels = [logits.argmax(dim=1).to(torch.uint8).cpu() for logits in self._logits(image)]
        joined: Mask = torch.cat(labels).numpy().reshape(image.shape)
        return joined

    def probabilities(self, image: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Probability of every label at every pixel.

        Args:
            image: (..., rows, columns), 0 to 1; rows and columns multiples of 16.

        Returns:
            (..., 4, rows, columns), in the order of the labels; the four add up to one.
        """
        shares = [logits.float().softmax(dim=1).cpu() for logits in self._logits(image)]
        rows, columns = image.shape[-2:]
        joined: npt.NDArray[np.float32] = torch.cat(shares).numpy()
        return joined.reshape(*image.shape[:-2], CLASSES, rows, columns)

    @torch.no_grad()
    def _logits(self, image: npt.NDArray[np.floating]) -> Iterator[Tensor]:
        """What the network says of images, a batch at a time."""
        device = next(self.network.parameters()).device
        flat = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32)).reshape(-1, 1, *image.shape[-2:])
        for part in torch.split(flat, BATCH):
            ready = _laid_out(standardise(part).to(device))
            with torch.autocast(device.type, torch.bfloat16):
                logits = self.network.network(ready)
            yield logits


class SegmenterTrainee:
    """The segmenter in training."""

    optimizer_phases: tuple[str, ...] = ("segment",)

    def __init__(
        self,
        network: SegmenterNetwork,
        training: TrainingImages,
        held_out: TrainingImages | None,
        size: int,
        augmentation: str = "strong",
    ) -> None:
        """Take a network and the images; every labelled frame is an image of its own.

        Raises:
            CohortError: no training frame has a mask.
        """
        self.network: nn.Module = network
        self._images = {False: training, True: held_out or training}
        self._places = {which: _labelled_frames(images.mask) for which, images in self._images.items()}
        self._has_held_out = held_out is not None
        self._size, self._augmentation = size, augmentation
        if not self._places[False]:
            raise CohortError("judge fit segmenter: expected training images with masks, got none; label them first")

    def sizes(self) -> tuple[int, int]:
        """Number of training and of held-out frames."""
        return len(self._places[False]), len(self._places[True]) if self._has_held_out else 0

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """Everything."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Frames with their masks, augmented in training."""
        images = self._images[held_out]
        places = [self._places[held_out][draw.row] for draw in draws]
        image = torch.from_numpy(np.stack([images.image[i, f] for i, f in places]).astype(np.float32))[:, None]
        mask = torch.from_numpy(np.stack([images.mask[i, f] for i, f in places]))
        drawn = _drawn(mask)
        mask = torch.where(mask == int(Label.UNLABELLED), 0, mask).long()
        if held_out:
            return {"image": standardise(image), "mask": mask, "drawn": drawn}
        generator = torch.Generator().manual_seed(int(draws[0].rng.integers(2**31)))
        moved, labels = self._augmented(image, mask, generator)
        return {"image": moved, "mask": labels, "drawn": drawn}

    def _augmented(self, image: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if self._augmentation == "strong":
            return augment(image, mask, self._size, generator)
        moved, labels = varied_with_mask(image, mask, generator)
        return standardise(moved), labels


def _labelled_frames(mask: Mask) -> list[tuple[int, int]]:
    """(image, frame) of every frame with a labelled pixel."""
    rows, frames = np.nonzero((mask != Label.UNLABELLED).any(axis=(2, 3)))
    return list(zip(rows.tolist(), frames.tolist(), strict=True))


def _drawn(mask: Tensor) -> Tensor:
    """Which labels a mask (batch, rows, columns) tells apart, (batch, classes).

    Where pixels are unlabelled, structures that do not occur were not drawn: what is there may be one of them.
    """
    occurs = torch.stack([(mask == label).flatten(1).any(dim=1) for label in range(CLASSES)], dim=1)
    whole = ~(mask == int(Label.UNLABELLED)).flatten(1).any(dim=1)
    drawn = occurs | whole[:, None]
    drawn[:, 0] = True
    return drawn


class SegmenterNetwork(nn.Module):
    """DynUNet with its loss."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy plus soft Dice over the foreground, batch-wise, of what each mask draws."""
        logits = self.network(_laid_out(batch["image"])).float()
        mask, drawn = batch["mask"], batch.get("drawn")
        log_probability = logits.log_softmax(dim=1)
        if drawn is not None and not bool(drawn.all()):
            log_probability = _without(log_probability, drawn)
        probability = log_probability.exp()
        onehot = functional.one_hot(mask, CLASSES).permute(0, 3, 1, 2).float()
        overlap = (probability * onehot).sum(dim=(0, 2, 3))[1:]
        total = (probability + onehot).sum(dim=(0, 2, 3))[1:]
        dice = ((2 * overlap + 1) / (total + 1)).mean()
        return functional.nll_loss(log_probability, mask) + 1 - dice, {"dice": dice}


def _without(log_probability: Tensor, drawn: Tensor) -> Tensor:
    """Structures that a mask does not draw count as its background, (batch, classes, rows, columns)."""
    keep = drawn[:, :, None, None]
    other = ~keep
    other[:, 0] = True
    low = torch.finfo(log_probability.dtype).min / 4  # not minus infinity, whose gradient is no number
    background = torch.where(other, log_probability, low).logsumexp(dim=1, keepdim=True)
    return torch.cat([background, torch.where(keep, log_probability, low)[:, 1:]], dim=1)


def build(settings: SegmenterSettings) -> SegmenterNetwork:
    """An untrained segmenter."""
    from monai.networks.nets import DynUNet

    filters = list(settings.filters)
    strides = [1] + [2] * (len(filters) - 1)
    network = DynUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=CLASSES,
        kernel_size=[3] * len(filters),
        strides=strides,
        upsample_kernel_size=strides[1:],
        filters=filters,
        norm_name=("INSTANCE", {"affine": True}),
    )
    return SegmenterNetwork(network)


def _laid_out(batch: Tensor) -> Tensor:
    """Channels last on cards; on CPUs instance norms would turn every layer round, a third of the time."""
    return channels_last_batch(batch) if batch.is_cuda else batch


def dice(segmented: Mask, truth: Mask) -> dict[str, float]:
    """Dice of each structure that the truth has, over all pixels given."""
    scores = {}
    for name, label in STRUCTURES.items():
        a, b = segmented == label, truth == label
        if b.any():
            scores[name] = float(2 * (a & b).sum() / (a.sum() + b.sum()))
    return scores
