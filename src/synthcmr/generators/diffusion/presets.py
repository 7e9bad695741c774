"""Sizes of network and run for the machine at hand: the flow's own, as the U-Net is the same."""

from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.diffusion.settings import DiffusionSettings
from synthcmr.generators.flow.presets import PRESETS as FLOW

PRESETS: Presets = {
    name: (DiffusionSettings.model_validate(model.model_dump()), loop) for name, (model, loop) in FLOW.items()
}
