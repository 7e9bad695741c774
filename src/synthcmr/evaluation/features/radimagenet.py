"""Features of a ResNet50 that learned from radiology (Mei et al. 2022), read from the file that its authors publish."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.stream import FrameBatch, Values
from synthcmr.training.weights import file_hash

AT_ONCE, SIDE, WIDTH = 32, 224, 2048
PREFIX = "backbone."
# as the published file numbers the parts of the network -> as they are called
PARTS = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}


class RadImageNetExtractor:
    """The pooled features of the first frame shown."""

    name = "radimagenet"
    columns = tuple(f"radimagenet {k}" for k in range(WIDTH))

    def __init__(self, weights: Path | None) -> None:
        """Load the published weights, ResNet50.pt.

        Raises:
            SettingsError: the file is missing or holds something else.
        """
        if weights is None or not weights.is_file():
            raise SettingsError(
                f"radimagenet: expected RadImageNet's PyTorch weights as a file, got {weights}; ask its authors for ResNet50.pt "
                "(github.com/BMEII-AI/RadImageNet) and name it with --set radimagenet=FILE"
            )
        self._network = _loaded(weights)
        self.hash = file_hash(weights)

    @torch.no_grad()
    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch: grey values from -1 to 1, as it was trained."""
        image = torch.from_numpy(np.ascontiguousarray(batch.image[:, :1], dtype=np.float32)).clamp(0, 1)
        results = []
        for part in torch.split(image, AT_ONCE):
            large = functional.interpolate(part, (SIDE, SIDE), mode="bilinear", align_corners=False)
            results.append(self._network((2 * large - 1).repeat(1, 3, 1, 1)).float().numpy())
        return np.concatenate(results)


def _loaded(weights: Path) -> nn.Module:
    from monai.networks.nets import resnet50

    network: nn.Module = resnet50(
        spatial_dims=2, n_input_channels=3, conv1_t_stride=2, feed_forward=False, bias_downsample=False
    )
    try:
        stored: dict[str, Tensor] = torch.load(weights, map_location="cpu", weights_only=True)
        network.load_state_dict(_renamed(stored))
    except Exception as error:  # what unpickling raises has no common parent
        raise _unlike(weights, str(error)) from error
    return network.eval().requires_grad_(False)


def _renamed(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of the published file, `backbone.4.0.conv1.weight`, or of an ordinary ResNet50, without its classifier."""
    results = {}
    for name, value in stored.items():
        bare = name.removeprefix("module.").removeprefix(PREFIX)
        number, dot, rest = bare.partition(".")
        if number != "fc":
            results[PARTS.get(number, number) + dot + rest] = value
    return results


def _unlike(weights: Path, what: str) -> SettingsError:
    short = " ".join(what.split())[:200]
    return SettingsError(f"radimagenet: expected {weights} to hold RadImageNet's ResNet50, got: {short}")
