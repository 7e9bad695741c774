"""One phantom subject: who it is, what its heart shall measure, and how it was scanned."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class HeartTargets:
    """What the heart of a subject shall measure; masks of its short-axis stack are solved to show it.

    Volumes and mass follow the convention of ACDC and UK Biobank contours: papillary muscles and trabeculae count as blood.
    """

    lv_edv_ml: float
    lv_esv_ml: float
    lv_mass_g: float
    rv_edv_ml: float
    rv_esv_ml: float

    @property
    def lv_ef_percent(self) -> float:
        """LV ejection fraction, in percent."""
        return 100.0 * (self.lv_edv_ml - self.lv_esv_ml) / self.lv_edv_ml

    @property
    def rv_ef_percent(self) -> float:
        """RV ejection fraction, in percent."""
        return 100.0 * (self.rv_edv_ml - self.rv_esv_ml) / self.rv_edv_ml


@dataclass(frozen=True)
class Protocol:
    """How the subject is scanned: everything the simulated scanner needs to know."""

    vendor: str  # "Siemens", "Philips", "GE", "Canon"
    field_strength_t: float
    centre: str
    pixel_mm: float  # reconstructed pixel, square
    matrix: tuple[int, int]  # rows, columns of the reconstructed image
    slice_mm: float  # slice thickness
    slice_step_mm: float  # distance between slice centres (thickness + gap)
    tr_ms: float
    te_ms: float
    flip_deg: float
    snr: float  # of blood, at the heart
    frames: int  # cardiac phases in the whole cine
    spare_slices: float  # planned beyond base and apex, each
    rotation_deg: float  # in-plane rotation of the field of view around the heart
    contrast_spread: float = 0.0  # how far tissues' brightness may be from physics, as a log-normal spread


@dataclass(frozen=True)
class PhantomSubject:
    """A drawn subject. `seed` alone determines every random detail of its anatomy and its scan."""

    subject_id: str
    seed: int
    sex: str  # "female", "male"
    age: float
    height_cm: float
    weight_kg: float
    systolic_bp: float
    heart_rate: float
    diagnosis: str  # "NOR", "DCM", "HCM", "MINF", "RV", "HTN", "HFpEF"
    targets: HeartTargets
    protocol: Protocol
    chest_fat_mm: float  # subcutaneous fat at the chest wall
    epicardial_fat_ml: float
    split: str = ""  # "train", "validation" or "test" where the preset decides; empty: cohorts split as usual
    details: dict[str, float] = field(
        default_factory=dict
    )  # disease-specific numbers, e.g. septal_gain, scar_angle_deg

    @property
    def bmi(self) -> float:
        """Body mass index, kg/m2."""
        return self.weight_kg / (self.height_cm / 100.0) ** 2

    @property
    def bsa(self) -> float:
        """Body surface area after Mosteller, m2."""
        return math.sqrt(self.height_cm * self.weight_kg / 3600.0)
