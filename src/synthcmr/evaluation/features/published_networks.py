"""Features of networks that others trained and published.

ImageNet's Inception as torch-fidelity computes it, RadImageNet's ResNet50 (Mei et al. 2022), and CineMA (Fu et al. 2025).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.stacks import LEAST_SLICES, stacks
from synthcmr.evaluation.features.stream import FrameBatch, Values
from synthcmr.training.weights import file_hash

AT_ONCE = 32
INCEPTION_WIDTH = 2048
InceptionNetwork = Callable[[torch.Tensor], tuple[torch.Tensor, ...]]
RADIMAGENET_SIDE, RADIMAGENET_WIDTH = 224, 2048
RADIMAGENET_PREFIX = "backbone."
# as the published file numbers the parts of the network -> as they are called
RADIMAGENET_PARTS = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
CINEMA_WEIGHTS, CINEMA_CONFIG = (
    "cinema.safetensors",
    "cinema.yaml",
)  # of the folder `pretrained` that its authors publish
CINEMA_SIDE, CINEMA_SLICES = 192, 16  # of a stack as it was trained on, at 1 mm in plane
CINEMA_WIDTH = 768


class InceptionExtractor:
    """The pooled features of an ImageNet network that takes 8-bit RGB images."""

    name = "inception"

    def __init__(self, network: InceptionNetwork, weights_hash: str, width: int = INCEPTION_WIDTH) -> None:
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
    return FeatureExtractorInceptionV3(
        "inception-v3-compat", [str(INCEPTION_WIDTH)], feature_extractor_weights_path=str(weights)
    )


class RadImageNetExtractor:
    """The pooled features of the first frame shown."""

    name = "radimagenet"
    columns = tuple(f"radimagenet {k}" for k in range(RADIMAGENET_WIDTH))

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
        self._network = _radimagenet(weights)
        self.hash = file_hash(weights)

    @torch.no_grad()
    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch: grey values from -1 to 1, as it was trained."""
        image = torch.from_numpy(np.ascontiguousarray(batch.image[:, :1], dtype=np.float32)).clamp(0, 1)
        results = []
        for part in torch.split(image, AT_ONCE):
            large = functional.interpolate(
                part, (RADIMAGENET_SIDE, RADIMAGENET_SIDE), mode="bilinear", align_corners=False
            )
            results.append(self._network((2 * large - 1).repeat(1, 3, 1, 1)).float().numpy())
        return np.concatenate(results)


def _radimagenet(weights: Path) -> nn.Module:
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
        bare = name.removeprefix("module.").removeprefix(RADIMAGENET_PREFIX)
        number, dot, rest = bare.partition(".")
        if number != "fc":
            results[RADIMAGENET_PARTS.get(number, number) + dot + rest] = value
    return results


def _unlike(weights: Path, what: str) -> SettingsError:
    short = " ".join(what.split())[:200]
    return SettingsError(f"radimagenet: expected {weights} to hold RadImageNet's ResNet50, got: {short}")


class CinemaExtractor:
    """What it says of the first frame of a whole stack; it stands with the stack's first slice, other slices have none."""

    name = "cinema"
    columns = tuple(f"cinema {k}" for k in range(CINEMA_WIDTH))

    def __init__(self, network: Any, weights_hash: str) -> None:
        """Take a network; `load` brings CineMA's."""
        self._network, self.hash = network, weights_hash

    @classmethod
    def load(cls, folder: Path | None) -> CinemaExtractor:
        """Build CineMA from its published files.

        Raises:
            SettingsError: the package or the files are not there.
        """
        if folder is None or not all((folder / name).is_file() for name in (CINEMA_WEIGHTS, CINEMA_CONFIG)):
            raise SettingsError(
                f"cinema: expected a folder with {CINEMA_WEIGHTS} and {CINEMA_CONFIG}, got {folder}; fetch both from 'pretrained' of "
                "huggingface.co/mathpluscode/CineMA and name the folder with --set cinema=FOLDER"
            )
        return cls(_cinema(folder), file_hash(folder / CINEMA_WEIGHTS))

    @torch.no_grad()
    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch."""
        result = np.full((len(batch.rows), CINEMA_WIDTH), np.nan, dtype=np.float32)
        spacing = batch.spacing_mm()
        for rows in stacks(batch):
            if len(rows) >= LEAST_SLICES and np.isfinite(spacing[rows[0]]).all():
                stack = as_trained(batch.image[rows, 0], (spacing[rows[0]][0], spacing[rows[0]][1]))
                result[rows[0]] = self._network.feature_forward({"sax": stack[None, None]})["cls"][0, 0].float().numpy()
        return result


def as_trained(stack: npt.NDArray[np.floating], spacing_mm: tuple[float, float]) -> torch.Tensor:
    """A stack (slices, rows, columns) as CineMA takes it: (columns, rows, slices) at 1 mm, from 0 to 1, padded at the end."""
    size = tuple(max(1, round(n * mm)) for n, mm in zip(stack.shape[1:], spacing_mm, strict=True))
    image = torch.from_numpy(np.ascontiguousarray(stack, dtype=np.float32))[None]
    image = functional.interpolate(image, size, mode="bilinear", align_corners=False)[0]
    top, left = (max(0, (n - CINEMA_SIDE) // 2) for n in size)
    image = image[:CINEMA_SLICES, top : top + CINEMA_SIDE, left : left + CINEMA_SIDE]
    image = (image - image.min()) / (image.max() - image.min()).clamp(min=1e-6)
    missing = [CINEMA_SIDE - image.shape[2], CINEMA_SIDE - image.shape[1], CINEMA_SLICES - image.shape[0]]
    return functional.pad(image, (0, missing[0], 0, missing[1], 0, missing[2])).permute(2, 1, 0)


def _cinema(folder: Path) -> Any:
    try:
        from cinema.mae.mae import get_model
        from omegaconf import OmegaConf
    except ImportError as error:
        raise SettingsError(
            "cinema: expected CineMA (pip install omegaconf git+https://github.com/mathpluscode/CineMA; "
            f"what PyPI calls 'cinema' is another package), got: {error}"
        ) from error
    from safetensors.torch import load_file

    network = get_model(OmegaConf.load(folder / CINEMA_CONFIG))
    try:
        network.load_state_dict(load_file(folder / CINEMA_WEIGHTS))
    except RuntimeError as error:
        raise SettingsError(
            f"cinema: expected {folder / CINEMA_WEIGHTS} to fit {CINEMA_CONFIG}, got: {str(error)[:200]}"
        ) from error
    return network.eval().requires_grad_(False)
