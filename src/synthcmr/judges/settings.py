"""Settings of the judges."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from synthcmr.config import LARGEST_SIZE, WIDEST_LAYER, Settings, Width
from synthcmr.training.settings import LoopSettings


class JudgeSettings(Settings):
    """Base of the settings of all judges."""

    free: ClassVar[frozenset[str]] = frozenset()  # what may differ from the weights that a judge goes on from

    @classmethod
    def architecture(cls) -> list[str]:
        """Settings that decide the shapes of the network."""
        return [name for name in cls.model_fields if name not in cls.free]

    @classmethod
    def fine_tuned(cls) -> dict[str, Any]:
        """Settings with another default where a judge goes on from weights that are there."""
        return {}


class SegmenterSettings(JudgeSettings):
    """A DynUNet that segments the heart, one frame at a time."""

    free: ClassVar[frozenset[str]] = frozenset({"size", "augmentation"})

    filters: tuple[Width, ...] = (24, 48, 96, 160, 192)
    size: int = Field(128, ge=32, le=LARGEST_SIZE)
    augmentation: Literal["strong", "mild"] = Field(
        "strong", description="strong: for phantoms that must stand for real images; mild: for images of the same kind"
    )

    @classmethod
    def fine_tuned(cls) -> dict[str, Any]:
        """Real images need no contrast and no unmodelled organs."""
        return {"augmentation": "mild"}


class ReaderSettings(JudgeSettings):
    """A small residual network that reads attributes off a slice, all frames at once."""

    free: ClassVar[frozenset[str]] = frozenset({"attributes"})

    filters: tuple[Width, Width, Width, Width] = (24, 48, 96, 160)
    features: int = Field(64, ge=8, le=WIDEST_LAYER, description="width of the layer before the answers")
    frames: int = Field(2, ge=1, le=WIDEST_LAYER)
    attributes: tuple[str, ...] = ("sex", "diagnosis", "age", "bmi", "chest_fat_mm", "vendor")


class EncoderSettings(ReaderSettings):
    """A reader whose features also tell shapes and damage: what distances between sets of images are taken in."""

    free: ClassVar[frozenset[str]] = frozenset({"attributes", "damage_weight", "shape_weight", "spread_weight"})

    damage_weight: float = Field(1.0, ge=0, description="of reading back how an image was damaged")
    shape_weight: float = Field(1.0, ge=0, description="of reading the areas of structures")
    spread_weight: float = Field(0.1, ge=0, description="of keeping all features alive and apart")


SEGMENTER_LOOP = LoopSettings(
    steps=3000, batch=16, learning_rate=1e-3, ema=0.998, held_out_every=250, held_out_images=256, checkpoint_every=250
)
READER_LOOP = LoopSettings(
    steps=3000,
    batch=32,
    learning_rate=1e-3,
    weight_decay=0.05,
    ema=0.998,
    held_out_every=250,
    held_out_images=512,
    checkpoint_every=250,
)
ENCODER_LOOP = READER_LOOP

# Loops that go on from weights which are there; benchmarks/fine_tuning.py measures what they reach.
SEGMENTER_TUNING = SEGMENTER_LOOP.model_copy(
    update={
        "steps": 150,
        "learning_rate": 3e-4,
        "warmup": 20,
        "ema": 0.97,
        "held_out_every": 50,
        "checkpoint_every": 50,
    }
)
READER_TUNING = READER_LOOP.model_copy(
    update={"steps": 200, "warmup": 20, "ema": 0.97, "held_out_every": 50, "checkpoint_every": 50}
)
ENCODER_TUNING = READER_TUNING
