"""What lies on the heart: the thin dark pericardium, and ragged fat outside it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.canvas import Tissues
from synthcmr.phantom.fields import Image
from synthcmr.phantom.points import Around
from synthcmr.phantom.thorax import FatPad
from synthcmr.phantom.tissues import Tissue

COARSE = 4  # distance to the heart is worked out on every fourth point each way
COVERED = (Tissue.LUNG, Tissue.AIR)


@dataclass(frozen=True)
class Covering:
    """The pad on the points of one slice."""

    thickness_mm: Image
    pericardium_mm: float
    pitch_mm: float

    def paint(self, tissue: Tissues, heart: Tissues) -> None:
        """Pericardium and fat on what lies around the heart, then the heart itself."""
        filled = heart > 0
        if filled.any():
            distance = _distance(filled, self.pitch_mm)
            room = (tissue == Tissue.LUNG) & ~filled
            tissue[room & (distance < self.thickness_mm)] = Tissue.VISCERAL_FAT
            # Where lung touches the heart, the pericardium is too thin to be seen.
            between = ~filled & (tissue != Tissue.AIR) & (tissue != Tissue.LUNG)
            tissue[between & (distance < self.pericardium_mm)] = Tissue.PERICARDIUM
        tissue[filled] = heart[filled]


def covering(pad: FatPad, heart: Around, height: float, rough: Image, coarse: Image, pitch_mm: float) -> Covering:
    """What the slice's frames share; there is more fat towards the apex (`height` 1) than at the base (0)."""
    more = np.float32(0.7 + 0.9 * np.clip(height, 0.0, 1.3))
    thickness = (
        more * heart.polar.at(pad.thickness_mm) * (1 + np.float32(0.4) * coarse) + np.float32(pad.rough_mm) * rough
    )
    return Covering(np.asarray(thickness, dtype=np.float32), pad.pericardium_mm, pitch_mm)


def _distance(filled: npt.NDArray[np.bool_], pitch_mm: float) -> Image:
    """Distance to the heart, mm, linear between coarse points."""
    from scipy.ndimage import distance_transform_edt

    coarse = distance_transform_edt(~filled[::COARSE, ::COARSE]).astype(np.float32) * np.float32(COARSE * pitch_mm)
    rows, columns = (_between(n, m) for n, m in zip(filled.shape, coarse.shape, strict=True))
    across = coarse[:, columns[0]] * (1 - columns[2]) + coarse[:, columns[1]] * columns[2]
    down = rows[2][:, None]
    return np.asarray(across[rows[0]] * (1 - down) + across[rows[1]] * down)


def _between(n: int, coarse: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Image]:
    place = np.arange(n) / COARSE
    first = np.minimum(place.astype(np.intp), coarse - 1)
    return first, np.minimum(first + 1, coarse - 1), (place - first).astype(np.float32)
