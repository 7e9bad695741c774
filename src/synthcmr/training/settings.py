"""What decides a training run, whatever is trained."""

from typing import Literal

from pydantic import Field

from synthcmr.config import Settings
from synthcmr.errors import SettingsError
from synthcmr.training.privacy import PrivacySettings


class LoopSettings(Settings):
    """Settings of the loop; the model has its own."""

    steps: int = Field(2000, ge=1, description="optimiser steps")
    batch: int = Field(16, ge=1, description="images per step, over all processes and accumulated parts")
    accumulate: int = Field(1, ge=1, description="parts a step's batch is computed in, to save memory")
    learning_rate: float = Field(4e-4, gt=0)
    warmup: int = Field(100, ge=0, description="steps of linear warm-up")
    schedule: Literal["cosine", "hold"] = Field(
        "cosine",
        description="after the warm-up: a cosine to a twentieth, or held and falling to a twentieth over the last 30 %",
    )
    weight_decay: float = Field(0.01, ge=0)
    clip_norm: float = Field(1.0, gt=0, description="gradients are scaled to this norm where they exceed it")
    ema: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights that are used afterwards")
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    seed: int = Field(0, ge=0)
    held_out_every: int = Field(250, ge=1, description="steps between looks at the held-out loss")
    held_out_images: int = Field(256, ge=1)
    sheet_every: int = Field(500, ge=1, description="steps between sheets of samples")
    scored_frames: int = Field(
        48,
        ge=0,
        description="frames that are drawn at each sheet and scored against held-out and training ones; 0: none",
    )
    checkpoint_every: int = Field(250, ge=1)
    balance: tuple[str, ...] = Field((), description="attributes whose values are drawn evenly, within the cap")
    balance_cap: float = Field(2.0, ge=1, description="no image is drawn more than this many times its share")
    dp: PrivacySettings | None = Field(
        None, description="differential privacy of the subjects; the batch follows from it, and `batch` is not used"
    )
    threads: int | None = Field(None, ge=1, description="CPU threads; null leaves torch's choice")


def check_even(settings: LoopSettings) -> None:
    """Refuse a private run that would draw some subjects more often than others.

    Raises:
        SettingsError: it would.
    """
    if settings.dp is not None and settings.balance:
        raise SettingsError(
            "--balance with --dp: expected one of them; a private run takes each subject with the same chance, "
            "which is what its accounts stand on"
        )
