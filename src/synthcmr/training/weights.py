"""Weights on disk: one safetensors file that also says what is needed to use it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from synthcmr.errors import CohortError
from synthcmr.training.run_folder import RUN_FILE, WEIGHTS, RunFolder

HEADER = "synthcmr"


def save_weights(network: nn.Module, file: Path, header: dict[str, Any]) -> str:
    """Write a network's weights in half precision with a header.

    Returns:
        Hash of the file.
    """
    from safetensors.torch import save_file

    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    partial = file.with_suffix(".part")
    save_file(tensors, partial, metadata={HEADER: json.dumps(header)})
    partial.replace(file)
    return file_hash(file)


def read_header(file: Path) -> dict[str, Any]:
    """The header of a weights file.

    Raises:
        CohortError: it is not one of ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CohortError(f"{file}: expected a weights file of synthcmr, got: {error}") from error
    if HEADER not in metadata:
        raise CohortError(f"{file}: expected a weights file of synthcmr; this one does not say what it is for")
    header: dict[str, Any] = json.loads(metadata[HEADER])
    return header


def load_weights(network: nn.Module, file: Path) -> None:
    """Fill a network from a weights file."""
    from safetensors.torch import load_file

    tensors = {k: v.float() if v.dtype == torch.float16 else v for k, v in load_file(file).items()}
    network.load_state_dict(tensors)


def weights_file(run: Path) -> Path:
    """The weights of a run folder, or the file itself.

    Raises:
        CohortError: there is no run, or it has no weights yet.
    """
    if run.is_file():
        return run
    if (run / WEIGHTS).exists():
        return run / WEIGHTS
    if (run / RUN_FILE).exists():
        raise CohortError(
            f"{run}: this run has no weights yet; repeat the 'synthcmr train' command that started it and it will continue"
        )
    RunFolder(run).record()  # says what is expected of a run folder
    raise CohortError(f"{run}: no weights")


def file_hash(file: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
