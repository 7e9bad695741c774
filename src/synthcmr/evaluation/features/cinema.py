"""Features of CineMA (Fu et al. 2025), a masked autoencoder of whole cine stacks that learned from UK Biobank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.stacks import LEAST_SLICES, stacks
from synthcmr.evaluation.features.stream import FrameBatch, Values
from synthcmr.training.weights import file_hash

WEIGHTS, CONFIG = "cinema.safetensors", "cinema.yaml"  # of the folder `pretrained` that its authors publish
SIDE, SLICES = 192, 16  # of a stack as it was trained on, at 1 mm in plane
WIDTH = 768


class CinemaExtractor:
    """What it says of the first frame of a whole stack; it stands with the stack's first slice, other slices have none."""

    name = "cinema"
    columns = tuple(f"cinema {k}" for k in range(WIDTH))

    def __init__(self, network: Any, weights_hash: str) -> None:
        """Take a network; `load` brings CineMA's."""
        self._network, self.hash = network, weights_hash

    @classmethod
    def load(cls, folder: Path | None) -> CinemaExtractor:
        """Build CineMA from its published files.

        Raises:
            SettingsError: the package or the files are not there.
        """
        if folder is None or not all((folder / name).is_file() for name in (WEIGHTS, CONFIG)):
            raise SettingsError(
                f"cinema: expected a folder with {WEIGHTS} and {CONFIG}, got {folder}; fetch both from 'pretrained' of "
                "huggingface.co/mathpluscode/CineMA and name the folder with --set cinema=FOLDER"
            )
        return cls(_cinema(folder), file_hash(folder / WEIGHTS))

    @torch.no_grad()
    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch."""
        result = np.full((len(batch.rows), WIDTH), np.nan, dtype=np.float32)
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
    top, left = (max(0, (n - SIDE) // 2) for n in size)
    image = image[:SLICES, top : top + SIDE, left : left + SIDE]
    image = (image - image.min()) / (image.max() - image.min()).clamp(min=1e-6)
    missing = [SIDE - image.shape[2], SIDE - image.shape[1], SLICES - image.shape[0]]
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

    network = get_model(OmegaConf.load(folder / CONFIG))
    try:
        network.load_state_dict(load_file(folder / WEIGHTS))
    except RuntimeError as error:
        raise SettingsError(f"cinema: expected {folder / WEIGHTS} to fit {CONFIG}, got: {str(error)[:200]}") from error
    return network.eval().requires_grad_(False)
