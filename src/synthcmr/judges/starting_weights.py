"""Fine-tuning: judges that go on from weights which are there already, those that ship or those of another run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from synthcmr.cohort.provenance import Input
from synthcmr.conditioning.vocabulary import CategoryWord, NumberWord, Vocabulary, Word
from synthcmr.config import settings_from_dict
from synthcmr.errors import SettingsError
from synthcmr.judges.settings import JudgeSettings
from synthcmr.training.shipped import shipped
from synthcmr.training.weights import file_hash, read_header, read_tensors, weights_file

if TYPE_CHECKING:
    from torch import Tensor, nn

SHIPPED = "shipped"
# judge -> whose weights it can go on from, the preferred first; readers and encoders share their trunk
FAMILIES = {"segmenter": ("segmenter",), "reader": ("reader", "encoder"), "encoder": ("encoder", "reader")}
SHIPPED_FOR = {"segmenter": "segmenter", "reader": "reader", "encoder": "reader"}

Model = TypeVar("Model", bound=JudgeSettings)


@dataclass(frozen=True)
class StartingWeights:
    """A weights file that a judge goes on from."""

    name: str  # as given: 'shipped', a run, or a file
    file: Path
    header: Mapping[str, Any] = field(repr=False)

    @cached_property
    def hash(self) -> str:
        """Hash of the file."""
        return file_hash(self.file)

    @property
    def input(self) -> Input:
        """As it stands in provenance.json."""
        return Input(self.name, "run", self.hash)

    @property
    def vocabulary(self) -> Vocabulary:
        """The attributes that the weights read, and their values."""
        return Vocabulary.from_json(self.header["vocabulary"])

    def settings(self, kind: type[Model]) -> Model:
        """Default settings of a judge with the architecture of these weights."""
        defaults = kind()
        known = self.header["model"]
        own = {name: known[name] for name in kind.architecture() if name in known}
        own |= {name: known[name] for name in ("attributes",) if name in known}
        return settings_from_dict(
            {**defaults.model_dump(), **kind.fine_tuned(), **own}, kind, f"--init-from {self.name}"
        )

    def check(self, model: JudgeSettings) -> None:
        """Refuse settings of another architecture.

        Raises:
            SettingsError: the weights do not fit a network of these settings.
        """
        known = self.header["model"]
        for name in model.architecture():
            wanted, got = _as_json(known.get(name)), _as_json(getattr(model, name))
            if name in known and wanted != got:
                raise SettingsError(
                    f"--init-from {self.name}: expected model.{name} {wanted}, which its weights were trained with, got {got}; "
                    f"leave '--set model.{name}' out, or train from nothing without --init-from"
                )


def starting_weights(judge: str, init_from: str | Path) -> StartingWeights:
    """The weights that a judge goes on from.

    Args:
        judge: segmenter, reader or encoder.
        init_from: 'shipped', a run folder of `synthcmr judge fit`, or its weights file.

    Raises:
        SettingsError: nothing is there, or it is no judge of this kind.
    """
    name = str(init_from)
    if name != SHIPPED and not Path(name).exists():
        raise SettingsError(
            f"--init-from {name}: expected '{SHIPPED}', a run folder of 'synthcmr judge fit {judge}' or its weights file, "
            "but nothing is there"
        )
    file = shipped(SHIPPED_FOR[judge]) if name == SHIPPED else weights_file(Path(name))
    header = read_header(file)
    family = header.get("family")
    if family not in FAMILIES[judge]:
        expected = " or ".join(FAMILIES[judge])
        raise SettingsError(
            f"--init-from {name}: expected weights of a {expected}, got those of '{family}'; name a run of "
            f"'synthcmr judge fit {judge}', or '{SHIPPED}'"
        )
    return StartingWeights(name, file, header)


def fill(network: nn.Module, start: StartingWeights, new: Collection[str] = ()) -> None:
    """Put starting weights into a network.

    Args:
        network: to fill.
        start: what is put there.
        new: parts of the network that keep their random start.

    Raises:
        SettingsError: some other part has another shape.
    """
    own, stored = network.state_dict(), read_tensors(start.file)
    wanted = [name for name in own if name not in new]
    strange = [name for name in wanted if name not in stored or stored[name].shape != own[name].shape]
    if strange:
        raise SettingsError(
            f"--init-from {start.name}: expected weights of a network of the same shape; {len(strange)} parts differ, first "
            f"'{strange[0]}'; train from nothing without --init-from"
        )
    network.load_state_dict(own | {name: stored[name] for name in wanted})


def fill_head(head: nn.Linear, vocabulary: Vocabulary, start: StartingWeights) -> None:
    """Put the outputs of attributes and values that the starting weights know into a head; others stay random."""
    import torch

    stored = read_tensors(start.file)
    known = {output: row for row, output in enumerate(outputs(start.vocabulary))}
    pairs = [(row, known[output]) for row, output in enumerate(outputs(vocabulary)) if output in known]
    with torch.no_grad():
        for parameter, values in ((head.weight, stored["head.weight"]), (head.bias, stored["head.bias"])):
            _copy_rows(parameter, values, pairs)


def outputs(vocabulary: Vocabulary) -> list[tuple[str, str | None]]:
    """(attribute, value) of each output of a head, in order; None for the value of a number."""
    return [
        (word.name, value)
        for word in vocabulary.words
        for value in (word.values if isinstance(word, CategoryWord) else (None,))
    ]


def going_on(known: Vocabulary, own: Vocabulary) -> Vocabulary:
    """The attributes of a cohort; a number that the starting weights read keeps the mean and spread that they learned."""
    numbers = {word.name: word for word in known.words if isinstance(word, NumberWord)}

    def kept(word: Word) -> Word:
        return numbers.get(word.name, word) if isinstance(word, NumberWord) else word

    return Vocabulary(tuple(kept(word) for word in own.words))


def new_outputs(known: Vocabulary, own: Vocabulary) -> list[str]:
    """Attributes, and 'attribute=value', that the starting weights do not read."""
    fresh = [output for output in outputs(own) if output not in outputs(known)]
    named = [name if value is None or name not in known.names else f"{name}={value}" for name, value in fresh]
    return list(dict.fromkeys(named))


def _copy_rows(parameter: Tensor, values: Tensor, pairs: list[tuple[int, int]]) -> None:
    for row, stored_row in pairs:
        parameter[row] = values[stored_row]


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
