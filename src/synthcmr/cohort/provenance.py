"""What a folder was made from: hashes, settings and software, so that a report can draw the chain."""

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from synthcmr import __version__
from synthcmr.cohort.checksums import record_text
from synthcmr.cohort.output_place import known_as
from synthcmr.cohort.places import place_from, without_places

PROVENANCE_FILE, FILES = "provenance.json", "files"
RECORDED_PACKAGES = ("numpy", "torch", "zarr", "nibabel", "pydicom")
END = 4096  # bytes of a file that tell it from another of the same name and size


@dataclass(frozen=True)
class Input:
    """Something a step was given: another cohort, a run, or files."""

    name: str
    kind: str  # "cohort", "run", "files", "phantom", "plan"
    hash: str

    def row(self) -> dict[str, str]:
        """As it stands in provenance.json."""
        return {"name": self.name, "kind": self.kind, "hash": self.hash}


def write_provenance(
    folder: Path,
    step: str,
    own_hash: str,
    inputs: Iterable[Input],
    settings: Mapping[str, object],
    files: Iterable[str] | None = None,
) -> None:
    """Write provenance.json of an artefact folder; it holds no absolute path.

    `files` lists what lies in a folder whose names are not known beforehand.
    """
    record = {
        "step": step,
        "hash": own_hash,
        "inputs": [i.row() | {"name": place_from(folder, i.name)} for i in inputs],
        "settings": without_places(dict(settings)),
        "software": {"synthcmr": __version__, "python": platform.python_version(), **_versions()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    } | ({} if files is None else {FILES: sorted(files)})
    write_record(folder / PROVENANCE_FILE, record)


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON in one step; paths are those that outputs will have."""
    _write_at_once(path, known_as(json.dumps(content, indent=2, allow_nan=False)) + "\n")


def write_record(path: Path, record: Mapping[str, object]) -> None:
    """Write JSON with a checksum of its own, in one step."""
    _write_at_once(path, record_text(record))


def _write_at_once(path: Path, text: str) -> None:
    """Replace a file in one step, so that a reader never sees half of it."""
    partial = path.with_suffix(path.suffix + ".part")
    partial.write_text(text)
    os.replace(partial, path)


def combined_hash(parts: Iterable[str]) -> str:
    """One SHA-256 over many, independent of their order."""
    digest = hashlib.sha256()
    for part in sorted(parts):
        digest.update(part.encode("utf-8", "surrogateescape"))  # names of files may be no UTF-8
        digest.update(b"\n")
    return digest.hexdigest()


def fingerprint(source: Path) -> str:
    """Hash of all files below a source by their names, sizes and ends: cheap for a terabyte, and tells two deliveries apart."""
    files = [source] if source.is_file() else (p for p in source.rglob("*") if p.is_file())
    return combined_hash(_described(p, p.name if p == source else str(p.relative_to(source))) for p in files)


def _described(file: Path, name: str) -> str:
    """A file's name, size and end, where the last pixels lie, or the checksum of what is packed."""
    size = file.stat().st_size
    try:
        with file.open("rb") as opened:
            opened.seek(max(size - END, 0))
            return f"{name} {size} {hashlib.sha256(opened.read(END)).hexdigest()}"
    except OSError:  # it is listed with its reason when it is to be read
        return f"{name} {size}"


def _versions() -> dict[str, str]:
    versions = {}
    for package in RECORDED_PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
