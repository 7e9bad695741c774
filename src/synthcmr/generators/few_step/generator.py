"""The few-step family."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from synthcmr.conditioning.condition import Condition
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting, Presets
from synthcmr.generators.conditional.settings import ConditionalSettings
from synthcmr.generators.conditional.start import begin_from
from synthcmr.generators.few_step.network import FewStepNetwork
from synthcmr.generators.few_step.settings import FewStepSettings
from synthcmr.generators.flow.generator import FlowGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.settings import LoopSettings

_MODEL = FewStepSettings()
MEASURED = 96  # images that the lost power is measured on, after the last step


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


class FewStepGenerator(ConditionalGenerator[FewStepNetwork]):
    """A student of a flow. The cohort gives masks and texts alone; every image comes from the teacher."""

    family = "few-step"
    taught = True
    settings_kind = FewStepSettings
    network_kind = FewStepNetwork
    # The shape of the network is the teacher's; presets differ in how long it is listened to.
    presets: ClassVar[Presets] = {
        "cpu": (_MODEL, _loop(600, 8)),
        "8g": (_MODEL, _loop(5000, 16)),
        "24g": (_MODEL, _loop(10_000, 32)),
        "80g": (_MODEL, _loop(10_000, 64)),
    }

    @classmethod
    def begins_from(cls, settings: ConditionalSettings) -> tuple[str, ...]:
        """A flow, its teacher."""
        return (FlowGenerator.family,)

    @classmethod
    def begin(cls, network: FewStepNetwork, start: Path) -> None:
        """Take the teacher, and start as it is."""
        begin_from(network, start, further=("gain",))
        network.learn_from(FlowGenerator.load(start).network)

    @classmethod
    def complete(cls, network: FewStepNetwork, fitting: Fitting) -> None:
        """Measure what the leaps have lost; of private masks that would be a release of its own."""
        if fitting.loop.dp is None:
            images = fitting.training
            rows = np.linspace(0, len(images) - 1, min(MEASURED, len(images))).astype(int)
            asked = [Condition(images.mask[i], images.attributes[i]) for i in rows]
            network.make_up(asked, SamplerSettings(precision="fp32" if fitting.loop.precision == "fp32" else "bf16"))

    @classmethod
    def prepare(cls, network: FewStepNetwork, fitting: Fitting) -> None:
        """Refuse to begin from nothing.

        Raises:
            SettingsError: always; without a teacher there is nothing to learn from.
        """
        raise SettingsError("few-step: expected a teacher; name a run of a flow, or 'phantom', with --from")
