"""Sizes of network and run for the machine at hand: the flow's own, but on a CPU."""

from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.flow.presets import PRESETS as FLOW
from synthcmr.generators.latent.settings import LatentSettings

# Latent images of 16x16: large shapes are learned sooner where there are few places.
CPU = LatentSettings(
    patch=8,
    first_channels=(64, 128, 128),
    latent_channels=16,
    first_steps=0.25,
    channels=(96, 160, 224),
    attention=(False, True, True),
)
CPU_LOOP = FLOW["cpu"][1].model_copy(update={"steps": 3600, "batch": 8})


def _settings(preset: str) -> LatentSettings:
    given = FLOW[preset][0].model_dump(exclude={"patch"})
    return LatentSettings.model_validate(given)


PRESETS: Presets = {
    "cpu": (CPU, CPU_LOOP),
    **{name: (_settings(name), loop) for name, (_, loop) in FLOW.items() if name != "cpu"},
}
