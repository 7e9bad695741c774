"""Features of ImageNet's Inception, as torch-fidelity computes them: for comparing with published FIDs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.stream import FrameBatch, Values
from synthcmr.training.weights import file_hash

AT_ONCE = 32
WIDTH = 2048
Network = Callable[[torch.Tensor], tuple[torch.Tensor, ...]]


class InceptionExtractor:
    """The pooled features of an ImageNet network that takes 8-bit RGB images."""

    name = "inception"

    def __init__(self, network: Network, weights_hash: str, width: int = WIDTH) -> None:
        """Take a network; `load` brings torch-fidelity's."""
        self._network, self.hash = network, weights_hash
        self.columns = tuple(f"inception {k}" for k in range(width))

    @classmethod
    def load(cls, weights: Path | None) -> Self:
        """Build torch-fidelity's network.

        Raises:
            SettingsError: torch-fidelity or the weights are not there.
        """
        if weights is None or not weights.is_file():
            raise SettingsError(
                f"inception: expected torch-fidelity's weights as a file, got {weights}; download "
                "weights-inception-2015-12-05-6726825d.pth from its releases and name it with --set inception=FILE"
            )
        return cls(_torch_fidelity(weights), file_hash(weights))

    @torch.no_grad()
    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch, of the first frame."""
        grey = np.clip(batch.image[:, :1] * 255 + 0.5, 0, 255).astype(np.uint8)
        results = []
        for k in range(0, len(grey), AT_ONCE):
            part = torch.from_numpy(np.repeat(grey[k : k + AT_ONCE], 3, axis=1))
            results.append(self._network(part)[0].float().numpy())
        return np.concatenate(results)


def _torch_fidelity(weights: Path) -> Any:
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except (ImportError, RuntimeError) as error:  # RuntimeError: its torchvision does not fit torch
        raise SettingsError(
            f"inception: expected torch-fidelity (pip install 'synthcmr[inception]'), got: {error}"
        ) from error
    return FeatureExtractorInceptionV3("inception-v3-compat", [str(WIDTH)], feature_extractor_weights_path=str(weights))
