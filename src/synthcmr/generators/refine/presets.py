"""Sizes of network and run for the machine at hand."""

from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.refine.settings import RefineSettings
from synthcmr.training.settings import LoopSettings


def _loop(steps: int, batch: int, every: int) -> LoopSettings:
    return LoopSettings(
        steps=steps,
        batch=batch,
        learning_rate=1.5e-3,
        schedule="hold",
        held_out_every=every,
        sheet_every=2 * every,
        checkpoint_every=every,
    )


PRESETS: Presets = {
    "cpu": (RefineSettings(), _loop(2000, 16, 200)),
    "8g": (RefineSettings(channels=(64, 128, 256, 320), fine=32), _loop(30_000, 64, 1000)),
    "24g": (RefineSettings(channels=(96, 192, 320, 448), fine=32), _loop(40_000, 128, 1000)),
    "80g": (RefineSettings(channels=(128, 256, 448, 640), fine=64), _loop(60_000, 256, 1000)),
}
