"""What a training campaign leaves between slices: a few files of limited size, from which its runs go on.

Run folders are packed into one archive and cut into parts. Where a checkpoint does not fit as it is, it is reduced: moments of the
optimiser in half precision, then weights alone. The manifest names the parts with their hashes and is written last.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from synthcmr.errors import CohortError
from synthcmr.training.kept_weights import BEST_LOOK
from synthcmr.training.run_folder import CHECKPOINT, METRICS, RUN_FILE, WEIGHTS, load_checkpoint

MANIFEST, PART = "manifest.json", "runs.tar.{:02d}"
MOST_PARTS, PART_BYTES = 7, 14 * 2**20  # with the manifest eight files of less than 15 MiB
STATES = (CHECKPOINT, BEST_LOOK)
RECORDS = (RUN_FILE, "provenance.json", METRICS, "fingerprints.npz")
LEVELS = ("whole", "moments in half precision", "weights alone, in half precision")


def save(runs: Path, out: Path, told: dict[str, Any], most_bytes: int = MOST_PARTS * PART_BYTES) -> str:
    """Write every run of a folder, as whole as fits, and a manifest.

    Args:
        runs: folder of run folders.
        out: where to; what an earlier call left there is replaced.
        told: what the manifest holds beside the parts.
        most_bytes: of all parts together.

    Returns:
        How whole the checkpoints are.

    Raises:
        CohortError: not even weights alone fit.
    """
    for level in LEVELS:
        packed = _archive(runs, level)
        if len(packed) <= most_bytes:
            break
    else:
        raise CohortError(
            f"{runs}: expected weights of at most {most_bytes / 2**20:.0f} MiB, got {len(packed) / 2**20:.0f}; "
            "train fewer or smaller networks (--families, --preset)"
        )
    out.mkdir(parents=True, exist_ok=True)
    parts = [packed[k : k + PART_BYTES] for k in range(0, len(packed), PART_BYTES)]
    names = [PART.format(k) for k in range(len(parts))]
    hashes = {name: hashlib.sha256(part).hexdigest() for name, part in zip(names, parts, strict=True)}
    manifest = json.dumps({**told, "checkpoints": level, "parts": hashes}, indent=2).encode()
    staged = [(out / name, part) for name, part in (*zip(names, parts, strict=True), (MANIFEST, manifest))]
    for file, content in staged:
        file.with_suffix(file.suffix + ".writing").write_bytes(content)
    for file, _ in staged:
        os.replace(file.with_suffix(file.suffix + ".writing"), file)
    for old in sorted(out.glob(PART.format(0)[:-2] + "*")):
        if old.name not in names:
            old.unlink()
    return level


def restore(files: Path, runs: Path) -> dict[str, Any]:
    """Unpack what an earlier slice left, and say what its manifest holds.

    Raises:
        CohortError: there is no manifest, or a part is missing or not the one that it names.
    """
    if not (files / MANIFEST).exists():
        raise CohortError(
            f"--from {files}: expected {MANIFEST} of an earlier slice, found none; leave --from out to begin"
        )
    told: dict[str, Any] = json.loads((files / MANIFEST).read_text())
    packed = b""
    for name, wanted in told["parts"].items():
        content = (files / name).read_bytes() if (files / name).exists() else b""
        if hashlib.sha256(content).hexdigest() != wanted:
            raise CohortError(
                f"{files / name}: expected the part that {MANIFEST} names, got another or none; use the slice before"
            )
        packed += content
    runs.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(runs, filter="data")
    return told


def _archive(runs: Path, level: str) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for file, content in _contents(runs, level):
            entry = tarfile.TarInfo(str(file.relative_to(runs)))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return held.getvalue()


def _contents(runs: Path, level: str) -> Iterator[tuple[Path, bytes]]:
    """Files to keep; of finished runs no checkpoints."""
    for file in sorted(runs.rglob("*")):
        run = runs / file.relative_to(runs).parts[0]
        if file.name in (*RECORDS, WEIGHTS):
            yield file, file.read_bytes()
        elif file.name in STATES and not (run / WEIGHTS).exists():
            yield file, file.read_bytes() if level == LEVELS[0] else _reduced(file, level)


def _reduced(file: Path, level: str) -> bytes:
    """A checkpoint in fewer bytes. The loop takes up any precision, and an optimiser without moments begins them anew."""
    state = load_checkpoint(file)
    for turn in state.get("optimisers", {}).values():
        turn["state"] = {} if level == LEVELS[2] else _cast(turn["state"], torch.bfloat16)
    weights = ("ema", "network") if level == LEVELS[2] or file.name == BEST_LOOK else ("ema",)
    for name in weights:
        if name in state:
            state[name] = _cast(state[name], torch.float16)
    held = io.BytesIO()
    torch.save(state, held)
    return held.getvalue()


def _cast(value: Any, kind: torch.dtype) -> Any:
    """Every large tensor of nested dictionaries in another precision; steps that are counted stay."""
    if isinstance(value, dict):
        return {key: _cast(one, kind) for key, one in value.items()}
    if isinstance(value, torch.Tensor) and value.is_floating_point() and value.dim() > 0:
        return value.to(kind)
    return value
