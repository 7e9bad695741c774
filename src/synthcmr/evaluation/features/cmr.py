"""Features of cardiac MRI: what a reader sees before it answers. The one that ships learned from phantoms alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.stream import FrameBatch, Values
from synthcmr.judges.augment import standardise
from synthcmr.judges.encoder import ImageEncoder
from synthcmr.judges.reader import AttributeReader
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import read_header, weights_file

AT_ONCE = 64


class CmrExtractor:
    """What an encoder makes of an image, or an attribute reader before its answers."""

    name = "cmr"

    def __init__(self, run: Path | None = None) -> None:
        """Load what was trained with `synthcmr judge fit encoder` or `fit reader`, or what ships.

        Raises:
            SettingsError: it is another kind of network.
        """
        self._reader = _loaded(weights_file(run) if run else shipped("reader"))
        self.hash = self._reader.hash
        self.columns = tuple(f"cmr {k}" for k in range(self._reader.network.head.in_features))

    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch."""
        return self.of_images(batch.image)

    def of_images(self, image: npt.NDArray[np.floating]) -> Values:
        """Numbers of images (images, frames, rows, columns)."""
        return seen(self._reader, _with_frames(image, self._reader.frames)).astype(np.float32)


def _loaded(weights: Path) -> AttributeReader | ImageEncoder:
    family = read_header(weights).get("family")
    if family == ImageEncoder.kind:
        return ImageEncoder.load(weights)
    if family == AttributeReader.kind:
        return AttributeReader.load(weights)
    raise SettingsError(
        f"--encoder {weights}: expected an encoder or a reader ('synthcmr judge fit encoder'), got a {family}"
    )


@torch.no_grad()
def seen(reader: AttributeReader | ImageEncoder, image: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """What a reader sees in images (images, frames, rows, columns) before it answers, (images, width)."""
    result, device = [], next(reader.network.parameters()).device
    for k in range(0, len(image), AT_ONCE):
        part = torch.from_numpy(np.ascontiguousarray(image[k : k + AT_ONCE], dtype=np.float32))
        result.append(reader.network.network(standardise(part).to(device)).double().cpu().numpy())
    return np.concatenate(result)


def _with_frames(image: npt.NDArray[np.floating], frames: int) -> npt.NDArray[np.floating]:
    """As many frames as the reader looks at: a single one is shown again, as of a heart that stands still."""
    return image[:, np.linspace(0, image.shape[1] - 1, frames).round().astype(int)]
