"""The ledger of image files: patients, for all that anybody knows, and what their provenance says where synthcmr wrote them.

Files that were exported and are read again would otherwise count as patients, each a subject of its own, although one patient may have
changed all of them: noise that hides one of these subjects hides no patient.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from synthcmr.cohort.provenance import PROVENANCE_FILE
from synthcmr.privacy.ledger import NOT_KNOWN, OF_PATIENTS, Ledger, union
from synthcmr.privacy.refusal_reasons import PATIENTS

OF_IMAGES = ("export", "recalibrate")  # steps that write image files


def files_ledger(source: Path, elsewhere: Iterable[Path] = ()) -> Ledger:
    """What is known of files that are read as images.

    Args:
        source: folder, table, zip or image that is read.
        elsewhere: folders of further files, which a table names.
    """
    folders = {source.resolve(), *(place.resolve() for place in elsewhere)}
    above = {parent for folder in folders for parent in (folder, *folder.parents)}
    inside = {file for folder in folders if folder.is_dir() for file in folder.rglob(PROVENANCE_FILE)}
    around = [(folder, _of(folder / PROVENANCE_FILE, _content(folder / PROVENANCE_FILE), _ours)) for folder in above]
    within = [(file.parent, _of(file, _content(file), _of_images)) for file in inside if file.parent not in above]
    packed = [(source, _of(source, content, _ours)) for content in _in_zip(source)]
    known = [ledger.named(place.name) for place, ledger in (*around, *within, *packed) if ledger is not None]
    written = union(sorted(known, key=str))
    named = any(entry.reason == PATIENTS for entry in written.entries)
    return written if named else OF_PATIENTS | written


def _ours(record: Mapping[str, Any]) -> bool:
    """Whether synthcmr wrote a record: whatever lies in such a folder was made from something."""
    software = record.get("software")
    return isinstance(record.get("step"), str) and isinstance(software, dict) and "synthcmr" in software


def _of_images(record: Mapping[str, Any]) -> bool:
    """Whether it is of image files; runs and cohorts may lie below the patients' files that they learned from."""
    return _ours(record) and record["step"] in OF_IMAGES


def _of(file: Path, content: bytes | None, counts: Any) -> Ledger | None:
    """The ledger that a record holds; None where it says nothing of the files."""
    if content is None:
        return None
    try:
        record = json.loads(content)
    except ValueError:
        return None
    if not isinstance(record, dict) or not counts(record):
        return None
    settings = record.get("settings")
    return Ledger.in_record(settings) if isinstance(settings, dict) else NOT_KNOWN


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes() if file.is_file() else None
    except OSError:
        return None


def _in_zip(source: Path) -> Iterator[bytes]:
    """The records in a zip."""
    if not (source.is_file() and zipfile.is_zipfile(source)):
        return
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if name.rsplit("/", 1)[-1] == PROVENANCE_FILE:
                yield archive.read(name)
