"""A recalibration on disk: settings, statistics, and the network where there is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthcmr.cohort.array_file import arrays_of
from synthcmr.cohort.checksums import FILES, checksums_of, read_checked
from synthcmr.cohort.checksums import read_record as read_checked_record
from synthcmr.cohort.provenance import PROVENANCE_FILE, combined_hash, write_provenance, write_record
from synthcmr.config import recorded_settings
from synthcmr.errors import CohortError, absence
from synthcmr.formats import RECALIBRATION
from synthcmr.frequency.settings import RecalibrationSettings
from synthcmr.privacy.ledger import LEDGER, Ledger
from synthcmr.training.run_folder import WEIGHTS

if TYPE_CHECKING:
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.shr import Library

MODEL_FILE = "recalibration.json"
STATISTICS, NETWORK = "statistics.npz", "network"


def read_record(folder: Path) -> dict[str, Any]:
    """What a model says of itself.

    Raises:
        CohortError: there is none, a newer version wrote it, or it is not as it was written.
    """
    file = folder / MODEL_FILE
    if not file.exists():
        raise CohortError(
            f"{folder}: expected a recalibration with {MODEL_FILE}, but {absence(folder)}; make one with 'synthcmr recalibrate fit REAL "
            f"{folder.name}'"
        )
    return read_checked_record(file, RECALIBRATION)


def save(model: Recalibration, folder: Path) -> str:
    """Write a fitted model; its network, if any, lies in the folder already.

    Returns:
        Hash of everything that decides what it does.
    """
    from synthcmr.training.weights import file_hash

    folder.mkdir(parents=True, exist_ok=True)
    real = model.real
    arrays: dict[str, Any] = {}
    if model.release is None:  # what is released is four numbers and nothing else
        arrays |= dict(real.moments.arrays("group"))
    if real.library is not None and model.release is None:
        lib = real.library
        arrays |= {
            "magnitude": lib.magnitude,
            "square": lib.square,
            "real": lib.real,
            "picture": lib.picture.astype(np.float16),
        }
    np.savez_compressed(folder / STATISTICS, **arrays)
    settings = model.settings.model_dump(mode="json")
    record = {
        **RECALIBRATION.stamp,
        "settings": settings,
        "rings": real.rings.row(),
        "groups": real.moments.counts() if model.release is None else [],
        "library": None if real.library is None else {"group": real.library.group, "subject": real.library.subject},
        "release": None if model.release is None else model.release.row(),
        "refused": real.refused if model.release is None else {},
        "split": real.split,
        LEDGER: model.ledger.to_json(),
    }
    weights = [file_hash(folder / NETWORK / WEIGHTS)] if model.mapping is not None else []
    own = combined_hash([json.dumps(record, sort_keys=True), *(_digest(v) for v in arrays.values()), *weights])
    write_provenance(folder, "recalibrate fit", own, real.inputs, settings)
    files = checksums_of(folder, (STATISTICS, PROVENANCE_FILE, f"{NETWORK}/{WEIGHTS}"))
    # last: it says that the others are whole
    write_record(folder / MODEL_FILE, record | {"hash": own, FILES: files})
    return own


def load(folder: Path) -> Recalibration:
    """Read a model.

    Raises:
        CohortError: there is none, a newer version wrote it, or it is damaged.
    """
    record = read_record(folder)
    arrays = arrays_of(read_checked(folder, STATISTICS, record), folder / STATISTICS, what="statistics")
    try:
        return _built(record, arrays, folder)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise CohortError(
            f"{folder / MODEL_FILE}: expected a recalibration as synthcmr writes it, but a part is missing or of another form "
            f"({type(error).__name__}); make it again with 'synthcmr recalibrate fit'"
        ) from error


def _built(record: Mapping[str, Any], arrays: dict[str, Any], folder: Path) -> Recalibration:
    from synthcmr.frequency.real_images import RealStatistics
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.release import Release
    from synthcmr.frequency.rhm import Mapping as Network
    from synthcmr.frequency.rings import GroupMoments, Rings

    model = Recalibration(recorded_settings(record["settings"], RecalibrationSettings, str(folder / MODEL_FILE)))
    model.ledger = Ledger.in_record(record)
    rings = Rings(**record["rings"])
    counts = record["groups"]
    moments = GroupMoments.of(arrays, "group", counts) if counts else GroupMoments(rings.count)
    model._real = RealStatistics(
        rings, moments, _library(arrays, record["library"]), refused=record["refused"], split=record["split"]
    )
    if record["release"] is not None:
        model.release = Release.of_row(record["release"])
    if f"{NETWORK}/{WEIGHTS}" in record.get(FILES, {}) or (folder / NETWORK / WEIGHTS).exists():
        model.mapping = Network.load(folder / NETWORK / WEIGHTS)
    return model


def _library(arrays: dict[str, Any], recorded: dict[str, list[str]] | None) -> Library | None:
    from synthcmr.frequency.shr import Library

    if recorded is None:
        return None
    magnitude, square, real = (arrays[name] for name in ("magnitude", "square", "real"))
    return Library(
        magnitude, square, real, arrays["picture"].astype(np.float32), recorded["group"], recorded["subject"]
    )


def _digest(array: Any) -> str:
    import hashlib

    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).hexdigest()
