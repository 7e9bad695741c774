"""Pixels of a stack of DICOM frames."""

import numpy as np

from synthcmr.cohort.readers.archive import Entry
from synthcmr.cohort.readers.dicom_files import Pixels, decode
from synthcmr.cohort.readers.dicom_headers import Frame
from synthcmr.errors import ReadError


def load_slices(slices: list[list[Frame]]) -> tuple[dict[int, Pixels], list[tuple[int, str]]]:
    """Decode a stack slice by slice.

    Args:
        slices: frames, slices x phases.

    Returns:
        (phases, rows, columns) per slice that could be read, as stored integers or, where any frame is rescaled, as
        float32; and (slice, reason) for the others.
    """
    rescaled = any((f.slope, f.intercept) != (1.0, 0.0) for cine in slices for f in cine)
    decoder = _Decoder()
    read: dict[int, Pixels] = {}
    failed: list[tuple[int, str]] = []
    for i, cine in enumerate(slices):
        try:
            images = [decoder.frame(f) for f in cine]
        except ReadError as error:
            failed.append((i, str(error)))
            continue
        if rescaled:
            images = [
                image.astype(np.float32) * np.float32(f.slope) + np.float32(f.intercept)
                for image, f in zip(images, cine, strict=True)
            ]
        read[i] = np.stack(images)
    return read, failed


class _Decoder:
    """Decodes frames, keeping the last file, so that a multi-frame file is decoded once."""

    def __init__(self) -> None:
        self._entry: Entry | None = None
        self._pixels: Pixels = np.empty(0)

    def frame(self, frame: Frame) -> Pixels:
        if self._entry is not frame.entry:
            self._pixels, self._entry = decode(frame.entry), frame.entry
        image = self._pixels if frame.index is None or self._pixels.ndim == 2 else self._pixels[frame.index]
        if image.shape != frame.shape:
            raise ReadError(f"{frame.entry.base}: expected an image of {frame.shape}, got {image.shape}")
        return image
