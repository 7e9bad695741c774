"""One NIfTI file as stored values and header: what the header promises is checked before anything of that size is unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.reasons import why
from synthcmr.cohort.source_links import expect_file
from synthcmr.errors import ReadError

GZIP = b"\x1f\x8b"
HEADERS = {
    348: "Nifti1Header",
    540: "Nifti2Header",
}  # the first number of a file, which is the size of its header, tells the version
LONGEST_HEADER = max(HEADERS)
MOST_VOXELS = (
    1 << 27
)  # 512 x 512 pixels, 16 slices, 32 frames, or as much in another shape: no short-axis cine comes near
SPARE_BYTES = 16 << 20  # what may lie before and behind the voxels
BLOCK = 1 << 20


def read_nifti(path: Path, most: int = MOST_VOXELS) -> tuple[npt.NDArray[np.generic], Any]:
    """Values as they are stored, in nibabel's order (x, y, z, t), and the header.

    Args:
        path: the file; whether it is packed is decided by its content, not by its name.
        most: voxels that it may have.

    Raises:
        ReadError: the file is missing, empty, cut short or damaged, is no NIfTI, or holds more voxels.
    """
    expect_file(path)
    try:
        with path.open("rb") as file:
            return _read(file, path.name, most)
    except OSError as error:
        raise ReadError(f"{path.name}: cannot be opened ({why(error)})") from error


def _read(file: BinaryIO, name: str, most: int) -> tuple[npt.NDArray[np.generic], Any]:
    packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    blocks = _unpacked(file, name) if packed else iter(lambda: file.read(BLOCK), b"")
    content = bytearray()
    for block in blocks:
        content += block
        if len(content) >= LONGEST_HEADER:
            break
    if not content:
        raise ReadError(f"{name}: the file is empty (0 bytes); copy it again")
    header = _header(bytes(content[:LONGEST_HEADER]), name)
    shape, kind, start = _promised(header, name, most)
    size = start + int(np.prod(shape, dtype=object)) * kind.itemsize
    spare = SPARE_BYTES
    for block in blocks:
        wanted = max(0, size - len(content))
        content += block[:wanted]
        spare -= len(block) - len(block[:wanted])
        if spare < 0:
            raise ReadError(f"{name}: expected {size} bytes, as its header says, got a file that unpacks to far more")
    if len(content) < size:
        raise ReadError(
            f"{name}: expected {size} bytes, as its header says, got {len(content)}: it is cut short or damaged; copy it again"
        )
    stored = (
        np.frombuffer(content, dtype=kind, count=int(np.prod(shape)), offset=start)
        if size > start
        else np.empty(0, kind)
    )
    return stored.reshape(shape, order="F"), header


def _unpacked(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Blocks of a gzip file, which may have several members, and zeros behind the last; each is compared with its checksum."""
    raw = file.read(BLOCK)
    while raw.startswith(GZIP):
        member = zlib.decompressobj(wbits=31)
        try:
            while not member.eof:
                block = member.decompress(raw, BLOCK)
                raw = member.unconsumed_tail or (b"" if member.eof else file.read(BLOCK))
                if not block and not raw and not member.eof:
                    raise ReadError(f"{name}: the file is cut short; copy it again")
                yield block
        except zlib.error as error:
            raise ReadError(f"{name}: cannot be unpacked, the file is damaged ({error}); copy it again") from error
        raw = member.unused_data
        raw += file.read(BLOCK) if len(raw) < len(GZIP) else b""


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep nibabel from printing what headers hold; without its handlers Python would print it."""
    log = import_module("nibabel.imageglobals").logger
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _header(content: bytes, name: str) -> Any:
    size = int.from_bytes(content[:4], "little"), int.from_bytes(content[:4], "big")
    kind = next((HEADERS[s] for s in size if s in HEADERS), None)
    if kind is None:
        raise ReadError(f"{name}: expected a NIfTI file (.nii or .nii.gz), got something else")
    length = next(s for s in size if s in HEADERS)
    try:
        with _unheard():
            return _with_stated_sizes(getattr(import_module("nibabel"), kind), content[:length])
    except Exception as error:  # nibabel raises many kinds on damaged bytes, all with one meaning here
        raise ReadError(f"{name}: cannot be read as NIfTI, probably cut short or damaged ({why(error)})") from error


def _with_stated_sizes(kind: Any, content: bytes) -> Any:
    """A header whose voxels of size 0 stay so: nibabel makes them 1 mm, and volumes would be computed with that."""
    header, stated = kind(content), kind(content, check=False)
    header["pixdim"][1:4] = np.where(stated["pixdim"][1:4] == 0, 0, header["pixdim"][1:4])
    return header


def _promised(header: Any, name: str, most: int) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, type and place of the voxels, as the header says."""
    try:
        shape, kind = tuple(int(n) for n in header.get_data_shape()), np.dtype(header.get_data_dtype())
        start = int(header.get_data_offset())
    except Exception as error:
        raise ReadError(f"{name}: cannot be read as NIfTI, probably cut short or damaged ({why(error)})") from error
    voxels = int(np.prod(shape, dtype=object))
    if not shape or min(shape) < 0 or voxels > most:
        raise ReadError(f"{name}: expected at most {most} voxels, more than any short-axis cine has, got {voxels}")
    if not 0 <= start <= SPARE_BYTES:
        raise ReadError(f"{name}: expected voxels near the start of the file, got them {start} bytes behind it")
    return shape, kind, start
