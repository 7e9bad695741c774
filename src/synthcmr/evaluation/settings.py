"""What decides an evaluation."""

from pathlib import Path

from pydantic import Field

from synthcmr.config import LARGEST_SEED, MOST, Settings
from synthcmr.evaluation.motion.settings import MOTION_RULES, MotionSettings
from synthcmr.evaluation.privacy.settings import PRIVACY_RULES, PrivacyPartSettings
from synthcmr.evaluation.utility.settings import FAIRNESS_RULES, UTILITY_RULES, FairnessSettings, UtilitySettings
from synthcmr.evaluation.verdict_rules import PartRules, Rule


class FidelitySettings(Settings):
    """Of the part fidelity."""

    extractors: tuple[str, ...] = Field(
        ("cmr", "radiomics"), description="any of cmr, radiomics, radimagenet, cinema, inception"
    )
    neighbours: int = Field(5, ge=1, le=MOST, description="k of precision, recall, density and coverage")
    most_images: int = Field(
        10_000, ge=100, le=MOST, description="images of a side that pairs are made of; of more, subjects are drawn"
    )
    most_of_group: int = Field(2000, ge=100, le=MOST, description="the same, of a group: there are dozens of groups")
    kid_subsets: int = Field(100, ge=1, le=MOST, description="as torch-fidelity's")
    kid_subset_size: int = Field(1000, ge=2, le=MOST, description="as torch-fidelity's")
    floor_splits: int = Field(5, ge=1, le=MOST, description="times that the real subjects are split in halves")
    similarity_pairs: int = Field(400, ge=10, le=MOST, description="pairs of images whose MS-SSIM is taken")


class AdherenceSettings(Settings):
    """Of the part adherence."""

    min_pixels: int = Field(
        20, ge=1, le=MOST, description="of a structure, asked for in a frame, below which it is not scored"
    )


FIDELITY_RULES: PartRules = {
    "realism": Rule(
        score="relative FID (cmr)",
        says="Images look real to the encoder",
        good=0.05,
        acceptable=0.25,
        beside="floor",
    ),
    "plausibility": Rule(
        score="precision (cmr)",
        says="Each image is like some real ones",
        better="high",
        good=0.9,
        acceptable=0.7,
        beside="ceiling",
    ),
    "coverage": Rule(
        score="coverage (cmr)",
        says="The variety of real images is covered",
        better="high",
        good=0.85,
        acceptable=0.6,
        beside="ceiling",
    ),
    "variety": Rule(
        score="repeats (cmr)",
        says="Images of different subjects differ as real ones do",
        good=0.05,
        acceptable=0.2,
        beside="floor",
    ),
    "tissue": Rule(
        score="tissue distance",
        says="Tissues are as bright and as even as real ones",
        good=0.15,
        acceptable=0.5,
        beside="floor",
    ),
    "texture": Rule(
        score="texture distance",
        says="Texture and sharpness are real",
        good=0.15,
        acceptable=0.5,
        beside="floor",
    ),
    "spectrum": Rule(
        score="spectrum distance",
        says="Power is real at every frequency",
        good=0.15,
        acceptable=0.5,
        beside="floor",
    ),
    "anatomy": Rule(
        score="anatomy distance",
        says="Volumes, function and walls are distributed as real ones",
        good=0.15,
        acceptable=0.4,
        beside="floor",
    ),
    "slices": Rule(
        score="slice distance",
        says="Slices follow one another as real ones",
        good=0.2,
        acceptable=0.7,
        beside="floor",
    ),
}
ADHERENCE_RULES: PartRules = {
    "mask": Rule(
        score="Dice, mean",
        says="Images show the mask that was asked for",
        better="high",
        good=0.95,
        acceptable=0.85,
        beside="ceiling",
    ),
    "attributes": Rule(
        score="attributes, mean above chance",
        says="Attributes can be read back",
        better="high",
        good=0.8,
        acceptable=0.5,
        beside="ceiling",
    ),
    "volumes": Rule(
        score="volumes, mean correlation",
        says="Volumes measured are the volumes asked for",
        better="high",
        good=0.9,
        acceptable=0.75,
        beside="ceiling",
    ),
}


class EvaluateSettings(Settings):
    """Everything that decides an evaluation."""

    split: str | None = Field(None, description="split of the real cohort to compare with; null: all of it")
    by: tuple[str, ...] = Field(("sex", "age", "bmi", "diagnosis", "vendor"), description="attributes to score by")
    crossing: tuple[str, ...] = Field(("sex", "diagnosis"), description="attributes whose crossing is scored too")
    min_subjects: int = Field(10, ge=4, le=MOST, description="of each side, below which a score is refused")
    draws: int = Field(300, ge=20, le=MOST, description="of the bootstrap over subjects")
    level: float = Field(0.95, gt=0.5, lt=1, description="of intervals")
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
    encoder: Path | None = Field(
        None, description="an encoder or reader whose features are 'cmr'; null: the one that ships, of phantoms"
    )
    reader: Path | None = Field(None, description="a reader that reads attributes back; null: the one that ships")
    segmenter: Path | None = Field(None, description="a segmenter that outlines again; null: the one that ships")
    inception: Path | None = Field(None, description="weights of torch-fidelity's Inception, for 'inception'")
    radimagenet: Path | None = Field(None, description="RadImageNet's ResNet50.pt, for 'radimagenet'")
    cinema: Path | None = Field(None, description="folder with CineMA's published weights, for 'cinema'")
    fidelity: FidelitySettings = FidelitySettings()
    adherence: AdherenceSettings = AdherenceSettings()
    motion: MotionSettings = MotionSettings()
    utility: UtilitySettings = UtilitySettings()
    fairness: FairnessSettings = FairnessSettings()
    privacy: PrivacyPartSettings = PrivacyPartSettings()
    rules: dict[str, PartRules] = Field(
        {
            "fidelity": FIDELITY_RULES,
            "adherence": ADHERENCE_RULES,
            "motion": MOTION_RULES,
            "utility": UTILITY_RULES,
            "fairness": FAIRNESS_RULES,
            "privacy": PRIVACY_RULES,
        }
    )
