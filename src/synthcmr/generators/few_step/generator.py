"""The few-step family."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from synthcmr.conditioning.condition import Condition
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.conditional.warm_start import begin_from
from synthcmr.generators.few_step.network import FewStepNetwork
from synthcmr.generators.few_step.presets import PRESETS
from synthcmr.generators.few_step.settings import FewStepSettings
from synthcmr.generators.flow.generator import FlowGenerator
from synthcmr.generators.sampler import SamplerSettings

MEASURED = 96  # images that the lost power is measured on, after the last step


class FewStepGenerator(ConditionalGenerator[FewStepNetwork]):
    """A student of a flow. The cohort gives masks and texts alone; every image comes from the teacher."""

    family = "few-step"
    taught = True
    settings_kind = FewStepSettings
    network_kind = FewStepNetwork
    presets: ClassVar[Presets] = PRESETS

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
        raise SettingsError("few-step: expected a teacher; name a run of a flow, or 'phantom', with --init-from")
