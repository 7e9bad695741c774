"""Images of hearts as data URIs, with the outlines of their masks."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.frame_times import frame_durations
from synthcmr.cohort.labels import Label
from synthcmr.cohort.writers.gif import animated_gif, gif_comment, grey_range, grey_values

OUTLINES = {Label.LV: (255, 200, 60), Label.MYOCARDIUM: (255, 95, 80), Label.RV: (90, 200, 255)}
ENLARGED = 2


def heart_picture(image: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> str:
    """A PNG data URI of one slice with the outlines of its structures.

    Args:
        image: (rows, columns), 0 to 1.
        mask: canonical labels of the same shape.
    """
    large = _enlarged(image)
    coloured = np.repeat(large[..., None], 3, axis=2)
    labels = np.kron(mask, np.ones((ENLARGED, ENLARGED), dtype=np.uint8))
    for label, colour in OUTLINES.items():
        coloured[_outline(labels == label)] = colour
    return _data(coloured)


def plain_picture(image: npt.NDArray[np.float32]) -> str:
    """A PNG data URI of one slice without outlines, so that its grain can be seen."""
    return _data(_enlarged(image))


@dataclass(frozen=True)
class PlayingPicture:
    """A cine as a page shows it."""

    moving: str  # GIF data URI, which loops
    still: str  # its first frame, for people who ask their browser for less motion


def playing_picture(image: npt.NDArray[np.float32], row: Mapping[str, Any]) -> PlayingPicture:
    """A slice that beats at its heart rate, in one grey scale.

    Args:
        image: (frames, rows, columns).
        row: of `Cohort.table`: frame times, heart rate, origin.
    """
    times = row.get("trigger_ms")
    durations = frame_durations(() if times is None else list(times), len(image), row.get("heart_rate"))
    grey = grey_values(image, *grey_range(image))
    moving = animated_gif(grey, durations, gif_comment(str(row["origin"])))
    return PlayingPicture("data:image/gif;base64," + base64.b64encode(moving).decode(), _data(grey[0]))


def _enlarged(image: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    from PIL import Image

    high = max(float(np.percentile(image, 99.8)), 1e-6)
    grey = np.clip(image / high * 255, 0, 255).astype(np.uint8)
    size = (grey.shape[1] * ENLARGED, grey.shape[0] * ENLARGED)
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC))


def _data(pixels: npt.NDArray[np.uint8]) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _outline(region: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    padded = np.pad(region, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return region & ~inner
