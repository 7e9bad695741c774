"""Weights as they may leave the house: the tensors, and of the header what is needed to use them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthcmr.privacy.ledger import LEDGER
from synthcmr.training.weights import read_header, write_tensors
from synthcmr.training.weights_ledger import weights_ledger

KEPT = ("family", "model", "vocabulary", "scanners", "looks", "limits")
MECHANISM = ("noise_multiplier", "sample_rate", "clip", "releases")  # of the last training, for those who audit it
START = "start"  # of the model: the run that was begun from


def write_released_weights(weights: Path, out: Path, privacy: Mapping[str, Any]) -> None:
    """Write a weights file without what tells where it came from; tensors stay as they are, bit by bit.

    Args:
        weights: a weights file that may be released.
        out: file to make.
        privacy: what is promised.
    """
    from safetensors.torch import load_file

    header = read_header(weights)
    kept = {name: header[name] for name in KEPT if name in header}
    kept["model"] = {name: _unplaced(name, value) for name, value in header["model"].items()}
    mechanism = {k: v for k, v in (header.get("privacy") or {}).items() if k in MECHANISM}
    kept |= {"privacy": {**mechanism, **privacy}, LEDGER: weights_ledger(weights).to_json()}
    write_tensors(load_file(weights), out, kept)


def _unplaced(name: str, value: Any) -> Any:
    """A setting of the model without where things lie on the machine that trained it."""
    if name == START:
        return None
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
