"""The parts of a Stable Diffusion, from the hub or from a folder; and its text encoder as ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from synthcmr.conditioning.hub import hint, loading
from synthcmr.conditioning.text_encoders import Shared
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.generators.stable.prompt import paper_prompt


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

    told = loading()
    local = told["local_files_only"]
    try:
        return Parts(
            AutoTokenizer.from_pretrained(base, subfolder="tokenizer", **told),
            CLIPTextModel.from_pretrained(base, subfolder="text_encoder", **told).eval().requires_grad_(False),
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
        found: Tensor = tokenizer(
            texts, padding="max_length", truncation=True, max_length=tokenizer.model_max_length, return_tensors="pt"
        )["input_ids"]
        return found

    def forward(self, ids: Tensor) -> Tensor:
        """(batch, length, width)."""
        with torch.no_grad():
            found: Tensor = self._text.held.to(ids.device)(ids).last_hidden_state
        return found
