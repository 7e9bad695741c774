"""Single slices as PNG: grey with a stated scale, masks as label values."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Mask
from synthcmr.errors import SettingsError

COMPRESSION = 3  # noise hardly compresses; higher levels cost time and save next to nothing


@dataclass(frozen=True)
class Grey:
    """How intensities become grey values: `low` is stored as 0 and `high` as the largest value."""

    low: float
    high: float
    bits: int

    @classmethod
    def of(cls, image: npt.NDArray[np.floating], bits: int) -> "Grey":
        """One scale for a whole volume, so that its slices and frames stay comparable; 0..1 where it lies inside."""
        return cls(min(0.0, float(image.min())), max(1.0, float(image.max())), bits)

    def save(self, path: Path, plane: npt.NDArray[np.floating]) -> None:
        """Write one slice, (rows, columns)."""
        top = (1 << self.bits) - 1
        stored = np.rint((plane.astype(np.float64) - self.low) / (self.high - self.low) * top)
        _save(path, stored.astype(np.uint8 if self.bits == 8 else np.uint16))


def save_mask(path: Path, plane: Mask) -> None:
    """Write labels of one slice as 8-bit values; 255 where nobody labelled."""
    _save(path, plane)


def check_bits(bits: int) -> None:
    """Refuse what PNG cannot hold (SettingsError)."""
    if bits not in (8, 16):
        raise SettingsError(f"--bits: expected 8 or 16, got {bits}")


def _save(path: Path, values: npt.NDArray[np.generic]) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(values)).save(path, compress_level=COMPRESSION)
