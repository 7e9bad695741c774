"""Weights on disk: one safetensors file that also says what is needed to use it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.errors import CohortError
from synthcmr.formats import WEIGHTS as FORMAT
from synthcmr.training.run_folder import RUN_FILE, SO_FAR, WEIGHTS, RunFolder

if TYPE_CHECKING:  # headers are read before torch is there, so that what is wrong with a run is told at once
    from torch import Tensor, nn

HEADER = "synthcmr"
SCALE = ".scale"  # beside each tensor that is stored in 8 bits


def save_weights(network: nn.Module, file: Path, header: dict[str, Any], compact: bool = False) -> str:
    """Write a network's weights in half precision with a header.

    Args:
        network: whose state is written.
        file: where to.
        header: what is needed to build the network again.
        compact: store matrices and kernels in 8 bits with a scale per output, for weights that travel in a package.

    Returns:
        Hash of the file.
    """
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        if compact and value.is_floating_point() and value.dim() >= 2:
            scale = value.detach().flatten(1).abs().amax(dim=1).clamp(min=1e-8) / 127
            tensors[name] = (value / scale.view(-1, *[1] * (value.dim() - 1))).round().to(torch.int8).contiguous()
            tensors[name + SCALE] = scale.float()
        else:
            tensors[name] = (value.half() if value.is_floating_point() else value).contiguous()
    partial = file.with_suffix(".part")
    save_file(tensors, partial, metadata={HEADER: json.dumps({**FORMAT.stamp, **header})})
    partial.chmod(0o644)
    partial.replace(file)
    return file_hash(file)


def read_header(file: Path) -> dict[str, Any]:
    """The header of a weights file.

    Raises:
        CohortError: it is not one of ours, or a newer version wrote it.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CohortError(f"{file}: expected a weights file of synthcmr, got: {error}") from error
    if HEADER not in metadata:
        raise CohortError(f"{file}: expected a weights file of synthcmr; this one does not say what it is for")
    return FORMAT.read(json.loads(metadata[HEADER]), file, HEADER)


def load_weights(network: nn.Module, file: Path) -> None:
    """Fill a network from a weights file."""
    network.load_state_dict(read_tensors(file))


def read_tensors(file: Path) -> dict[str, Tensor]:
    """All weights of a file, as they were before they were packed."""
    import torch
    from safetensors.torch import load_file

    stored = load_file(file)
    tensors: dict[str, Tensor] = {}
    for name, value in stored.items():
        if name.endswith(SCALE):
            continue
        if name + SCALE in stored:
            tensors[name] = value.float() * stored[name + SCALE].view(-1, *[1] * (value.dim() - 1))
        else:
            tensors[name] = value.float() if value.dtype == torch.float16 else value
    return tensors


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
            f"{run}: this run has no weights yet; repeat the 'synthcmr train' command that started it and it will continue. "
            f"Where there is {run / SO_FAR}, name that file for the weights so far"
        )
    RunFolder(run).record()  # says what is expected of a run folder
    raise CohortError(f"{run}: no weights")


def file_hash(file: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
