"""Who is in a phantom cohort and how they are scanned: the presets."""

from dataclasses import dataclass, field

DIAGNOSES = ("NOR", "HTN", "HFpEF", "DCM", "HCM", "MINF", "RV")

# Shares for developing models: far more disease than a population has, as phantom research needs it.
DEVELOPMENT = {"NOR": 0.45, "HTN": 0.15, "HFpEF": 0.05, "DCM": 0.10, "HCM": 0.10, "MINF": 0.10, "RV": 0.05}
# A population study: mostly healthy, hypertension common, heart failure and infarction rare (UK Biobank imaging).
POPULATION_MEN = {"NOR": 0.585, "HTN": 0.35, "HFpEF": 0.004, "DCM": 0.008, "HCM": 0.003, "MINF": 0.03, "RV": 0.02}
POPULATION_WOMEN = {"NOR": 0.67, "HTN": 0.30, "HFpEF": 0.003, "DCM": 0.003, "HCM": 0.002, "MINF": 0.008, "RV": 0.014}
ACDC_GROUPS = {"NOR": 0.2, "DCM": 0.2, "HCM": 0.2, "MINF": 0.2, "RV": 0.2}
BALANCED = {"NOR": 0.5, "DCM": 0.5}
# What a generator should have seen: every disease in numbers, in both sexes and at any age.
EVERYONE = {"NOR": 0.22, "HTN": 0.13, "HFpEF": 0.13, "DCM": 0.13, "HCM": 0.13, "MINF": 0.13, "RV": 0.13}

VARIED = {"NOR": 0.22, "HTN": 0.10, "HFpEF": 0.05, "DCM": 0.16, "HCM": 0.16, "MINF": 0.15, "RV": 0.16}


@dataclass(frozen=True)
class Preset:
    """What decides the people and the scanners of a cohort."""

    about: str
    men: dict[str, float]  # diagnosis -> share
    women: dict[str, float]
    share_women: float = 0.5
    scanners: dict[str, float] = field(default_factory=lambda: {"siemens-1.5": 1.0})
    age: tuple[float, float] = (64.0, 7.7)  # mean and standard deviation, years
    age_range: tuple[float, float] = (45.0, 85.0)
    rotation_sd_deg: float = 8.0
    brings_split: bool = False
    mass_factor: float = 1.0  # how much thicker than in UK Biobank the annotators draw the wall
    lv_factor: float = 1.0  # how much larger than in UK Biobank the healthy ventricles measure
    rv_factor: float = 1.0


PRESETS: dict[str, Preset] = {
    "population": Preset("people as a population study meets them, one scanner", POPULATION_MEN, POPULATION_WOMEN),
    "biased": Preset(
        "unfair by design: diagnosis tangled with sex, BMI and vendor; the test split is balanced",
        BALANCED,
        BALANCED,
        scanners={"siemens-1.5": 0.5, "philips-1.5": 0.5},
        brings_split=True,
    ),
    "vendors": Preset(
        "four manufacturers, two field strengths",
        DEVELOPMENT,
        DEVELOPMENT,
        scanners={"siemens-1.5": 0.2, "siemens-3": 0.2, "philips-1.5": 0.2, "ge-1.5": 0.2, "canon-1.5": 0.2},
        rotation_sd_deg=15.0,
    ),
    "everyone": Preset(
        "every disease in both sexes, young and old, on four manufacturers: to train generators on",
        EVERYONE,
        EVERYONE,
        scanners={"siemens-1.5": 0.3, "siemens-3": 0.2, "philips-1.5": 0.2, "ge-1.5": 0.15, "canon-1.5": 0.15},
        age=(56.0, 16.0),
        age_range=(18.0, 90.0),
    ),
    "acdc-like": Preset(
        "patients, scanners and fields of view as varied as in ACDC",
        ACDC_GROUPS,
        ACDC_GROUPS,
        share_women=0.4,
        scanners={"siemens-1.5-any": 0.7, "siemens-3-any": 0.3},
        age=(55.0, 15.0),
        age_range=(18.0, 88.0),
        rotation_sd_deg=22.0,
        mass_factor=1.05,
        lv_factor=0.82,
        rv_factor=0.90,
    ),
    "varied": Preset(
        "beyond any one scanner: any vendor, resolution, rotation and contrast; to train segmenters for scanners nobody modelled",
        VARIED,
        VARIED,
        scanners={
            "any-siemens-1.5": 0.2,
            "any-siemens-3": 0.15,
            "any-philips-1.5": 0.15,
            "any-philips-3": 0.1,
            "any-ge-1.5": 0.15,
            "any-ge-3": 0.1,
            "any-canon-1.5": 0.15,
        },
        age=(52.0, 18.0),
        age_range=(18.0, 90.0),
        mass_factor=1.1,
        lv_factor=0.9,
        rv_factor=0.95,
    ),
}
