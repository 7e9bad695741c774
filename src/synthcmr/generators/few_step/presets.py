"""How long the teacher is listened to on the machine at hand; the shape of the network is the teacher's."""

from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.few_step.settings import FewStepSettings
from synthcmr.training.settings import LoopSettings

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
