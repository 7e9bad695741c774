"""What a recalibration on disk says of itself, read without the networks that it may need."""

import json
from pathlib import Path
from typing import Any

from synthcmr.errors import CohortError
from synthcmr.formats import RECALIBRATION

MODEL_FILE = "recalibration.json"


def read_record(folder: Path) -> dict[str, Any]:
    """What a model says of itself.

    Raises:
        CohortError: there is none, or a newer version wrote it.
    """
    file = folder / MODEL_FILE
    if not file.exists():
        raise CohortError(
            f"{folder}: expected a recalibration with {MODEL_FILE}; make one with 'synthcmr recalibrate fit REAL {folder.name}'"
        )
    record: dict[str, Any] = json.loads(file.read_text())
    return RECALIBRATION.read(record, file)
