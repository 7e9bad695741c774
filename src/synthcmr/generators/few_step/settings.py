"""Settings of the few-step family, and presets of them and of the run for the machine at hand."""

from typing import ClassVar, Literal

from pydantic import Field

from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.flow.settings import FlowSettings
from synthcmr.training.settings import LoopSettings


class FewStepSettings(FlowSettings):
    """The leaps of the student, and how its teacher draws. Without --init-from the teacher is the flow that ships."""

    begins_from: ClassVar[tuple[str, ...]] = ("flow",)  # its teacher

    start: str | None = Field("phantom", description="the teacher: phantom (the flow that ships), or a run of a flow")
    leaps: int = Field(2, ge=1, le=16, description="evaluations per image")
    early: float = Field(
        1.7, gt=0, description="above 1: shorter leaps near the noise, where the large shapes are decided"
    )
    teacher_steps: int = Field(5, ge=1, description="steps of the teacher within each leap")
    fine: float = Field(
        0.1,
        ge=0,
        description="weight of errors of the last leap's amplitude by frequency, so that grain is not averaged away",
    )
    guidance: float = Field(4.0, ge=0, description="of the teacher; the student has it built in")
    branch: Literal["empty", "metadata-free"] = "metadata-free"
    until: float = Field(0.2, gt=0, le=1)
    rescale: float = Field(0.5, ge=0, le=1)


_MODEL = FewStepSettings()


def _loop(steps: int, batch: int) -> LoopSettings:
    return LoopSettings(
        steps=steps,
        batch=batch,
        learning_rate=2e-4,
        ema=0.99,
        held_out_every=100,
        held_out_images=32,
        sheet_every=200,
        checkpoint_every=100,
    )


PRESETS: Presets = {
    "cpu": (_MODEL, _loop(600, 8)),
    "8g": (_MODEL, _loop(5000, 16)),
    "24g": (_MODEL, _loop(10_000, 32)),
    "80g": (_MODEL, _loop(10_000, 64)),
}
