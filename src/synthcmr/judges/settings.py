"""Settings of the judges."""

from pydantic import Field

from synthcmr.config import Settings
from synthcmr.training.settings import LoopSettings


class SegmenterSettings(Settings):
    """A DynUNet that outlines the heart, one frame at a time."""

    filters: tuple[int, ...] = (24, 48, 96, 160, 192)
    size: int = Field(128, ge=32)


class ReaderSettings(Settings):
    """A small residual network that reads attributes off a slice, all frames at once."""

    filters: tuple[int, int, int, int] = (24, 48, 96, 160)
    features: int = Field(64, ge=8, description="width of the layer before the answers")
    frames: int = Field(2, ge=1)
    attributes: tuple[str, ...] = ("sex", "diagnosis", "age", "bmi", "chest_fat_mm", "vendor")


class EncoderSettings(ReaderSettings):
    """A reader whose features also tell shapes and damage: what distances between sets of images are taken in."""

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
