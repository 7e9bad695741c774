"""Text encoders: attributes as tokens of an embedded encoder, or as a prompt for a CLIP text model. Numbers enter the first as values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from synthcmr.conditioning.hub import hint, loading
from synthcmr.conditioning.prompt import write_prompt
from synthcmr.conditioning.vocabulary import NumberWord, Vocabulary, is_present
from synthcmr.errors import SettingsError

T = TypeVar("T")
OCTAVES = 4  # of the sines a number is shown in: coarse enough that 71 lies between 66 and 76
VIEW_ONLY = ("slice_fraction",)  # said by no prompt


class Shared(Generic[T]):
    """Holds a module so that its owner does not own it: copies of the owner use the same one."""

    def __init__(self, held: T) -> None:
        """Hold something."""
        self.held = held

    def __deepcopy__(self, memory: dict[int, Any]) -> Shared[T]:
        """The average of weights is a deep copy of a network; what is fixed need not be there twice."""
        return self


class TokenEncoder(nn.Module):
    """Attributes -> (batch, tokens, width). Every attribute has its token, also where nothing is said about it."""

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        """Build embeddings for every word of the vocabulary."""
        super().__init__()
        self.vocabulary = vocabulary
        self.width = width
        self.silent = nn.Parameter(torch.randn(len(vocabulary.words), width) * 0.02)
        self.name = nn.Parameter(torch.randn(len(vocabulary.words), width) * 0.02)
        self.words = nn.ModuleList(
            _NumberEmbedding(width) if isinstance(word, NumberWord) else nn.Embedding(len(word.values), width)
            for word in vocabulary.words
        )
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def prepare(self, attributes: Sequence[Mapping[str, object]]) -> Tensor:
        """What `forward` takes, from attributes: (batch, words), NaN where nothing is said."""
        return torch.from_numpy(np.stack([self.vocabulary.encode(a) for a in attributes]))

    def forward(self, values: Tensor) -> Tensor:
        """Embed a batch of prepared attributes."""
        stated = ~values.isnan()
        known = torch.nan_to_num(values)
        tokens = []
        for i, embed in enumerate(self.words):
            column = known[:, i]
            token = embed(column) if isinstance(embed, _NumberEmbedding) else embed(column.long())
            tokens.append(torch.where(stated[:, i, None], token, self.silent[i]) + self.name[i])
        return torch.stack(tokens, dim=1) + self.out(torch.stack(tokens, dim=1))


class _NumberEmbedding(nn.Module):
    """A standardised number as itself and as sines of it, through a small network."""

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.pi / 8 * 2.0 ** torch.arange(OCTAVES), persistent=False)
        self.network = nn.Sequential(nn.Linear(1 + 2 * OCTAVES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, value: Tensor) -> Tensor:
        phase = value[:, None] * self.frequencies
        return self.network(torch.cat([value[:, None], phase.sin(), phase.cos()], dim=1))


class ClipEncoder(nn.Module):
    """Attributes -> prompt -> CLIP tokens -> (batch, tokens, width); any CLIP text model, frozen, with a linear layer on top."""

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
        encoded = self._tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        return torch.stack([encoded["input_ids"], encoded["attention_mask"]], dim=1)

    def prompt(self, attributes: Mapping[str, object]) -> str:
        """The text of one set of attributes; empty where nothing is said, so that guidance has its empty branch."""
        stated = {
            k: v for k, v in attributes.items() if is_present(v) and k in self.vocabulary.names and k not in VIEW_ONLY
        }
        level = stated.pop("slice_level", None)
        if not stated and level is None:
            return ""
        return write_prompt(stated, slice_level=str(level) if level is not None else None)

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
        return AutoTokenizer.from_pretrained(model, **loading()), CLIPTextModel.from_pretrained(model, **loading())
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"text encoder: expected the hub name or folder of a CLIP text model with its tokenizer, got '{model}': {error}; {hint()}"
        ) from error
