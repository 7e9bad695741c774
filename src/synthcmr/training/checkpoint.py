"""Checkpoints that hold everything a run needs to go on as if nothing had happened."""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synthcmr.errors import CohortError

NAME = "checkpoint.pt"


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint so that a kill at any moment leaves either the old one or the new one."""
    beside = path.with_suffix(".writing")
    with beside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        CohortError: it cannot be read.
    """
    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CohortError(f"{path}: expected a checkpoint of synthcmr, got: {error}") from error
    return found


def random_state() -> dict[str, Any]:
    """State of every global random generator."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    version, numbers, rest = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [str(kind), torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, gauss],
        "python": [version, list(numbers), rest],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put the global random generators back to a saved state."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    version, numbers, rest = state["python"]
    random.setstate((version, tuple(numbers), rest))
