"""A folder or a zip of files behind one interface. Zips are read in memory, never extracted, and never trusted."""

import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from synthcmr.cohort.reasons import why
from synthcmr.cohort.source_links import expect_within
from synthcmr.errors import ReadError

MEMBER_LIMIT_BYTES = 256 * 2**20
TOTAL_LIMIT_BYTES = 4 * 2**30
RATIO_LIMIT = 200
RATIO_FREE_BYTES = 10 * 2**20  # a smaller member is harmless, however well it compresses
COUNT_LIMIT = 100_000
BOMB = "it may be a zip bomb"
DEFECTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


@dataclass(frozen=True)
class Entry:
    """One file of a folder or zip."""

    name: str  # relative to the folder or zip, with forward slashes
    opener: Callable[[], BinaryIO]

    @property
    def base(self) -> str:
        """The file's own name; the folders above it may be named after a patient."""
        return self.name.rsplit("/", 1)[-1]

    def open(self) -> BinaryIO:
        """A seekable binary stream of the file.

        Raises:
            ReadError: the file cannot be read, or a zip's member is damaged or larger than it declares.
        """
        try:
            return self.opener()
        except DEFECTS as error:
            raise ReadError(f"{self.base}: expected a readable file, got: {why(error)}") from error

    def read(self) -> bytes:
        """The whole file (ReadError as for `open`)."""
        with self.open() as stream:
            return stream.read()


@contextmanager
def open_entries(path: Path, label: str = "") -> Iterator[list[Entry]]:
    """List the files of a folder or zip; their bytes are read when asked for, while the context is open.

    Args:
        path: a folder (searched to any depth) or a zip.
        label: what to call the path in errors; default its name.

    Raises:
        ReadError: nothing is there, or the zip is empty, damaged, encrypted, or unsafe to read.
    """
    label = label or path.name
    if path.is_dir():
        yield folder_entries(path)
        return
    if not path.is_file():
        raise ReadError(f"{label}: expected a folder or a zip, but nothing is there")
    with _open_zip(path, label) as archive:
        yield _zip_entries(archive, label)


def folder_entries(path: Path) -> list[Entry]:
    """The files below a folder in a stable order, without hidden ones."""
    entries = []
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path)
        if not any(part.startswith(".") for part in relative.parts) and file.is_file():
            entries.append(file_entry(file, relative.as_posix()))
    return entries


def file_entry(file: Path, name: str) -> Entry:
    """One file on disk as an entry."""

    def opener() -> BinaryIO:
        expect_within(file)
        return file.open("rb")

    return Entry(name, opener)


def _open_zip(path: Path, label: str) -> zipfile.ZipFile:
    expect_within(path)
    if path.stat().st_size == 0:
        raise ReadError(f"{label}: expected a zip archive, got an empty file (0 bytes); download it again")
    try:
        return zipfile.ZipFile(path)
    except DEFECTS as error:
        raise ReadError(
            f"{label}: expected a whole zip, got a damaged or truncated one ({why(error)}); download it again"
        ) from error


def _zip_entries(archive: zipfile.ZipFile, label: str) -> list[Entry]:
    members = [m for m in archive.infolist() if not m.is_dir()]
    if len(members) > COUNT_LIMIT:
        raise ReadError(f"{label}: expected at most {COUNT_LIMIT} files, got {len(members)}; {BOMB}")
    for member in members:
        _refuse_unsafe(member, label)
    total = sum(m.file_size for m in members)
    if total > TOTAL_LIMIT_BYTES:
        raise ReadError(f"{label}: expected at most {_mib(TOTAL_LIMIT_BYTES)} unpacked, got {_mib(total)}; {BOMB}")
    members.sort(key=lambda m: m.filename)
    return [Entry(m.filename.replace("\\", "/"), _member_opener(archive, m)) for m in members]


def _refuse_unsafe(member: zipfile.ZipInfo, label: str) -> None:
    name = member.filename.replace("\\", "/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in PurePosixPath(name).parts:
        raise ReadError(f"{label}: expected member names inside the zip, got one that climbs out of it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ReadError(f"{label}: expected plain files in the zip, got a link; pack it again without links")
    if member.flag_bits & 0x1:
        raise ReadError(f"{label}: expected an unencrypted zip, got an encrypted one; unpack it and zip it again")
    if member.file_size > MEMBER_LIMIT_BYTES:
        size = _mib(member.file_size)
        raise ReadError(f"{label}: expected members of at most {_mib(MEMBER_LIMIT_BYTES)}, got one of {size}; {BOMB}")
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size > RATIO_FREE_BYTES and ratio > RATIO_LIMIT:
        raise ReadError(f"{label}: expected members packed at most {RATIO_LIMIT}:1, got one at {ratio:.0f}:1; {BOMB}")


def _member_opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    def opener() -> BinaryIO:
        with archive.open(member) as stream:
            # One byte more than declared is asked for, so a member that unpacks to more than it says is noticed.
            data = stream.read(member.file_size + 1)
        if len(data) != member.file_size:
            raise EOFError(f"{len(data)} bytes where the zip declares {member.file_size}")
        return BytesIO(data)

    return opener


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"
