"""Any CLIP text model of the Hugging Face hub, or of a local folder, as text encoder. Frozen; a linear layer is trained on top."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from synthcmr.conditioning.prompt_writer import write_prompt
from synthcmr.conditioning.unowned_module import Shared
from synthcmr.conditioning.vocabulary import Vocabulary, is_present
from synthcmr.errors import SettingsError

VIEW_ONLY = ("slice_fraction",)  # said by no prompt


class ClipEncoder(nn.Module):
    """Attributes -> prompt -> CLIP tokens -> (batch, tokens, width)."""

    def __init__(self, vocabulary: Vocabulary, width: int, model: str) -> None:
        """Load the text model.

        Args:
            vocabulary: the attributes that prompts may name.
            width: of the tokens that the generator takes.
            model: hub name, or folder, of a CLIP text model with its tokenizer.

        Raises:
            SettingsError: transformers is not installed, or the model cannot be loaded.
        """
        super().__init__()
        self.vocabulary = vocabulary
        self._tokenizer, text_model = _load(model)
        self._text: Shared[nn.Module] = Shared(text_model.eval().requires_grad_(False))
        self.width = width
        self.project = nn.Linear(text_model.config.hidden_size, width)

    def prepare(self, attributes: Sequence[Mapping[str, object]]) -> Tensor:
        """Token ids and their mask, (batch, 2, length)."""
        texts = [self.prompt(a) for a in attributes]
        length = self._tokenizer.model_max_length
        found = self._tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        return torch.stack([found["input_ids"], found["attention_mask"]], dim=1)

    def prompt(self, attributes: Mapping[str, object]) -> str:
        """The text of one set of attributes; empty where nothing is said, so that guidance has its empty branch."""
        told = {
            k: v for k, v in attributes.items() if is_present(v) and k in self.vocabulary.names and k not in VIEW_ONLY
        }
        level = told.pop("slice_level", None)
        if not told and level is None:
            return ""
        return write_prompt(told, slice_level=str(level) if level is not None else None)

    def forward(self, ids: Tensor) -> Tensor:
        """Embed a batch of prepared prompts."""
        text = self._text.held.to(ids.device)
        with torch.no_grad():
            hidden = text(input_ids=ids[:, 0], attention_mask=ids[:, 1]).last_hidden_state
        return self.project(hidden.to(self.project.weight.dtype))


def _load(model: str) -> tuple[Any, Any]:
    try:
        from transformers import AutoTokenizer, CLIPTextModel
    except ImportError as error:
        raise SettingsError("text encoder 'clip': needs transformers; pip install 'synthcmr[clip]'") from error
    try:
        return AutoTokenizer.from_pretrained(model), CLIPTextModel.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"text encoder: expected the hub name or folder of a CLIP text model with its tokenizer, got '{model}': {error}"
        ) from error
