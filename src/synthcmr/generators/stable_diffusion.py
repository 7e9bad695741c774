"""The stable family: U-Net and control branch in the latent space of Stable Diffusion's autoencoder, conditioned on the paper's prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss

from synthcmr.conditioning.condition import CHANNELS
from synthcmr.conditioning.hub import hint, loading
from synthcmr.conditioning.prompt_words import DIAGNOSES
from synthcmr.conditioning.text_encoders import Shared
from synthcmr.conditioning.vocabulary import Vocabulary, is_present
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.condition_batch import ConditionBatch
from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting
from synthcmr.generators.conditional.network import ConditionalNetwork
from synthcmr.generators.conditional.noise_paths import SCHEDULERS, generators_of, scheduler_of
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.family_settings import STABLE_PRESETS, StableSettings
from synthcmr.generators.sampler import SamplerSettings, guided
from synthcmr.training.low_rank import tune_low_rank

BMI_CLASSES = ((18.5, "underweight"), (25.0, "normal"), (30.0, "overweight"))
HEART_FAILURE = ("DCM", "HF", "HFrEF", "HFpEF", "HFmrEF")  # what the paper's single word covers
SHRINK = 8  # of the autoencoder
USUAL = "ddim"


def paper_prompt(attributes: Mapping[str, object]) -> str:
    """Attributes in the paper's words; empty where there are none."""
    present = {k: v for k, v in attributes.items() if is_present(v)}
    parts = []
    if "sex" in present:
        parts.append(str(present["sex"]).capitalize())
    if "age" in present:
        parts.append(f"age in {int(float(str(present['age']))) // 10}0s")
    if "bmi" in present:
        parts.append(f"{bmi_class(float(str(present['bmi'])))} BMI")
    if "diagnosis" in present:
        parts.append(_illness(str(present["diagnosis"])))
    return ", ".join(parts)


def bmi_class(bmi: float) -> str:
    """The classes of the World Health Organization, as the paper names them."""
    return next((name for limit, name in BMI_CLASSES if bmi < limit), "obese")


def _illness(diagnosis: str) -> str:
    if diagnosis == "NOR":
        return "healthy"
    if diagnosis in HEART_FAILURE:
        return "heart failure"
    return DIAGNOSES.get(diagnosis, diagnosis)


@dataclass(frozen=True)
class Parts:
    """What a folder of diffusers holds; all frozen."""

    tokenizer: Any
    text: nn.Module
    autoencoder: Any
    unet: Any
    schedule: Mapping[str, Any]  # configuration of the training schedule


def load_parts(base: str) -> Parts:
    """Load the parts one by one; a safety checker, which medical images confuse, is never among them.

    Raises:
        SettingsError: transformers is not installed, or there is no such model.
    """
    try:
        from transformers import AutoTokenizer, CLIPTextModel
    except ImportError as error:
        raise SettingsError("family 'stable': needs transformers; pip install 'synthcmr[clip]'") from error
    from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel

    options = loading()
    local = options["local_files_only"]
    try:
        return Parts(
            AutoTokenizer.from_pretrained(base, subfolder="tokenizer", **options),
            CLIPTextModel.from_pretrained(base, subfolder="text_encoder", **options).eval().requires_grad_(False),
            AutoencoderKL.from_pretrained(base, subfolder="vae", local_files_only=local).eval().requires_grad_(False),
            UNet2DConditionModel.from_pretrained(base, subfolder="unet", local_files_only=local).requires_grad_(False),
            dict(DDPMScheduler.from_pretrained(base, subfolder="scheduler", local_files_only=local).config),
        )
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"model.base: expected the hub name or the folder of a Stable Diffusion in diffusers' layout (tokenizer, text_encoder, "
            f"vae, unet, scheduler), got '{base}': {error}; {hint()}"
        ) from error


class PromptEncoder(nn.Module):
    """Attributes -> the paper's prompt -> what the U-Net attends to; frozen."""

    def __init__(self, vocabulary: Vocabulary, parts: Parts) -> None:
        """Share the text model."""
        super().__init__()
        self.vocabulary = vocabulary
        self._tokenizer, self._text = Shared(parts.tokenizer), Shared(parts.text)

    def prepare(self, attributes: Sequence[Mapping[str, object]]) -> Tensor:
        """Token ids, (batch, length)."""
        texts = [paper_prompt({k: v for k, v in a.items() if k in self.vocabulary.names}) for a in attributes]
        tokenizer = self._tokenizer.held
        ids: Tensor = tokenizer(
            texts, padding="max_length", truncation=True, max_length=tokenizer.model_max_length, return_tensors="pt"
        )["input_ids"]
        return ids

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, length, width)."""
        with torch.no_grad():
            states: Tensor = self._text.held.to(ids.device)(ids).last_hidden_state
        return states


class StableNetwork(ConditionalNetwork):
    """What is trained is its own; what stays as it was is shared and not stored."""

    optimizer_phases = ("stable",)
    settings: StableSettings

    def __init__(self, settings: StableSettings, vocabulary: Vocabulary) -> None:
        """Load the weights that are begun from, and build the control branch as a copy of the U-Net's first half.

        Raises:
            SettingsError: images are not ED+ES pairs, or the weights cannot be loaded.
        """
        if settings.frames != 2:
            raise SettingsError(
                f"family 'stable': expected 2 frames, which it stacks as (ED, ES, ED), got {settings.frames}"
            )
        from diffusers import ControlNetModel

        super().__init__(settings, vocabulary)
        parts = load_parts(settings.base)
        self.text: Any = PromptEncoder(vocabulary, parts)
        self._autoencoder = Shared(parts.autoencoder)
        self._schedule = Shared(parts.schedule)
        self.control: Any = ControlNetModel.from_unet(parts.unet)
        self._fixed = Shared(parts.unet) if settings.tune == "controlnet" else None
        self.unet: Any = None if settings.tune == "controlnet" else parts.unet
        if settings.tune == "full":
            parts.unet.requires_grad_(True)

    def add_low_rank(self) -> None:
        """Where the U-Net learns low-rank additions: make them, before training."""
        if self.settings.tune == "lora":
            self.unet.requires_grad_(True)
            tune_low_rank(self.unet, self.settings.lora_rank)

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The squared error of noise, or of v, as the weights were trained to say."""
        scheduler = scheduler_of("ddpm", **self._schedule.held)
        with torch.no_grad():
            latent = self._encode(_stacked(batch["image"]))
        noise = self._noise(batch["noise"])
        count = scheduler.config.num_train_timesteps
        step = ((1 - batch["time"]) * count).long().clamp(0, count - 1)
        target = noise if scheduler.config.prediction_type == "epsilon" else scheduler.get_velocity(latent, noise, step)
        prediction = self._predict(
            scheduler.add_noise(latent, noise, step),
            step,
            self._control_image(batch["mask"]),
            self.text(batch["text"]),
            1.0,
        )
        return mse_loss(prediction, target.float()), {}

    def draw(self, conditions: ConditionBatch, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Diffusion with guidance, decoded, unstacked and brought back to the size of the masks.

        On a CPU in full precision: kernels in half precision round differently with the size of the batch.
        """
        half = settings.precision == "bf16" and noise.device.type != "cpu"
        with torch.autocast(noise.device.type, torch.bfloat16, enabled=half):
            return self._drawn(conditions, noise, settings)

    def _drawn(self, conditions: ConditionBatch, noise: Tensor, settings: SamplerSettings) -> Tensor:
        scheduler = scheduler_of(settings.sampler or USUAL, **self._schedule.held)
        scheduler.set_timesteps(settings.steps)
        rest = {"generator": generators_of(noise)} if settings.sampler == "ddpm" else {}
        control = self._control_image(conditions.mask)
        conditional, unconditional = (
            self.tokens(conditions.texts),
            self.tokens(conditions.texts_without(settings.branch)),
        )
        x = self._noise(noise) * scheduler.init_noise_sigma
        both, controls = torch.cat([conditional, unconditional]), torch.cat([control, control])
        for done, step in enumerate(scheduler.timesteps):
            seen = scheduler.scale_model_input(x, step)
            now = step.expand(len(x)).to(x.device)
            if settings.guidance == 1.0 or done >= settings.until * settings.steps:
                prediction = self._predict(seen, now, control, conditional, self.settings.scale)
            else:
                predictions = self._predict(
                    torch.cat([seen, seen]), torch.cat([now, now]), controls, both, self.settings.scale
                )
                prediction = guided(predictions[: len(x)], predictions[len(x) :], settings.guidance, settings.rescale)
            x = scheduler.step(prediction.float(), step, x.float(), **rest).prev_sample
        return _unstacked(self._decode(x), noise.shape[2:])

    def check_sampler(self, settings: SamplerSettings) -> None:
        """The schedulers of diffusions."""
        if settings.sampler is not None and settings.sampler not in SCHEDULERS:
            raise SettingsError(f"--sampler: family 'stable' takes {', '.join(SCHEDULERS)}; got '{settings.sampler}'")

    def _predict(self, x: Tensor, step: Tensor, control: Tensor, tokens: Tensor, scale: float) -> Tensor:
        unet = self._fixed.held.to(x.device) if self._fixed is not None else self.unet
        down, middle = self.control(
            x, step, encoder_hidden_states=tokens, controlnet_cond=control, conditioning_scale=scale, return_dict=False
        )
        prediction: Tensor = unet(
            x,
            step,
            encoder_hidden_states=tokens,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
        ).sample
        return prediction.float()

    def _encode(self, image: Tensor) -> Tensor:
        autoencoder = self._autoencoder.held.to(image.device)
        sized = interpolate(image, size=(self.settings.resolution,) * 2, mode="bilinear", antialias=True)
        latent: Tensor = autoencoder.encode(sized).latent_dist.mean * autoencoder.config.scaling_factor
        return latent.float()

    def _decode(self, latent: Tensor) -> Tensor:
        autoencoder = self._autoencoder.held.to(latent.device)
        image: Tensor = autoencoder.decode(latent / autoencoder.config.scaling_factor).sample
        return image.float()

    def _noise(self, noise: Tensor) -> Tensor:
        """Noise of a latent, from the numbers of each image's own: the first ones, and more from them where they are too few."""
        side = self.settings.resolution // SHRINK
        channels = self._autoencoder.held.config.latent_channels
        flat, wanted = noise.flatten(1).float(), channels * side * side
        if flat.shape[1] < wanted:
            more = [torch.randn(wanted, generator=g) for g in generators_of(noise)]
            flat = torch.stack(more).to(noise.device)
        return flat[:, :wanted].reshape(-1, channels, side, side)

    def _control_image(self, mask: Tensor) -> Tensor:
        """The paper's: grey levels of a quarter (LV), a half (myocardium) and three quarters (RV), stacked as the images are."""
        by_frame = mask.reshape(len(mask), -1, CHANNELS, *mask.shape[2:])
        levels = torch.tensor([0.25, 0.5, 0.75], device=mask.device)[:, None, None]
        grey = (by_frame[:, :, :3] * levels).sum(dim=2)
        return interpolate(grey[:, [0, 1, 0]], size=(self.settings.resolution,) * 2, mode="nearest")


def _stacked(image: Tensor) -> Tensor:
    """(ED, ES) -> (ED, ES, ED), as red, green and blue."""
    return image[:, [0, 1, 0]]


def _unstacked(image: Tensor, size: torch.Size | tuple[int, ...]) -> Tensor:
    """The way back: ED from both of its channels."""
    sized = interpolate(image, size=tuple(size), mode="bilinear", antialias=True)
    return torch.stack([(sized[:, 0] + sized[:, 2]) / 2, sized[:, 1]], dim=1)


class StableGenerator(ConditionalGenerator[StableNetwork]):
    """Stable Diffusion and a ControlNet."""

    family = "stable"
    settings_kind = StableSettings
    network_kind = StableNetwork
    presets: ClassVar[Presets] = STABLE_PRESETS

    @classmethod
    def prepare(cls, network: StableNetwork, fitting: Fitting) -> None:
        """Nothing is measured; low-rank additions are made."""
        network.add_low_rank()

    @classmethod
    def begin(cls, network: StableNetwork, start: Path) -> None:
        """Take all that was trained before."""
        super().begin(network, start)
        network.add_low_rank()
