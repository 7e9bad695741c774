"""Weights on disk: one safetensors file that also says what is needed to use it, and whether it is still as it was written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.cohort.checksums import OWN, bulk_checksum, changed, checksum
from synthcmr.cohort.output_place import known_as
from synthcmr.cohort.places import without_places
from synthcmr.errors import CohortError, in_words
from synthcmr.formats import WEIGHTS as FORMAT
from synthcmr.training.run_folder import RUN_FILE, SO_FAR, WEIGHTS, RunFolder

if TYPE_CHECKING:  # headers are read before torch is there, so that what is wrong with a run is reported at once
    from torch import Tensor, nn

HEADER = "synthcmr"
SCALE = ".scale"  # beside each tensor that is stored in 8 bits
TENSORS = "tensors"  # in the header: checksum of all tensors, with their names, types and shapes


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

    tensors: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        if compact and value.is_floating_point() and value.dim() >= 2:
            scale = value.detach().flatten(1).abs().amax(dim=1).clamp(min=1e-8) / 127
            tensors[name] = (value / scale.view(-1, *[1] * (value.dim() - 1))).round().to(torch.int8).contiguous()
            tensors[name + SCALE] = scale.float()
        else:
            tensors[name] = (value.half() if value.is_floating_point() else value).contiguous()
    write_tensors(tensors, file, header)
    return file_hash(file)


def write_tensors(tensors: dict[str, Tensor], file: Path, header: dict[str, Any]) -> None:
    """Write tensors as they are, with a header and checksums of both."""
    from safetensors.torch import save

    partial = file.with_suffix(".part")
    stamped = {**FORMAT.stamp, **without_places(header), TENSORS: _checksum(save(tensors))}
    stamped = json.loads(known_as(json.dumps(stamped)))
    stamped[OWN] = _header_checksum(stamped)
    partial.write_bytes(save(tensors, metadata={HEADER: json.dumps(stamped)}))
    partial.chmod(0o644)
    partial.replace(file)


def read_header(file: Path) -> dict[str, Any]:
    """The header of a weights file.

    Raises:
        CohortError: it is not one of ours, a newer version wrote it, or the header is not as it was written.
    """
    return {k: v for k, v in _stamped_header(file).items() if k not in (OWN, TENSORS)}


def load_weights(network: nn.Module, file: Path) -> None:
    """Fill a network from a weights file.

    Raises:
        CohortError: they are not as they were written, or of another network.
    """
    try:
        network.load_state_dict(read_tensors(file))
    except RuntimeError as error:
        raise CohortError(
            f"{file}: expected weights of the network that its header describes, but they are of another shape: the file is "
            "damaged; restore it from a copy, or train again"
        ) from error


def read_tensors(file: Path) -> dict[str, Tensor]:
    """All weights of a file, as they were before they were packed.

    Raises:
        CohortError: they are not as they were written.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    known = _stamped_header(file).get(TENSORS)
    content = file.read_bytes()
    if known is not None and known != _checksum(content):
        raise changed(file)
    try:
        stored = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CohortError(f"{file}: expected a weights file of synthcmr, got: {in_words(error)}") from error
    tensors: dict[str, Tensor] = {}
    for name, value in stored.items():
        if name.endswith(SCALE):
            continue
        if name + SCALE in stored:
            tensors[name] = value.float() * stored[name + SCALE].view(-1, *[1] * (value.dim() - 1))
        else:
            tensors[name] = value.float() if value.dtype == torch.float16 else value
    return tensors


def _stamped_header(file: Path) -> dict[str, Any]:
    """What a weights file says of itself, checksums included."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise CohortError(f"{file}: expected a weights file of synthcmr, got: {in_words(error)}") from error
    if HEADER not in metadata:
        raise CohortError(f"{file}: expected a weights file of synthcmr; this one does not say what it is for")
    try:
        record = json.loads(metadata[HEADER])
    except (ValueError, RecursionError) as error:
        raise CohortError(f"{file}: expected a weights file of synthcmr, got a header that is no JSON") from error
    if not isinstance(record, dict):
        raise CohortError(f"{file}: expected a record as its header, got {type(record).__name__}")
    read = FORMAT.read(record, file, HEADER)
    if OWN in record:
        whole = record[OWN] == _header_checksum(record)
    else:  # none was written; but where one value is that of all others, the key of it is what has changed
        whole = not any(value == _header_checksum(record, key) for key, value in record.items())
    if not whole:
        raise changed(file)
    return read


def _header_checksum(record: dict[str, Any], own: str = OWN) -> str:
    """Checksum of what a weights file says of itself, but for the key that holds it."""
    return checksum(json.dumps({k: v for k, v in record.items() if k != own}, sort_keys=True).encode())


def _checksum(content: bytes) -> str:
    """Checksum of the tensors of a safetensors file, with their names, types and shapes, whatever else its header says."""
    size = int.from_bytes(content[:8], "little")
    table = json.loads(content[8 : 8 + size])
    table.pop("__metadata__", None)
    table["data"] = bulk_checksum(memoryview(content)[8 + size :])
    return checksum(json.dumps(table, sort_keys=True).encode())


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
