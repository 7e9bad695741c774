"""How large the demo is."""

from pydantic import Field

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.settings import CopySettings, PrivacySettings
from synthcmr.evaluation.settings import EvaluateSettings, FidelitySettings
from synthcmr.evaluation.utility.settings import (
    SEGMENTATION_LOOP,
    ClassificationSettings,
    FairnessSettings,
    SegmentationSettings,
    UtilitySettings,
)
from synthcmr.fairness.debias.settings import CLASSIFIER_LOOP, DebiasSettings
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.frequency.settings import SpectrumSettings

PRESET = "biased"
LABEL = "diagnosis"
SENSITIVE = ("sex", "vendor")  # what the preset tangles with disease most; the audit finds it without being told
TARGET = f"parity:{LABEL}|{','.join(SENSITIVE)}"
REMEDIES = ("cropping", "real + planned")  # the strongest cheap remedy on phantoms, and the images
# Shares of the phantoms: without many to test on nothing can be told.
SHARES = {"train": 0.4, "validation": 0.15, "test": 0.45}


class DemoSettings(Settings):
    """Everything that decides a demo."""

    subjects: int = Field(140, ge=20, description="phantoms")
    planned: int = Field(36, ge=1, description="most people to make, each with a whole ED+ES stack")
    seeds: int = Field(3, ge=1, description="of the debiasing experiment")
    classifier_steps: int = Field(150, ge=1)
    outliner_steps: int = Field(
        200, ge=0, description="of the networks that outline; 0: none is trained, because few steps would teach nothing"
    )
    tested: int = Field(24, ge=10, description="real subjects that these networks are tested on")
    draws: int = Field(300, ge=100, description="of each bootstrap")
    dicom: int = Field(3, ge=1, description="people written as DICOM: enough to open in a viewer")
    seed: int = Field(
        2, ge=0, description="of all; the default has enough people in each group, which was counted before imaging"
    )

    @property
    def splits(self) -> dict[str, int]:
        """Phantoms of each split."""
        test, validation = (round(SHARES[name] * self.subjects) for name in ("test", "validation"))
        return {"train": self.subjects - test - validation, "validation": validation, "test": test}

    @property
    def plan(self) -> PlanSettings:
        """Whole stacks, because outlining and anatomy need them."""
        return PlanSettings(budget=self.planned, level="whole", seed=self.seed)

    @property
    def spectrum(self) -> SpectrumSettings:
        """Without the small network, which takes minutes."""
        return SpectrumSettings(detail=False, draws=self.draws, by=(), seed=self.seed)

    @property
    def debias(self) -> DebiasSettings:
        """Real images alone, a cheap remedy, real and planned ones."""
        loop = CLASSIFIER_LOOP.model_copy(update={"steps": self.classifier_steps})
        return DebiasSettings(
            label=LABEL,
            sensitive=SENSITIVE,
            loop=loop,
            repeats=self.seeds,
            remedies=REMEDIES,
            target=TARGET,
            draws=self.draws,
            seed=self.seed,
        )

    @property
    def evaluate(self) -> EvaluateSettings:
        """All five parts, each small."""
        outlining = SEGMENTATION_LOOP.model_copy(update={"steps": max(self.outliner_steps, 1)})
        classifying = CLASSIFIER_LOOP.model_copy(update={"steps": self.classifier_steps})
        return EvaluateSettings(
            split="test",
            by=(*SENSITIVE, LABEL),
            draws=self.draws,
            seed=self.seed,
            fidelity=FidelitySettings(floor_splits=3, similarity_pairs=100),
            utility=UtilitySettings(
                tasks=("segmentation", "classification") if self.outliner_steps else ("classification",),
                fractions=(1.0,),
                repeats=1,
                most_tested=self.tested,
                segmentation=SegmentationSettings(loop=outlining),
                classification=ClassificationSettings(label=LABEL, loop=classifying),
            ),
            fairness=FairnessSettings(sensitive=SENSITIVE),
            privacy=PrivacySettings(copies=CopySettings(planted=40), draws=self.draws, seed=self.seed),
        )


FULL = DemoSettings()
QUICK = DemoSettings(
    subjects=50, planned=11, seeds=1, classifier_steps=60, outliner_steps=0, tested=10, draws=100, dicom=1, seed=1
)
