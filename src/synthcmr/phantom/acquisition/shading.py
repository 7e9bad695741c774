"""From tissue to signal: water and fat apart, with what varies within a tissue."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.acquisition.contrast import TISSUE_CODES, Contrast, is_fat
from synthcmr.phantom.anatomy.fields import Image
from synthcmr.phantom.anatomy.tissues import Tissue, Tissues

# tissue -> strength of fine, middle and coarse texture
TEXTURE: dict[Tissue, tuple[float, float, float]] = {
    Tissue.MYOCARDIUM: (0.06, 0.05, 0.05),
    Tissue.SCAR: (0.06, 0.05, 0.05),
    Tissue.PAPILLARY: (0.06, 0.05, 0.05),
    Tissue.RV_WALL: (0.08, 0.05, 0.05),
    Tissue.RV_TRABECULA: (0.10, 0.08, 0.05),
    Tissue.LV_BLOOD: (0.03, 0.03, 0.09),
    Tissue.RV_BLOOD: (0.03, 0.05, 0.12),
    Tissue.ATRIAL_BLOOD: (0.03, 0.04, 0.13),
    Tissue.OUTFLOW_BLOOD: (0.04, 0.07, 0.18),
    Tissue.LIVER: (0.05, 0.05, 0.07),
    Tissue.SPLEEN: (0.05, 0.05, 0.06),
    Tissue.MUSCLE: (0.10, 0.13, 0.10),
    Tissue.SUBCUTANEOUS_FAT: (0.05, 0.06, 0.08),
    Tissue.VISCERAL_FAT: (0.07, 0.11, 0.10),
    Tissue.EPICARDIAL_FAT: (0.07, 0.09, 0.09),
    Tissue.BONE_MARROW: (0.12, 0.18, 0.10),
    Tissue.CARTILAGE: (0.05, 0.10, 0.08),
    Tissue.GLAND: (0.08, 0.18, 0.12),
    Tissue.LUNG: (0.12, 0.14, 0.15),
    Tissue.BOWEL: (0.15, 0.35, 0.25),
    Tissue.STOMACH_FOOD: (0.25, 0.40, 0.30),
    Tissue.STOMACH_FLUID: (0.05, 0.12, 0.15),
    Tissue.STOMACH_WALL: (0.10, 0.18, 0.12),
    Tissue.OESOPHAGUS: (0.10, 0.30, 0.20),
    Tissue.KIDNEY: (0.08, 0.12, 0.10),
    Tissue.AORTA: (0.02, 0.05, 0.12),
    Tissue.VEIN: (0.02, 0.05, 0.10),
}
FAINTEST, BRIGHTEST = 0.1, 2.2  # bounds of what texture does to a tissue
ORGANS_WITH_VESSELS = (Tissue.LUNG, Tissue.LIVER)
WIDEST_STEP = 0.35  # share that one pass of the blur moves to either side, at most


@dataclass(frozen=True)
class Variation:
    """What varies within tissues, on the points of one plane."""

    fine: Image
    middle: Image
    coarse: Image
    organ: Image  # vessels and density of lung and liver: added to 1

    def part(self, box: tuple[slice, slice], coarse: Image) -> "Variation":
        """That of a window, with another coarse texture, as blood keeps flowing."""
        return Variation(self.fine[box], self.middle[box], coarse, self.organ[box])


@dataclass(frozen=True)
class Signal:
    """Signed signal of water and of fat."""

    water: Image
    fat: Image


class Shader:
    """Gives every point the signal of its tissue."""

    def __init__(self, contrast: Contrast, texture_gain: float) -> None:
        """Take the subject's contrast, and how strong textures are."""
        self._signal = contrast.signal.ravel()
        self._frequencies = contrast.signal.shape[1]
        self._fat = is_fat().astype(np.float32)
        self._texture = np.zeros((3, TISSUE_CODES), dtype=np.float32)
        for tissue, amounts in TEXTURE.items():
            self._texture[:, tissue] = np.array(amounts) * texture_gain
        self._organ = np.zeros(TISSUE_CODES, dtype=np.float32)
        self._organ[list(ORGANS_WITH_VESSELS)] = 1.0

    def shade(self, tissue: Tissues, varied: Variation, off_resonance: npt.NDArray[np.intp]) -> Signal:
        """Signal of a plane."""
        kind = tissue.astype(np.intp)
        change = np.take(self._texture[0], kind) * varied.fine
        change += np.take(self._texture[1], kind) * varied.middle
        change += np.take(self._texture[2], kind) * varied.coarse
        change += np.float32(1.0)
        np.clip(change, FAINTEST, BRIGHTEST, out=change)
        change += np.take(self._organ, kind) * varied.organ
        value = np.take(self._signal, kind * self._frequencies + off_resonance)
        value *= change
        fat = value * np.take(self._fat, kind)
        value -= fat
        return Signal(value, fat)


def mean_of(parts: list[Signal]) -> Signal:
    """Average over the thickness of a slice."""
    share = np.float32(1 / len(parts))
    water, fat = parts[0].water * share, parts[0].fat * share
    for part in parts[1:]:
        water += part.water * share
        fat += part.fat * share
    return Signal(water, fat)


def blurred(image: Image, sigma_px: float) -> Image:
    """Smoothed like a Gaussian of that width, by a few sums of shifted copies."""
    steps = [1]
    while sigma_px**2 / (2 * sum(d * d for d in steps)) > WIDEST_STEP:
        steps.append(steps[-1] * 2)
    share = np.float32(sigma_px**2 / (2 * sum(d * d for d in steps)))
    for step in steps:
        image = _spread(_spread(image, step, share).T, step, share).T
    return np.ascontiguousarray(image)


def _spread(image: Image, step: int, share: np.float32) -> Image:
    """Moves a share of every row to the rows `step` above and below; what would leave the image stays."""
    out = image * (1 - 2 * share)
    out[step:] += share * image[:-step]
    out[:-step] += share * image[step:]
    out[:step] += share * image[:step]
    out[-step:] += share * image[-step:]
    return np.asarray(out)
