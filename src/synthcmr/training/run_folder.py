"""The folder of a training run: its settings, what it measured, what came out; and checkpoints to go on from."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthcmr import __version__
from synthcmr.cohort.checksums import FILES, checksums_of, read_checked, read_record
from synthcmr.cohort.output_lock import OutputLock
from synthcmr.cohort.places import without_places
from synthcmr.cohort.provenance import PROVENANCE_FILE, Input, write_provenance, write_record
from synthcmr.errors import CohortError, OtherSettingsError, absence
from synthcmr.formats import RUN

RUN_FILE, METRICS, SHEETS, WEIGHTS = "run.json", "metrics.jsonl", "sheets", "weights.safetensors"

LOCK = ".lock"  # held while a process trains
NOT_COMPARED = ("made_by", "finished", "ended", FILES)  # parts of the record that two runs may differ in
SO_FAR = "so_far.safetensors"  # weights of a run that goes on, as of its last checkpoint
CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class RunFolder:
    """Paths and records of one run."""

    path: Path

    def start(self, record: dict[str, Any], inputs: list[Input]) -> None:
        """Claim the folder for a run, or make sure that it holds the same one, unfinished or finished.

        Raises:
            CohortError: the folder holds another run or other files.
        """
        recorded = without_places(json.loads(json.dumps({**RUN.stamp, **record})))
        if self.exists():
            before = without_places({k: v for k, v in self.record().items() if k not in NOT_COMPARED}) | RUN.stamp
            if before != recorded:
                changed = sorted(k for k in {*before, *recorded} if before.get(k) != recorded.get(k))
                raise OtherSettingsError(
                    f"{self.path}: holds a run with other settings ({', '.join(_difference(k, before, recorded) for k in changed)}); "
                    "repeat the command as it was, choose another folder, or --overwrite"
                )
            return
        if self.path.exists() and any(entry.name != f"{RUN_FILE}.part" for entry in self.path.iterdir()):
            raise CohortError(f"{self.path}: expected an empty or new folder for the run, got one with files in it")
        self.path.mkdir(parents=True, exist_ok=True)  # the record comes first: it says whose all else is
        self._write(recorded | {"made_by": f"synthcmr {__version__}", "finished": False})
        (self.path / SHEETS).mkdir(exist_ok=True)
        write_provenance(self.path, "train", "", inputs, recorded)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only process that trains here.

        Raises:
            CohortError: another one does.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        file = self.path / LOCK
        with OutputLock(file, self.path):
            yield
            file.unlink(missing_ok=True)

    def exists(self) -> bool:
        """Whether a run was started here."""
        return (self.path / RUN_FILE).exists()

    def record(self) -> dict[str, Any]:
        """The settings of the run, and whether it is finished.

        Raises:
            CohortError: there is no run, a newer version wrote it, or its record is not as it was written.
        """
        if not self.exists():
            raise CohortError(
                f"{self.path}: expected a run folder with {RUN_FILE}, but {absence(self.path)}; make one with 'synthcmr train', or "
                "'synthcmr judge fit' for a judge"
            )
        return read_record(self.path / RUN_FILE, RUN)

    def finish(self, weights_hash: str, inputs: list[Input], ended: dict[str, Any] | None = None) -> None:
        """Mark the run as finished.

        Args:
            weights_hash: of what came out.
            inputs: of the run.
            ended: how: its verdict, and the step that the weights are of.
        """
        record = self.record() | {"finished": False} | ({"ended": ended} if ended else {})
        write_provenance(self.path, "train", weights_hash, inputs, {k: v for k, v in record.items() if k != FILES})
        files = {FILES: checksums_of(self.path, (METRICS, PROVENANCE_FILE))}
        self._write(record | RUN.stamp | {"finished": True} | files)

    def log(self, entry: dict[str, Any]) -> None:
        """Append one line to the metrics."""
        with (self.path / METRICS).open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """All lines of the metrics; a line that a kill cut short is left out.

        Raises:
            CohortError: the run is finished, and they are not as it left them.
        """
        known = self.record() if self.exists() else {}
        if METRICS not in known.get(FILES, {}) and not (self.path / METRICS).exists():
            return []
        lines = read_checked(self.path, METRICS, known).decode("utf-8", "replace").splitlines()
        return [entry for line in lines if (entry := _parsed(line)) is not None]

    def forget_after(self, step: int) -> None:
        """Drop metrics of steps that a resumed run will take again."""
        kept = [json.dumps(entry) for entry in self.metrics() if entry["step"] <= step]
        if (self.path / METRICS).exists():
            (self.path / METRICS).write_text("".join(line + "\n" for line in kept))
        if self.exists() and FILES in (
            known := self.record()
        ):  # it is trained again: these are no longer its last metrics
            self._write({k: v for k, v in known.items() if k != FILES})

    def _write(self, record: dict[str, Any]) -> None:
        write_record(self.path / RUN_FILE, record)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        entry: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry


def _difference(key: str, before: dict[str, Any], now: dict[str, Any]) -> str:
    old, new = before.get(key), now.get(key)
    if isinstance(old, dict) and isinstance(new, dict):
        parts = [k for k in {*old, *new} if old.get(k) != new.get(k)]
        return ", ".join(f"{key}.{k} was {old.get(k)!r}, is now {new.get(k)!r}" for k in sorted(parts))
    return f"{key} was {old!r}, is now {new!r}"


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint so that a kill at any moment leaves either the old one or the new one."""
    import torch

    beside = path.with_suffix(".writing")
    with beside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        CohortError: it cannot be read.
    """
    import torch

    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CohortError(f"{path}: expected a checkpoint of synthcmr, got: {error}") from error
    return checkpoint


def random_state() -> dict[str, Any]:
    """State of every global random generator."""
    import numpy as np
    import torch

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
    import numpy as np
    import torch

    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    version, numbers, rest = state["python"]
    random.setstate((version, tuple(numbers), rest))
