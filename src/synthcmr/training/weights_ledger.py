"""The ledger of weights: which looks at patients are in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from synthcmr.privacy.ledger import EMPTY, LEDGER, Ledger
from synthcmr.training.run_folder import WEIGHTS
from synthcmr.training.shipped_weights import FILES, ships
from synthcmr.training.weights import file_hash, read_header, weights_file


def weights_ledger(run: Path) -> Ledger:
    """What the weights of a run, or a weights file, say; those that ship have seen no patient who did not publish the images.

    Raises:
        CohortError: there are no weights.
    """
    file = weights_file(run)
    header = read_header(file)
    if LEDGER not in header and is_shipped(file):
        return EMPTY
    return Ledger.in_record(header).named(str(_known_by(run)))


def _known_by(run: Path) -> Path:
    """The folder of a run, as all weights files of runs have one name."""
    return run.parent if run.name == WEIGHTS else run


def judge_ledger(folder: Path) -> Ledger:
    """The ledger of what a judge has seen."""
    own = weights_ledger(folder)
    looked = tuple(replace(e, reason="judge") if e.reason == "weights" else e for e in own.entries)
    return Ledger(looked).named(str(_known_by(folder)))


def is_shipped(file: Path) -> bool:
    """Whether a file is one that comes with the package, wherever it lies."""
    own_hash = file_hash(file)
    return any(ships(name, own_hash) for name in FILES)
