"""Whether files are still as they were written: a flipped bit is named before anybody computes with it.

A folder's main record (of a cohort, run, plan, recalibration or scores) lists its other files, each with a checksum or, where the file
checks itself, with its size; the record carries a checksum of its own. What was written before there were checksums is read unchecked.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from synthcmr.cohort.output_place import known_as
from synthcmr.errors import CohortError, in_words
from synthcmr.formats import Format

OWN = "checksum"  # of the record, without this entry
DIGEST = 16  # bytes
BLANK = "0" * 8  # stands in its place while it is computed
FILES, SHARDS = "files", "shards"  # name → checksum; name → bytes, of files that hold checksums of their own


def checksum(content: bytes) -> str:
    """A short name for some bytes; other bytes have another one."""
    return hashlib.blake2b(content, digest_size=DIGEST).hexdigest()


def bulk_checksum(*content: bytes | memoryview) -> str:
    """CRC-32 of some parts, for large content: no flipped bit escapes it, and it takes a quarter of the time of `checksum`."""
    value = 0
    for part in content:
        value = zlib.crc32(part, value)
    return f"{value:08x}"


def record_text(record: Mapping[str, Any]) -> str:
    """A record as JSON, with a checksum of all of this text; paths are those that outputs will have."""
    text = (
        known_as(json.dumps({k: v for k, v in record.items() if k != OWN} | {OWN: BLANK}, indent=2, allow_nan=False))
        + "\n"
    )
    head, _, tail = text.rpartition(BLANK)
    return head + bulk_checksum(text.encode()) + tail


def checksums_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The checksum of each file that is there."""
    return {name: checksum((folder / name).read_bytes()) for name in names if (folder / name).is_file()}


def note_beside(file: Path) -> Path:
    """Where the checksum lies of a file that no record lists."""
    return file.with_suffix(".crc32")


def put_in_place(written: Path, file: Path) -> None:
    """Give a file that was written under another name its own, in one step, with a checksum beside it."""
    note_beside(file).write_text(bulk_checksum(written.read_bytes()))
    written.replace(file)


def is_whole(file: Path) -> bool:
    """Whether a file is there as it was put in place; one without a checksum beside it is believed."""
    note = note_beside(file)
    return file.exists() and (not note.exists() or note.read_text() == bulk_checksum(file.read_bytes()))


def sizes_of(folder: Path, pattern: str) -> dict[str, int]:
    """The size of every file that a pattern matches."""
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in sorted(folder.glob(pattern)) if p.is_file()}


def check_record(record: Mapping[str, Any], content: bytes, file: Path) -> None:
    """Refuse a record that is not as it was written.

    Args:
        record: what the file holds.
        content: the file, byte by byte.
        file: to be named.

    Raises:
        CohortError: it is not.
    """
    if OWN in record:
        whole = _matches(content, OWN, record[OWN])
    else:  # none was written; but where one value is that of all others, the key of it is what has changed
        whole = not any(_matches(content, key, value) for key, value in record.items())
    if not whole:
        raise changed(file)


def read_record(file: Path, kind: Format | None = None) -> dict[str, Any]:
    """A record in a JSON file, as it was written and without its checksum.

    Args:
        file: that `record_text` was written to, or one of before there were checksums.
        kind: what the record must be; one of an older version is brought up to date.

    Raises:
        CohortError: it cannot be read, is something else, or is not as it was written.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CohortError(f"{file}: expected JSON as synthcmr wrote it, got: {in_words(error)}") from error
    record = record_in(content, file)
    read = record if kind is None else kind.read(record, file)
    check_record(record, content, file)
    return {k: v for k, v in read.items() if k != OWN}


def record_in(content: bytes, file: Path) -> dict[str, Any]:
    """The record that is the content of a JSON file.

    Raises:
        CohortError: it is none.
    """
    try:
        record = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CohortError(f"{file}: expected JSON as synthcmr wrote it, got: {in_words(error)}") from error
    if not isinstance(record, dict):
        raise CohortError(f"{file}: expected a record in JSON, got {type(record).__name__}")
    return record


def read_checked(folder: Path, name: str, record: Mapping[str, Any]) -> bytes:
    """The content of a file that a record lists.

    Raises:
        CohortError: it cannot be read, or is not as it was written.
    """
    file = folder / name
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CohortError(
            f"{file}: expected a file of this folder, but it cannot be read: {in_words(error)}; restore the folder from a copy"
        ) from error
    known = record.get(FILES, {})
    if name in known and known[name] != checksum(content):
        raise changed(file)
    return content


def changed(file: Path) -> CohortError:
    """What to say of a file that is not as it was written."""
    return CohortError(
        f"{file}: expected the file as synthcmr wrote it, but its content has changed since: it is damaged, or was edited; "
        "restore the folder from a copy, or make it again"
    )


def _matches(content: bytes, key: str, value: object) -> bool:
    """Whether a value is the checksum of the text that holds it under `OWN`."""
    if not isinstance(value, str) or len(value) != len(BLANK):
        return False
    name, shown = json.dumps(key).encode(), memoryview(content)
    at = content.rfind(value.encode())
    begin = content.rfind(name, 0, at)
    if begin < 0:
        return False
    between = shown[begin + len(name) : at]
    return value == bulk_checksum(shown[:begin], f'"{OWN}"'.encode(), between, BLANK.encode(), shown[at + len(value) :])
