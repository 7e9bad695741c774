"""How bright each tissue is in one subject: relaxation times, the steady state's signal, gains, and what varies within a tissue.

Times: Stanisz 2005 and the IT'IS tables as collected in the literature. Proton densities of solid organs are lowered so
that ratios to blood equal what real short-axis cine shows; magnetisation transfer is the likely cause, and is not simulated.
Those of vessels in lung and liver are raised, because fresh blood flows into the slice there. The right heart's blood is venous:
its T2 is shorter, which makes it as much darker than the left's as ACDC shows. Glands of the breast are mixed with fat, and shift with it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.anatomy.fields import Image
from synthcmr.phantom.anatomy.tissues import Tissue, Tissues
from synthcmr.phantom.subject import Protocol

Times = tuple[float, float, float]  # T1 ms, T2 ms, proton density relative to water

# tissue -> at 1.5 T, at 3 T
RELAXATION: dict[Tissue, tuple[Times, Times]] = {
    Tissue.LV_BLOOD: ((1500, 260, 0.95), (1850, 230, 0.95)),
    Tissue.RV_BLOOD: ((1550, 160, 0.95), (1800, 132, 0.95)),
    Tissue.MYOCARDIUM: ((1030, 46, 0.92), (1400, 47, 0.90)),
    Tissue.PAPILLARY: ((1030, 54, 0.95), (1400, 54, 0.92)),
    Tissue.RV_WALL: ((1030, 46, 0.90), (1400, 45, 0.85)),
    Tissue.RV_TRABECULA: ((1030, 78, 0.95), (1400, 72, 0.90)),
    Tissue.SCAR: ((1200, 60, 0.92), (1500, 58, 0.90)),
    Tissue.ATRIAL_BLOOD: ((1500, 210, 0.90), (1850, 180, 0.90)),
    Tissue.ATRIAL_WALL: ((1030, 40, 0.60), (1400, 45, 0.60)),
    Tissue.OUTFLOW_BLOOD: ((1500, 250, 0.85), (1850, 220, 0.85)),
    Tissue.EPICARDIAL_FAT: ((340, 100, 0.75), (380, 95, 0.75)),
    Tissue.PERICARDIUM: ((900, 30, 0.45), (1100, 30, 0.45)),
    Tissue.LUNG: ((1200, 30, 0.44), (1300, 25, 0.37)),
    Tissue.LUNG_VESSEL: ((1500, 220, 1.25), (1800, 150, 1.25)),
    Tissue.LIVER: ((576, 46, 0.60), (812, 42, 0.55)),
    Tissue.LIVER_VESSEL: ((1500, 200, 1.20), (1800, 150, 1.20)),
    Tissue.SPLEEN: ((1057, 79, 0.58), (1328, 61, 0.58)),
    Tissue.STOMACH_WALL: ((1000, 45, 0.65), (1350, 45, 0.65)),
    Tissue.STOMACH_FLUID: ((2200, 500, 0.72), (2500, 400, 0.72)),
    Tissue.GAS: ((1000, 20, 0.01), (1000, 20, 0.01)),
    Tissue.BOWEL: ((900, 80, 0.60), (1200, 70, 0.60)),
    Tissue.KIDNEY: ((900, 80, 0.70), (1200, 75, 0.70)),
    Tissue.MUSCLE: ((1008, 42, 0.82), (1412, 42, 0.77)),
    Tissue.SUBCUTANEOUS_FAT: ((330, 95, 0.85), (370, 90, 0.85)),
    Tissue.VISCERAL_FAT: ((330, 95, 0.80), (370, 90, 0.80)),
    Tissue.BONE_MARROW: ((540, 50, 0.50), (580, 49, 0.50)),
    Tissue.CORTICAL_BONE: ((300, 8, 0.20), (300, 6, 0.20)),
    Tissue.AORTA: ((1500, 250, 0.85), (1850, 220, 0.85)),
    Tissue.VEIN: ((1500, 180, 0.85), (1700, 100, 0.85)),
    Tissue.SKIN: ((800, 30, 0.50), (1000, 30, 0.50)),
    Tissue.CARTILAGE: ((1000, 32, 0.62), (1150, 30, 0.60)),
    Tissue.GLAND: ((420, 85, 0.64), (470, 80, 0.64)),
    Tissue.OESOPHAGUS: ((950, 46, 0.70), (1300, 44, 0.70)),
    Tissue.STOMACH_FOOD: ((700, 70, 0.70), (900, 60, 0.70)),
    Tissue.AIR: ((1000, 20, 0.0), (1000, 20, 0.0)),
}
FAT = frozenset(
    {Tissue.EPICARDIAL_FAT, Tissue.SUBCUTANEOUS_FAT, Tissue.VISCERAL_FAT, Tissue.GLAND}
)  # glands lie in fat
FAT_SHIFT_HZ_PER_T = -147.0  # 3.45 ppm
TISSUE_CODES = 64
OFF_RESONANCE_HZ = np.arange(-400.0, 401.0)

Complex = npt.NDArray[np.complex64]
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


def bssfp(
    t1: float, t2: float, tr: float, te: float, flip_deg: float, df: npt.NDArray[np.floating]
) -> npt.NDArray[np.complex128]:
    """Steady-state signal of balanced SSFP for unit magnetisation (Freeman-Hill form, alternating phase).

    Args:
        t1: ms.
        t2: ms.
        tr: repetition time, ms.
        te: echo time, ms.
        flip_deg: flip angle, degrees.
        df: off-resonance, Hz.
    """
    e1, e2, a = np.exp(-tr / t1), np.exp(-tr / t2), np.radians(flip_deg)
    th = 2.0 * np.pi * df * tr / 1000.0 + np.pi
    d = (1 - e1 * np.cos(a)) * (1 - e2 * np.cos(th)) - e2 * (e1 - np.cos(a)) * (e2 - np.cos(th))
    mx = (1 - e1) * np.sin(a) * (1 - e2 * np.cos(th)) / d
    my = (1 - e1) * np.sin(a) * e2 * np.sin(th) / d
    return (mx + 1j * my) * np.exp(-te / t2) * np.exp(2j * np.pi * df * te / 1000.0)


def signal_table(protocol: Protocol, rng: np.random.Generator) -> Complex:
    """Signal of every tissue at every off-resonance of OFF_RESONANCE_HZ, (tissue code, frequency).

    Relaxation times differ a little between people.
    """
    field = 1 if protocol.field_strength_t > 2 else 0
    table = np.zeros((TISSUE_CODES, OFF_RESONANCE_HZ.size), dtype=np.complex64)
    for tissue, times in RELAXATION.items():
        t1, t2, density = times[field]
        t1, t2, density = t1 * _spread(rng, 0.04), t2 * _spread(rng, 0.06), density * _spread(rng, 0.04)
        shift = FAT_SHIFT_HZ_PER_T * protocol.field_strength_t if tissue in FAT else 0.0
        signal = bssfp(t1, t2, protocol.tr_ms, protocol.te_ms, protocol.flip_deg, OFF_RESONANCE_HZ + shift)
        table[tissue] = density * signal
    return table


def _spread(rng: np.random.Generator, sigma: float) -> float:
    return float(np.exp(rng.normal(0.0, sigma)))


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
ALIKE = (0.8, 1.25)  # ratios of muscle to blood that are left out: they could not be distinguished


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
        image = _moved_aside(_moved_aside(image, step, share).T, step, share).T
    return np.ascontiguousarray(image)


def _moved_aside(image: Image, step: int, share: np.float32) -> Image:
    """Moves a share of every row to the rows `step` above and below; what would leave the image stays."""
    out = image * (1 - 2 * share)
    out[step:] += share * image[:-step]
    out[:-step] += share * image[step:]
    out[:step] += share * image[:step]
    out[-step:] += share * image[-step:]
    return np.asarray(out)
