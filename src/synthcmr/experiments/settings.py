"""What decides an experiment with classifiers, and the closed loop around one."""

from typing import Literal

from pydantic import Field

from synthcmr.config import LARGEST_SEED, MOST, MOST_STEPS, Settings, Width
from synthcmr.training.settings import LoopSettings


class ClassifierSettings(Settings):
    """The classifier: a residual network that takes ED and ES of a slice together."""

    network: Literal["small", "resnet18"] = Field("small", description="small: trains in a minute on a CPU")
    filters: tuple[Width, Width, Width, Width] = Field((16, 32, 64, 128), description="of the small one")
    dropout: float = Field(0.2, ge=0, lt=1)


class Prevalence(Settings):
    """Share of the sick in each split, reached by leaving out subjects; null leaves a split as it is."""

    train: float | None = Field(None, gt=0, lt=1)
    validation: float | None = Field(None, gt=0, lt=1)
    test: float | None = Field(None, gt=0, lt=1)


CLASSIFIER_LOOP = LoopSettings(
    steps=300,
    batch=32,
    learning_rate=1e-3,
    warmup=20,
    weight_decay=0.05,
    ema=0.98,
    checkpoint_every=10**6,
    held_out_every=10**6,
)


class DebiasSettings(Settings):
    """Everything that decides a debiasing experiment."""

    label: str = "diagnosis"
    positive: tuple[str, ...] = Field(
        (), description="values of the label that count as sick; empty: whatever is not a word for healthy"
    )
    sensitive: tuple[str, ...] = ("sex", "bmi")
    slices: Literal["mid", "central", "all"] = Field(
        "mid",
        description="which slices of a subject: those of the middle third; or the central one, in training with its two neighbours",
    )
    prevalence: Prevalence = Prevalence()
    classifier: ClassifierSettings = ClassifierSettings()
    loop: LoopSettings = CLASSIFIER_LOOP
    look_every: int = Field(
        25, ge=1, le=MOST_STEPS, description="steps between looks at the validation split, of which the best is kept"
    )
    repeats: int = Field(5, ge=1, le=MOST, description="seeds; each trains every remedy once")
    remedies: tuple[str, ...] = Field((), description="names of remedies to compare; empty: all")
    target: str = Field(
        "", description="what the planned images reach; empty: parity:LABEL|SENSITIVE, so that no group tells the label"
    )
    target_budget: int | None = Field(
        None, ge=1, le=MOST, description="most planned images; null: what the target needs"
    )
    copies: int | None = Field(
        None, ge=1, le=MOST, description="images of the synthetic copy; null: one per training subject"
    )
    copy_cap: float = Field(5.0, ge=1, description="no prompt of the copy is drawn more than this many times its share")
    focal_gamma: float = Field(2.0, ge=0)
    dro_rate: float = Field(0.1, gt=0, description="step size of the group weights of group-DRO")
    crop_mm: float = Field(120.0, gt=0, description="side of the window that the remedy 'cropping' leaves")
    min_group: int = Field(
        5, ge=2, le=MOST, description="sick, and healthy, test subjects below which a group is not scored"
    )
    draws: int = Field(1000, ge=100, le=MOST, description="of the bootstrap")
    seed: int = Field(0, ge=0, le=LARGEST_SEED)

    @property
    def planned_target(self) -> str:
        """The target of the planned images."""
        return self.target or f"parity:{self.label}|{','.join(self.sensitive)}"


class BalanceSettings(DebiasSettings):
    """The experiment's settings, and those of the loop around it."""

    repeats: int = Field(3, ge=1, le=MOST, description="seeds of the classifier in every round")
    round_images: int = Field(60, ge=1, le=MOST, description="images generated in a round")
    budget: int | None = Field(
        None, ge=1, le=MOST, description="most images altogether; null: as many rounds as are allowed"
    )
    rounds: int = Field(8, ge=1, le=MOST, description="most rounds")
    min_kind: int = Field(
        5, ge=1, le=MOST, description="validation subjects below which a kind of patient is never said to have gained"
    )
    patience: int = Field(2, ge=1, le=MOST, description="rounds in a row without gain after which the loop stops")

    @property
    def experiment(self) -> DebiasSettings:
        """The settings of the classifier alone."""
        return DebiasSettings.model_validate({name: getattr(self, name) for name in DebiasSettings.model_fields})
