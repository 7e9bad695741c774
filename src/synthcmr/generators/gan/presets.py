"""Sizes of network and run for the machine at hand."""

from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.gan.settings import GanSettings
from synthcmr.generators.spade.presets import LOOPS, WIDER, WIDEST, WIDTHS

_LOOPS = {name: loop.model_copy(update={"learning_rate": 2e-4, "warmup": 20}) for name, loop in LOOPS.items()}
PRESETS: Presets = {
    "cpu": (GanSettings(), _LOOPS["cpu"]),
    "8g": (GanSettings(channels=WIDTHS, judge_channels=48), _LOOPS["8g"]),
    "24g": (GanSettings(channels=WIDER, judge_channels=64), _LOOPS["24g"]),
    "80g": (GanSettings(channels=WIDEST, judge_channels=64, judge_scales=3), _LOOPS["80g"]),
}
