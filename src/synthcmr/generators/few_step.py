"""The few-step family: a student says where its teacher, guided, would stand at the end of each leap."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from synthcmr.conditioning.condition import SCANNER, VIEW, Condition
from synthcmr.conditioning.text_encoders import Shared, TokenEncoder
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.condition_batch import ConditionBatch, around_batch, around_conditions
from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting
from synthcmr.generators.conditional.network import heart_weights
from synthcmr.generators.conditional.render import render
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.conditional.spectrum import BINS, amplitude, filtered, power
from synthcmr.generators.conditional.warm_start import begin_from
from synthcmr.generators.family_settings import FEW_STEP_PRESETS, FewStepSettings
from synthcmr.generators.flow import FlowGenerator, FlowNetwork
from synthcmr.generators.sampler import Guided, SamplerSettings, adams, euler


class FewStepNetwork(FlowNetwork):
    """A flow network whose velocity is the mean velocity over a leap."""

    optimizer_phases = ("student",)
    family = "few-step"
    settings: FewStepSettings
    gain: Tensor  # power of the teacher's images by frequency, over that of the student's

    def __init__(self, settings: FewStepSettings, vocabulary: Vocabulary) -> None:
        """Build the network; `learn_from` names the teacher."""
        super().__init__(settings, vocabulary)
        self.register_buffer("gain", torch.ones(BINS))
        self._teacher: Shared[FlowNetwork] | None = None

    def learn_from(self, teacher: FlowNetwork) -> None:
        """Take a teacher, and its weights to start from.

        Raises:
            SettingsError: its texts cannot be taken apart.
        """
        if not isinstance(teacher.text, TokenEncoder):
            raise SettingsError("few-step: expected a teacher with text_encoder tokens, got one with clip")
        self._teacher = Shared(teacher.eval().requires_grad_(False))

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The squared error of every leap of one trajectory per image, and the error of the last one's spectrum."""
        device = batch["noise"].device
        leaps = leap_times(self.settings, device)
        stops = self._trajectory(batch, leaps)
        surroundings, tokens = around_batch(batch, self.settings.patch), self.text(batch["text"])
        weights = heart_weights(batch["mask"], self.settings.heart_weight)
        total = fine = torch.zeros((), device=device)
        for k, (now, then) in enumerate(pairwise(leaps)):
            wanted = (stops[k + 1] - stops[k]) / (then - now)
            prediction = self.field(stops[k], now.expand(len(wanted)), surroundings, tokens)
            total = total + (then - now) * ((prediction - wanted).square() * weights).mean()
            fine = l1_loss(amplitude(stops[k] + (then - now) * prediction), amplitude(stops[k + 1]))
        return total + self.settings.fine * fine, {"amplitude": fine}

    def draw(self, conditions: ConditionBatch, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Leap, and make up for what leaps lose; steps and guidance are the student's own."""
        landed = self._leaps(noise, around_conditions(conditions, self.settings.patch), self.tokens(conditions.texts))
        return filtered(landed, self.gain, torch.sqrt)

    @torch.no_grad()
    def make_up(self, conditions: Sequence[Condition], settings: SamplerSettings) -> None:
        """Measure how much power the student's images lack at each frequency, against those that the teacher draws in many steps.

        Leaps that are right on average are smooth: what an image has of a frequency comes out too small, yet in its place. So the
        best correction that leaves every image's own content alone is one gain per frequency.

        Args:
            conditions: what is drawn for it.
            settings: steps and precision of the teacher.
        """
        guidance = self.settings.model_dump(include={"guidance", "branch", "until", "rescale"})
        seeds = list(range(len(conditions)))
        drawn = [
            render(network, conditions, seeds, settings.model_copy(update=guidance))
            for network in (self._known_teacher(), self)
        ]
        teacher, student = (power(torch.from_numpy(images) * 2 - 1) for images in drawn)
        self.gain.copy_(self.gain * (teacher / student).to(self.gain.device))

    def _leaps(self, noise: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        times = leap_times(self.settings, noise.device)
        return euler(lambda x, t: self.field(x, t, surroundings, tokens), noise, times)

    @torch.no_grad()
    def _trajectory(self, batch: dict[str, Tensor], leaps: Tensor) -> list[Tensor]:
        """Where the teacher stands at the end of every leap."""
        teacher = self._known_teacher()
        settings = SamplerSettings(**self.settings.model_dump(include={"guidance", "branch", "until", "rescale"}))
        conditional, kept = batch["text"], VIEW + SCANNER if settings.branch == "metadata-free" else ()
        patient = torch.tensor([name not in kept for name in teacher.text.vocabulary.names], device=conditional.device)
        unconditional = conditional.masked_fill(patient, torch.nan)
        velocity = Guided(
            teacher.field,
            around_batch(batch, self.settings.patch),
            teacher.text(conditional),
            teacher.text(unconditional),
            settings,
        )
        stops = [batch["noise"]]
        for now, then in pairwise(leaps):
            between = torch.lerp(now, then, torch.linspace(0, 1, self.settings.teacher_steps + 1, device=now.device))
            stops.append(adams(velocity, stops[-1], between).float())
        return stops

    def _known_teacher(self) -> FlowNetwork:
        if self._teacher is None:
            raise SettingsError("few-step: expected a teacher; name a run of a flow with --init-from")
        return self._teacher.held.to(self.gain.device)


def leap_times(settings: FewStepSettings, device: torch.device) -> Tensor:
    """Where leaps begin and end, 0 to 1."""
    return torch.linspace(0, 1, settings.leaps + 1, device=device) ** settings.early


MEASURED = 96  # images that the lost power is measured on, after the last step


class FewStepGenerator(ConditionalGenerator[FewStepNetwork]):
    """A student of a flow. The cohort gives masks and texts alone; every image comes from the teacher."""

    family = "few-step"
    taught = True
    settings_kind = FewStepSettings
    network_kind = FewStepNetwork
    presets: ClassVar[Presets] = FEW_STEP_PRESETS

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
            conditions = [Condition(images.mask[i], images.attributes[i]) for i in rows]
            network.make_up(
                conditions, SamplerSettings(precision="fp32" if fitting.loop.precision == "fp32" else "bf16")
            )

    @classmethod
    def prepare(cls, network: FewStepNetwork, fitting: Fitting) -> None:
        """Refuse to begin from nothing.

        Raises:
            SettingsError: always; without a teacher there is nothing to learn from.
        """
        raise SettingsError("few-step: expected a teacher; name a run of a flow, or 'phantom', with --init-from")
