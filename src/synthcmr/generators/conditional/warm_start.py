"""Beginning from weights that are there already: those that ship, or those of another run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.cohort import Cohort
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.config import PreprocessSettings
from synthcmr.errors import SettingsError
from synthcmr.training.described_network import family_of, model_of, vocabulary_of
from synthcmr.training.shipped_weights import FILES, shipped
from synthcmr.training.weights import read_tensors, weights_file

if TYPE_CHECKING:
    from torch import Tensor, nn

    from synthcmr.training.loop import Observer

PHANTOMS = 120  # made for families of which no weights ship
PHANTOM = "phantom"  # the weights that ship, all of them learned from phantoms


def start_file(start: str, families: Sequence[str]) -> Path | None:
    """The weights that a run begins from; None where phantoms must be learned from first.

    Args:
        start: 'phantom', or a run.
        families: of which weights will do.

    Raises:
        SettingsError: they are of another family.
    """
    if start == PHANTOM:
        return next((shipped(family) for family in families if family in FILES), None)
    file = weights_file(Path(start))
    own_family = family_of(file)
    if own_family not in families:
        wanted = " or ".join(f"'{family}'" for family in families)
        raise SettingsError(
            f"--init-from {start}: expected a run of family {wanted}, got one of '{own_family}'; "
            f"'synthcmr train {own_family}' continues it, '--init-from phantom' begins from phantoms"
        )
    return file


def start_vocabulary(file: Path) -> Vocabulary:
    """The words that the weights know."""
    return vocabulary_of(file)


def _as_it_is(name: str, value: Tensor) -> Tensor:
    return value


def begin_from(
    network: nn.Module, file: Path, further: Sequence[str] = (), fitted: Callable[[str, Tensor], Tensor] = _as_it_is
) -> None:
    """Fill a network with weights; where it knows more words than they do, the further ones keep their random start.

    Args:
        network: to fill.
        file: of weights.
        further: what the network has beside them, and keeps.
        fitted: what becomes of a part before it is filled in, by its name.

    Raises:
        SettingsError: the weights are of a network of another shape.
    """
    import torch

    stored, own = {name: fitted(name, value) for name, value in read_tensors(file).items()}, network.state_dict()
    strange = sorted(
        name
        for name in {*stored, *own} - {*further}
        if not (name in own and (_fits(name, stored[name], own[name]) if name in stored else _grows(name)))
    )
    if strange:
        raise SettingsError(
            f"{file}: expected weights of a network of the same shape; {len(strange)} parts differ, first '{strange[0]}'. "
            "Leave the settings of the model as they were in the run to begin from"
        )
    with torch.no_grad():
        for name, value in stored.items():
            own[name][tuple(slice(0, n) for n in value.shape)] = value
    network.load_state_dict(own)


def started(model: dict[str, Any], file: Path, kept: Sequence[str] = ()) -> dict[str, Any]:
    """Settings of a network that can begin from a weights file: those of the weights, but for what may differ.

    Args:
        model: settings of the new run.
        file: of weights.
        kept: names of settings that say how it learns, and stay those of the new run.
    """
    own = {k: v for k, v in model_of(file).items() if k in model}
    return model | own | {k: model[k] for k in ("start", "rank", *kept)}


def phantoms_like(folder: Path, size: int, spacing_mm: float, observe: Observer | None = None) -> Cohort:
    """Phantoms to learn from before a cohort whose images have this size."""
    if (folder / "cohort.json").exists():
        return Cohort.open(folder)
    from synthcmr.phantom.cohort import make_phantoms
    from synthcmr.training.loop import Progress

    grid = PreprocessSettings(size=size, spacing_mm=spacing_mm)
    started = time.monotonic()

    def progress(done: int, total: int, _: str) -> None:
        if observe is not None:
            left = (time.monotonic() - started) / max(done, 1) * (total - done)
            observe(Progress(done, total, math.nan, None, left))

    return make_phantoms(folder, "everyone", PHANTOMS, preprocess=grid, progress=progress)


def _fits(name: str, stored: Tensor, own: Tensor) -> bool:
    if stored.shape == own.shape:
        return True
    return (
        _grows(name) and stored.dim() == own.dim() and all(a <= b for a, b in zip(stored.shape, own.shape, strict=True))
    )


def _grows(name: str) -> bool:
    """Whether a part of the network grows with its words."""
    return name.startswith("text.") or ".text." in name
