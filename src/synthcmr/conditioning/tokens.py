"""The embedded text encoder: one token per attribute, and numbers enter as values."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from synthcmr.conditioning.vocabulary import NumberWord, Vocabulary

OCTAVES = 4  # of the sines a number is shown in: coarse enough that 71 lies between 66 and 76


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
        said = ~values.isnan()
        known = torch.nan_to_num(values)
        tokens = []
        for i, embed in enumerate(self.words):
            column = known[:, i]
            token = embed(column) if isinstance(embed, _NumberEmbedding) else embed(column.long())
            tokens.append(torch.where(said[:, i, None], token, self.silent[i]) + self.name[i])
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
