"""Settings of the parts utility and fairness, and their rules."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from synthcmr.config import LARGEST_SIZE, MOST, Settings, Width
from synthcmr.evaluation.verdict_rules import PartRules, Rule
from synthcmr.experiments.settings import CLASSIFIER_LOOP, ClassifierSettings
from synthcmr.training.settings import LoopSettings

NEVER = 10**6
SEGMENTATION_LOOP = LoopSettings(
    steps=800,  # after 300, whoever sees more kinds of images is behind: real people added to real ones looked harmful
    batch=8,
    learning_rate=3e-3,
    warmup=20,
    ema=0.97,
    checkpoint_every=NEVER,
    held_out_every=NEVER,
    sheet_every=NEVER,
)


class SegmentationSettings(Settings):
    """The network that is trained to outline hearts: MONAI's DynUNet, one frame at a time."""

    learner: Literal["dynunet", "nnunet"] = Field(
        "dynunet", description="nnunet: runs nnU-Net's own commands, which take hours and a GPU"
    )
    filters: tuple[Width, ...] = Field(
        (8, 16, 32, 64), min_length=3, description="of each level; small enough for CPUs"
    )
    crop: int = Field(
        96, ge=16, le=LARGEST_SIZE, description="pixels along a side of what is shown in training, cut out anywhere"
    )
    share: float = Field(0.5, gt=0, lt=1, description="of images shown that are synthetic, where real ones are too")
    loop: LoopSettings = SEGMENTATION_LOOP
    nnunet_commands: Path | None = Field(
        None, description="folder of nnU-Net's commands, where it lives in an environment of its own; null: PATH"
    )
    nnunet_epochs: Literal[1, 5, 10, 20, 50, 100, 250, 500, 1000] = Field(
        100, description="nnU-Net has a trainer for each"
    )


class ClassificationSettings(Settings):
    """The classifier of `synthcmr debias`."""

    label: str = "diagnosis"
    positive: tuple[str, ...] = Field((), description="values of the label that count as sick; empty: all but healthy")
    slices: Literal["mid", "central", "all"] = "mid"
    network: ClassifierSettings = ClassifierSettings()
    loop: LoopSettings = CLASSIFIER_LOOP


class UtilitySettings(Settings):
    """Of the part utility; the part fairness looks at the same networks."""

    tasks: tuple[Literal["segmentation", "classification"], ...] = ("segmentation", "classification")
    grid: Literal["quick", "full"] = Field(
        "quick", description="full: fractions 0.1, 0.25, 0.5 and 1, and every vendor left out once"
    )
    fractions: tuple[float, ...] = Field((0.25, 1.0), description="of the real training subjects, where grid is quick")
    leave_out: str = Field("", description="attribute whose values are left out of training one by one, e.g. vendor")
    repeats: int = Field(2, ge=1, le=MOST, description="seeds; each trains every arm once")
    train: tuple[str, ...] = Field(("train",), description="splits of the real cohort that are learned from")
    test: tuple[str, ...] = Field(("test",), description="splits of the real cohort that are tested on")
    most_subjects: int = Field(400, ge=10, le=MOST, description="real, and synthetic, subjects that are learned from")
    most_tested: int = Field(200, ge=10, le=MOST, description="subjects of each cohort that are tested on")
    also_test: Path | None = Field(None, description="a second real cohort to test on, of other scanners or centres")
    segmentation: SegmentationSettings = SegmentationSettings()
    classification: ClassificationSettings = ClassificationSettings()

    @property
    def fractions_tested(self) -> tuple[float, ...]:
        """Ascending; all real subjects are always among them."""
        return tuple(sorted({*((0.1, 0.25, 0.5) if self.grid == "full" else self.fractions), 1.0}))

    @property
    def left_out_attribute(self) -> str:
        """The attribute whose values are left out; empty: none is."""
        return self.leave_out or ("vendor" if self.grid == "full" else "")


class FairnessSettings(Settings):
    """Of the part fairness."""

    sensitive: tuple[str, ...] = Field(("sex", "bmi"), description="attributes to be fair about")
    min_group: int = Field(
        5, ge=2, le=MOST, description="sick, and healthy, test subjects below which a group is not scored"
    )


UTILITY_RULES: PartRules = {
    "harm": Rule(
        score="Dice gain, 100 %",
        says="Added to all real subjects, synthetic ones do no harm to outlining",
        better="high",
        good=-0.01,
        acceptable=-0.03,
    ),
    "stand-in": Rule(
        score="Dice, synthetic only",
        says="Who learns from synthetic images alone outlines real hearts",
        better="high",
        good=0.95,
        acceptable=0.85,
        beside="ceiling",
    ),
    "likeness": Rule(
        score="Dice, real on synthetic",
        says="Who learned from real images outlines synthetic hearts as their masks do",
        better="high",
        good=0.95,
        acceptable=0.85,
        beside="ceiling",
    ),
    "failures": Rule(
        score="failed, synthetic only",
        says="Who learns from synthetic images alone finds every structure",
        good=0.01,
        acceptable=0.05,
        beside="floor",
    ),
    "classifier harm": Rule(
        score="AUROC gain, 100 %",
        says="Added to all real subjects, synthetic ones do no harm to classifying",
        better="high",
        good=-0.02,
        acceptable=-0.05,
    ),
    "classifier stand-in": Rule(
        score="above chance, synthetic only",
        says="Who learns from synthetic images alone classifies real patients",
        better="high",
        good=0.9,
        acceptable=0.7,
        beside="ceiling",
    ),
}
FAIRNESS_RULES: PartRules = {
    "worst group": Rule(
        score="worst group, change",
        says="With synthetic images the worst-served group is classified no worse",
        better="high",
        good=-0.02,
        acceptable=-0.05,
    ),
    "opportunity": Rule(
        score="equal opportunity gap, change",
        says="With synthetic images the sick of one group are not missed more often than those of another",
        good=0.02,
        acceptable=0.05,
    ),
    "outlines": Rule(
        score="Dice gap, change",
        says="With synthetic images hearts of one group are not outlined worse than those of another",
        good=0.01,
        acceptable=0.03,
    ),
}
