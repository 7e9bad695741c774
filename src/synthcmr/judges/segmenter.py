"""Outlines the LV cavity, the myocardium and the RV cavity in any slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.config import recorded_settings
from synthcmr.judges.augment import augment, standardise
from synthcmr.judges.fitting import Limits, fit_judge
from synthcmr.judges.settings import SegmenterSettings
from synthcmr.training.device import best_device
from synthcmr.training.draws import Draw
from synthcmr.training.images import TrainingImages, load_splits
from synthcmr.training.layout import channels_last, channels_last_batch
from synthcmr.training.loop import Observer
from synthcmr.training.settings import LoopSettings
from synthcmr.training.trainee import Batch
from synthcmr.training.weights import file_hash, load_weights, read_header

CLASSES = 1 + len(STRUCTURES)
BATCH = 32


class Segmenter:
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
    def fit(
        cls,
        cohort: Cohort,
        run: Path,
        model: SegmenterSettings,
        loop: LoopSettings,
        observe: Observer | None = None,
        also: Sequence[Cohort] = (),
    ) -> Segmenter:
        """Train on the training split of a cohort with masks, and of others too; a run that was cut short goes on."""
        from synthcmr.judges.limits import segmenter_limits  # it knows both judges

        training, held_out = load_splits(cohort, int(cohort.images["n_frames"].mode()[0]), also)

        def limits(network: nn.Module) -> Limits:
            return segmenter_limits(cls(cast(SegmenterNetwork, network), "", {}), held_out or training)

        def build_trainee() -> SegmenterTrainee:
            return SegmenterTrainee(build(model), training, held_out, model.size)

        record = {"family": cls.kind, "model": model.model_dump(mode="json")}
        return cls.load(fit_judge(cohort, run, record, loop, build_trainee, limits, observe, also))

    @classmethod
    def load(cls, weights: Path) -> Segmenter:
        """Load a weights file."""
        network = build(recorded_settings(read_header(weights)["model"], SegmenterSettings, str(weights)))
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
            ready = channels_last_batch(standardise(part).to(device))
            with torch.autocast(device.type, torch.bfloat16):
                logits = self.network.network(ready)
            yield logits


class SegmenterTrainee:
    """The segmenter in training."""

    turns: tuple[str, ...] = ("segment",)

    def __init__(
        self, network: SegmenterNetwork, training: TrainingImages, held_out: TrainingImages | None, size: int
    ) -> None:
        """Take a network and the images; every frame is an image of its own."""
        self.network: nn.Module = network
        self._images = {False: training, True: held_out or training}
        self._has_held_out = held_out is not None
        self._frames, self._size = training.image.shape[1], size

    def sizes(self) -> tuple[int, int]:
        """Number of training and of held-out frames."""
        held_out = len(self._images[True]) * self._frames if self._has_held_out else 0
        return len(self._images[False]) * self._frames, held_out

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """Everything."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Frames with their masks, augmented in training."""
        images = self._images[held_out]
        places = [divmod(draw.row, self._frames) for draw in draws]
        image = torch.from_numpy(np.stack([images.image[i, f] for i, f in places]).astype(np.float32))[:, None]
        mask = torch.from_numpy(np.stack([images.mask[i, f] for i, f in places]))
        mask = torch.where(mask == int(Label.UNLABELLED), 0, mask).long()
        if held_out:
            return {"image": standardise(image), "mask": mask}
        generator = torch.Generator().manual_seed(int(draws[0].rng.integers(2**31)))
        moved, labels = augment(image, mask, self._size, generator)
        return {"image": moved, "mask": labels}


class SegmenterNetwork(nn.Module):
    """DynUNet with its loss."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy plus soft Dice over the foreground, batch-wise."""
        logits = self.network(channels_last_batch(batch["image"])).float()
        mask = batch["mask"]
        probability = logits.softmax(dim=1)
        onehot = functional.one_hot(mask, CLASSES).permute(0, 3, 1, 2).float()
        overlap = (probability * onehot).sum(dim=(0, 2, 3))[1:]
        total = (probability + onehot).sum(dim=(0, 2, 3))[1:]
        dice = ((2 * overlap + 1) / (total + 1)).mean()
        return functional.cross_entropy(logits, mask) + 1 - dice, {"dice": dice}


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
    return SegmenterNetwork(channels_last(network))


def dice(found: Mask, truth: Mask) -> dict[str, float]:
    """Dice of each structure that the truth has, over all pixels given."""
    scores = {}
    for name, label in STRUCTURES.items():
        a, b = found == label, truth == label
        if b.any():
            scores[name] = float(2 * (a & b).sum() / (a.sum() + b.sum()))
    return scores
