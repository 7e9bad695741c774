"""Whether files are still as they were written: a flipped bit is named before anybody computes with it.

A folder's main record lists its other files, each with a checksum or, where the file checks itself, with its size; the record carries
a checksum of its own. What was written before there were checksums is read unchecked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from synthcmr.cohort.output_place import known_as
from synthcmr.errors import CohortError, in_words

OWN = "checksum"  # of the record, without this entry
FILES, SHARDS = "files", "shards"  # name → checksum; name → bytes, of files that hold checksums of their own


def checksum(content: bytes) -> str:
    """A short name for some bytes; other bytes have another one."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def with_checksum(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with its own checksum, ready to be written as JSON."""
    known = json.loads(known_as(json.dumps(record)))
    return {**known, OWN: checksum(_canonical(known))}


def checksums_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The checksum of each file that is there."""
    return {name: checksum((folder / name).read_bytes()) for name in names if (folder / name).is_file()}


def sizes_of(folder: Path, pattern: str) -> dict[str, int]:
    """The size of every file that a pattern matches."""
    return {p.relative_to(folder).as_posix(): p.stat().st_size for p in sorted(folder.glob(pattern)) if p.is_file()}


def check_record(record: Mapping[str, Any], file: Path) -> None:
    """Refuse a record that is not as it was written.

    Raises:
        CohortError: it is not.
    """
    if OWN in record and record[OWN] != checksum(_canonical(record)):
        raise changed(file)


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


def _canonical(record: Mapping[str, Any]) -> bytes:
    return json.dumps({k: v for k, v in record.items() if k != OWN}, sort_keys=True).encode()
