"""Links inside a source that lead out of it are not followed: what they bring was not given to be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from synthcmr.errors import ReadError

LONGEST_NAME = 255  # of a file
_source: ContextVar[Path | None] = ContextVar("source", default=None)


@contextmanager
def reading(source: Path) -> Iterator[None]:
    """While this lasts, `expect_within` knows the folder or file that is being read, which may be a link itself."""
    before = _source.set(source)
    try:
        yield
    finally:
        _source.reset(before)


def expect_file(path: Path) -> None:
    """Refuse a file that is not there, or is not of the source.

    Raises:
        ReadError: it is not.
    """
    try:
        there = path.is_file()
    except OSError:  # a name that no file can have, as a cell of a table may hold
        there = False
    if not there:
        name = path.name if len(path.name) <= LONGEST_NAME else f"a name of {len(path.name)} characters"
        raise ReadError(f"{name}: expected this file, but it is not there")
    expect_within(path)


def expect_within(path: Path) -> None:
    """Refuse a file that lies in the source by its name, and outside of it in truth.

    Raises:
        ReadError: it does.
    """
    source = _source.get()
    if source is None or path == source:
        return
    folder = source if source.is_dir() else source.parent
    if not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)):
        return  # a table may name files elsewhere
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ReadError(
            f"{path.name}: expected a file of the source, got a link that leads out of it; links are not followed there, so copy "
            "the file to its place"
        )
