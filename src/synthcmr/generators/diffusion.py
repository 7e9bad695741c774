"""The diffusion family: v-prediction on the cosine schedule."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from synthcmr.cohort import Cohort
from synthcmr.cohort.output_place import known_as
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import channels_around
from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting, refuse_private
from synthcmr.generators.conditional.noise_paths import VariancePreservingPath
from synthcmr.generators.conditional.path_network import (
    TIME_SCALE,
    PathNetwork,
    call_unet,
    perceptron,
    unet_inputs,
    unet_options,
)
from synthcmr.generators.conditional.settings import ConditionalSettings, Presets
from synthcmr.generators.conditional.warm_start import begin_from
from synthcmr.generators.family_settings import DIFFUSION_PRESETS, DiffusionSettings
from synthcmr.training.described_network import model_of
from synthcmr.training.device import channels_last, channels_last_batch
from synthcmr.training.loop import Observer, as_part
from synthcmr.training.run_folder import WEIGHTS
from synthcmr.training.settings import LoopSettings

FIRST_LAYER = "unet.conv_in.conv.weight"  # of image, surroundings and planes, in this order
CONTROL_CHANNELS = (64,)  # of the layers that take in the mask; it is folded already, so they need not shrink it


class DiffusionNetwork(PathNetwork):
    """v(x_t, t | mask, neighbour, text)."""

    optimizer_phases = ("diffusion",)
    family = "diffusion"
    settings: DiffusionSettings
    path = VariancePreservingPath()

    def __init__(self, settings: DiffusionSettings, vocabulary: Vocabulary) -> None:
        """Build U-Net, text encoder and, where the mask comes through one, the ControlNet."""
        super().__init__(settings, vocabulary, settings.frames, settings.patch, sees_mask=settings.mask == "channels")
        self.control: nn.Module | None = None
        if settings.mask == "controlnet":
            self.requires_grad_(False)
            self.control = _control(settings)

    def output(self, x_t: Tensor, t: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        """What the U-Net puts out, with what the control branch adds inside it."""
        whole = self.gather(tokens)
        planes = self.planes(whole)
        shown = surroundings if self.settings.mask == "channels" else None
        added = {} if self.control is None else self._added(x_t, t, surroundings, planes, tokens, whole)
        return call_unet(self.unet, x_t, self.patch, t, shown, planes, tokens, whole, **added)

    def begin_control(self, base: DiffusionNetwork) -> None:
        """Take a network that was trained without masks as the frozen base, and its first half as the start of the control branch."""
        if self.control is None:
            raise ValueError("this network has no control branch")
        self.load_state_dict(base.state_dict(), strict=False)
        mine = self.control.state_dict()
        known = {k: v for k, v in base.unet.state_dict().items() if k in mine and v.shape == mine[k].shape}
        self.control.load_state_dict(known, strict=False)

    def without_surroundings(self, name: str, value: Tensor) -> Tensor:
        """A part of a network that sees masks as channels, fitted to one that does not."""
        if name != FIRST_LAYER:
            return value
        image, planes = self.settings.frames * self.settings.patch**2, self.settings.planes
        return torch.cat([value[:, :image], value[:, value.shape[1] - planes :]], dim=1)

    def _added(
        self, x_t: Tensor, t: Tensor, surroundings: Tensor, planes: Tensor, tokens: Tensor, whole: Tensor
    ) -> dict[str, object]:
        if self.control is None:
            return {}
        inputs = channels_last_batch(unet_inputs(x_t, self.patch, None, planes))
        down, middle = self.control(
            inputs, t * TIME_SCALE, controlnet_cond=surroundings.to(inputs.dtype), context=tokens, class_labels=whole
        )
        return {"down_block_additional_residuals": tuple(down), "mid_block_additional_residual": middle}


def _control(settings: DiffusionSettings) -> nn.Module:
    from monai.networks.nets import ControlNet

    control = ControlNet(
        in_channels=settings.frames * settings.patch**2 + settings.planes,
        conditioning_embedding_in_channels=channels_around(settings.frames, settings.patch),
        conditioning_embedding_num_channels=CONTROL_CHANNELS,
        **unet_options(settings),
    )
    control.class_embedding = perceptron(settings.token_width, 4 * settings.channels[0])
    network: nn.Module = channels_last(control)
    return network


BASE = Path("base")  # within the run folder: the network without masks that a ControlNet stands on


class DiffusionGenerator(ConditionalGenerator[DiffusionNetwork]):
    """Denoising diffusion on pixel-unshuffled images."""

    family = "diffusion"
    settings_kind = DiffusionSettings
    network_kind = DiffusionNetwork
    presets: ClassVar[Presets] = DIFFUSION_PRESETS

    @classmethod
    def prepare(cls, network: DiffusionNetwork, fitting: Fitting) -> None:
        """Measure; a ControlNet needs a network without masks first, which is trained for as many steps."""
        super().prepare(network, fitting)
        if network.settings.mask == "controlnet":
            refuse_private(fitting.loop, cls.family, "the network that its ControlNet stands on")
            without = network.settings.model_copy(update={"mask": "none"})
            base = cls.fit(
                fitting.cohort,
                fitting.run / BASE,
                without,
                fitting.loop,
                as_part(fitting.observe, "network without masks"),
            )
            network.begin_control(base.network)

    @classmethod
    def _start(
        cls, settings: ConditionalSettings, cohort: Cohort, run: Path, loop: LoopSettings, observe: Observer | None
    ) -> Path | None:
        """For a ControlNet, weights that see masks as channels first learn to do without, as the base that it stands on.

        In a private run they learn that from phantoms: nothing of the patients goes into the base.
        """
        file = super()._start(settings, cohort, run, loop, observe)
        if file is None or not (_wants(settings) == "controlnet" and _seen(file) == "channels"):
            return file
        people = cohort if loop.dp is None else cls._phantoms(cohort, run, observe)
        without = settings.model_copy(update={"mask": "none", "start": str(file), "rank": None})
        base = Path(known_as(f"{run}-{BASE}"))
        plain = loop.model_copy(update={"dp": None})
        cls.fit(people, base, without, plain, as_part(observe, "network without masks"))
        return base / WEIGHTS

    @classmethod
    def begin(cls, network: DiffusionNetwork, start: Path) -> None:
        """Take all weights; or all but what sees the mask; or those of a network without masks as the base of a ControlNet."""
        wanted, seen = network.settings.mask, _seen(start)
        if wanted == "controlnet" and seen == "none":
            network.begin_control(cls.load(start).network)
        elif wanted == "none" and seen == "channels":
            begin_from(network, start, fitted=network.without_surroundings)
        else:
            super().begin(network, start)


def _wants(settings: ConditionalSettings) -> str:
    return str(getattr(settings, "mask", "channels"))


def _seen(weights: Path) -> str:
    """How a network is shown masks; a flow is as channels."""
    return str(model_of(weights).get("mask", "channels"))
