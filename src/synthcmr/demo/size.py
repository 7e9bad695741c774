"""How large a demo is, and the options of its longer steps that follow from that."""

from __future__ import annotations

from pydantic import Field

from synthcmr.config import LARGEST_SEED, MOST, Settings
from synthcmr.verbs.compare_spectra import SpectrumOptions
from synthcmr.verbs.debias import DebiasOptions
from synthcmr.verbs.evaluate import EvaluateOptions

LABEL, SENSITIVE = "diagnosis", ("sex", "vendor")  # in the preset 'biased', sex and vendor predict the diagnosis
TARGET = f"parity:{LABEL}|{','.join(SENSITIVE)}"  # the plan makes them independent
# Shares of the phantoms: a small test split says nothing.
SHARES = {"train": 0.4, "validation": 0.15, "test": 0.45}


class DemoSize(Settings):
    """Everything that decides a demo."""

    subjects: int = Field(140, ge=20, le=MOST, description="phantoms")
    planned: int = Field(36, ge=1, le=MOST, description="most synthetic subjects, each with a whole ED+ES stack")
    seeds: int = Field(3, ge=1, le=MOST, description="of the debiasing experiment")
    classifier_steps: int = Field(150, ge=1, le=MOST)
    outliner_steps: int = Field(
        200,
        ge=0,
        le=MOST,
        description="of the segmentation networks; 0: none is trained, because few steps would teach nothing",
    )
    tested: int = Field(24, ge=10, le=MOST, description="real subjects that these networks are tested on")
    draws: int = Field(300, ge=100, le=MOST, description="of each bootstrap")
    dicom: int = Field(3, ge=1, le=MOST, description="subjects written as DICOM: enough to open in a viewer")
    seed: int = Field(
        2,
        ge=0,
        le=LARGEST_SEED,
        description="of all; the default has enough subjects in each group, which was counted before imaging",
    )

    @property
    def splits(self) -> dict[str, int]:
        """Phantoms of each split."""
        test, validation = (round(SHARES[name] * self.subjects) for name in ("test", "validation"))
        return {"train": self.subjects - test - validation, "validation": validation, "test": test}

    @property
    def spectra(self) -> SpectrumOptions:
        """Compared with the test split, without the small network, which takes minutes."""
        return SpectrumOptions(split="test", by=(), detail=False, set={"draws": self.draws, "seed": self.seed})

    @property
    def experiment(self) -> DebiasOptions:
        """The same classifier without a remedy, with a cheap one, and with the planned images."""
        settings = {
            "remedies": ("cropping", "real + planned"),
            "loop.steps": self.classifier_steps,
            "draws": self.draws,
            "seed": self.seed,
        }
        return DebiasOptions(label=LABEL, sensitive=SENSITIVE, target=TARGET, repeats=self.seeds, set=settings)

    @property
    def evaluation(self) -> EvaluateOptions:
        """All five parts, each so small that the demo takes minutes."""
        settings = {
            "draws": self.draws,
            "seed": self.seed,
            "fidelity.floor_splits": 3,
            "fidelity.similarity_pairs": 100,
            "utility.tasks": ("segmentation", "classification") if self.outliner_steps else ("classification",),
            "utility.fractions": (1.0,),
            "utility.repeats": 1,
            "utility.most_tested": self.tested,
            "utility.segmentation.loop.steps": max(self.outliner_steps, 1),
            "utility.classification.label": LABEL,
            "utility.classification.loop.steps": self.classifier_steps,
            "fairness.sensitive": SENSITIVE,
            "privacy.copies.planted": 40,
            "privacy.draws": self.draws,
            "privacy.seed": self.seed,
        }
        return EvaluateOptions(split="test", by=(*SENSITIVE, LABEL), set=settings)


FULL = DemoSize()
QUICK = DemoSize(
    subjects=50, planned=11, seeds=1, classifier_steps=60, outliner_steps=0, tested=10, draws=100, dicom=1, seed=1
)
