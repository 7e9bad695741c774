"""Arrays of an .npz file, each as it was written: every member of the zip is read whole, so that its own checksum is compared."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.reasons import why
from synthcmr.errors import CohortError

LARGEST = 2 << 30  # bytes of all arrays; what synthcmr writes is far smaller
DEFECTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
    MemoryError,
)


def arrays_of(
    content: bytes, file: Path, *names: str, what: str = "arrays", largest: int = LARGEST
) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an .npz file.

    Args:
        content: of the file.
        file: what errors call it.
        names: of arrays that must be there.
        what: the file should be.
        largest: bytes that the arrays may have together.

    Raises:
        CohortError: it is none, is damaged or too large, or lacks an array.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > largest:
                raise CohortError(
                    f"{file}: expected {what} of at most {largest} bytes, got {size}; it may be a zip bomb"
                )
            arrays = {m.filename.removesuffix(".npy"): _array(archive, m) for m in archive.infolist()}
    except DEFECTS as error:
        raise CohortError(
            f"{file}: expected {what} as synthcmr writes it (.npz), but the file is damaged or another one ({why(error)}); "
            "restore it from a copy, or make it again"
        ) from error
    missing = [name for name in names if name not in arrays]
    if missing:
        raise CohortError(
            f"{file}: expected {what} with {', '.join(names)}, but there is no {missing[0]}; make it again"
        )
    return arrays


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    data = archive.read(member)  # to its end, where its checksum is compared
    return np.asarray(np.lib.format.read_array(BytesIO(data), allow_pickle=False))
