"""Settings of the flow family, and presets of them and of the run for the machine at hand."""

from synthcmr.generators.conditional.settings import Presets, UnetSettings
from synthcmr.training.settings import LoopSettings


class FlowSettings(UnetSettings):
    """The network, and what it puts out."""


PRESETS: Presets = {
    "cpu": (
        # minutes are too short for the rest of the linear guess, which keeps the noise of what is not learned yet
        FlowSettings(channels=(64, 128, 192), attention=(False, False, True), predict="image"),
        LoopSettings(
            steps=2000, batch=16, learning_rate=6e-4, held_out_every=200, sheet_every=400, checkpoint_every=200
        ),
    ),
    "8g": (
        FlowSettings(channels=(128, 192, 256), attention=(False, True, True)),
        LoopSettings(steps=30_000, batch=32, held_out_every=1000, sheet_every=2000, checkpoint_every=1000),
    ),
    "24g": (
        FlowSettings(channels=(192, 320, 448), attention=(False, True, True), blocks=2),
        LoopSettings(steps=60_000, batch=64, held_out_every=1000, sheet_every=5000, checkpoint_every=1000),
    ),
    "80g": (
        FlowSettings(channels=(256, 448, 640), attention=(False, True, True), blocks=3, patch=2),
        LoopSettings(steps=100_000, batch=128, held_out_every=1000, sheet_every=5000, checkpoint_every=1000),
    ),
}
