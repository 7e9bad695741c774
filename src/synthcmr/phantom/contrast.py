"""How bright each tissue is in one subject: the steady state's signal, times gains that differ between people and scans."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.relaxation import FAT, TISSUE_CODES, signal_table
from synthcmr.phantom.subject import Protocol
from synthcmr.phantom.tissues import Tissue

BLOOD = (
    Tissue.LV_BLOOD,
    Tissue.RV_BLOOD,
    Tissue.ATRIAL_BLOOD,
    Tissue.OUTFLOW_BLOOD,
    Tissue.AORTA,
    Tissue.VEIN,
    Tissue.LUNG_VESSEL,
    Tissue.LIVER_VESSEL,
)
HEART_MUSCLE = (Tissue.MYOCARDIUM, Tissue.PAPILLARY, Tissue.SCAR, Tissue.RV_WALL, Tissue.RV_TRABECULA)
DEEP_FAT = (Tissue.EPICARDIAL_FAT, Tissue.VISCERAL_FAT)
REMAPPED = 0.35  # share of subjects of a varied preset whose tissues have almost any brightness
ALIKE = (0.8, 1.25)  # ratios of muscle to blood that are left out: nobody could tell them apart


@dataclass(frozen=True)
class Contrast:
    """Signed signal of every tissue at every off-resonance, and what fat and water do to each other."""

    signal: npt.NDArray[np.float32]  # (tissue code, frequency)
    blood: float  # on resonance, that the signal-to-noise ratio refers to
    fat_phase: float  # radians that fat is from the sign that the table gives it
    fat_phase_spread: float  # over the image
    fat_blur_mm: float  # how far fat and water mingle at their borders


def draw_contrast(protocol: Protocol, rng: np.random.Generator) -> Contrast:
    """Draw the gains of one subject."""
    table = signed(signal_table(protocol, rng))
    blood = float(np.abs(table[Tissue.LV_BLOOD]).max())
    gains = _gains(rng)
    if protocol.contrast_spread > 0:
        gains = gains * _any_gains(table, blood, protocol.contrast_spread, rng)
    return Contrast(
        signal=table * gains[:, None],
        blood=blood * float(gains[Tissue.LV_BLOOD]),
        fat_phase=rng.normal(0.0, 0.8),
        fat_phase_spread=rng.uniform(0.2, 1.0),
        fat_blur_mm=rng.uniform(0.5, 1.5),
    )


def signed(table: npt.NDArray[np.complex64]) -> npt.NDArray[np.float32]:
    """Signal as a signed number.

    At TE = TR/2 balanced SSFP is refocused: its phase is constant within a band of 1/TR and turns by 180 degrees from one
    band to the next. What phase is left goes with the coil's.
    """
    reference = np.exp(-1j * np.angle(table[Tissue.LV_BLOOD, table.shape[1] // 2]))
    turned = table * reference
    return np.asarray(np.abs(turned) * np.where(turned.real < 0, -1, 1), dtype=np.float32)


def _gains(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    gains = np.exp(rng.normal(0.0, 0.12, TISSUE_CODES))
    gains[list(BLOOD)] = np.exp(rng.normal(0.0, 0.04, len(BLOOD)))
    gains[list(HEART_MUSCLE)] = 1.06 * np.exp(rng.normal(0.0, 0.2)) * np.exp(rng.normal(0.0, 0.04, len(HEART_MUSCLE)))
    gains[list(DEEP_FAT)] = 0.63 * np.exp(rng.normal(0.0, 0.25))
    gains[Tissue.SUBCUTANEOUS_FAT] = 0.8 * np.exp(rng.normal(0.0, 0.25))
    return gains.astype(np.float32)


def _any_gains(
    table: npt.NDArray[np.float32], blood: float, spread: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Gains that no scanner has: each tissue's own, and in a share of subjects any brightness at all."""
    groups = (BLOOD, HEART_MUSCLE, DEEP_FAT)
    gains = np.exp(rng.normal(0.0, spread, TISSUE_CODES))
    remapped = rng.random() < REMAPPED
    if remapped:
        middle = np.abs(table[:, table.shape[1] // 2])
        wanted = blood * rng.uniform(0.03, 1.3, TISSUE_CODES)
        gains = np.where(middle > 0, wanted / np.maximum(middle, 1e-6), 1.0)
        gains[Tissue.LUNG] = rng.uniform(0.5, 6.0)
    for group in groups:
        gains[list(group)] = gains[group[0]] * np.exp(rng.normal(0.0, 0.12, len(group)))
    ratio = float(np.abs(table[Tissue.MYOCARDIUM]).max()) * gains[Tissue.MYOCARDIUM] / (blood * gains[Tissue.LV_BLOOD])
    if ALIKE[0] < ratio < ALIKE[1] or (not remapped and ratio > ALIKE[0]):
        gains[list(HEART_MUSCLE)] *= 0.5 / ratio
    return gains.astype(np.float32)


def is_fat() -> npt.NDArray[np.bool_]:
    """By tissue code."""
    codes = np.zeros(TISSUE_CODES, dtype=np.bool_)
    codes[[int(t) for t in FAT]] = True
    return codes
