"""Models of the Hugging Face hub that settings name: taken from there only where a user names them, not because a file does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_named_by_a_file: ContextVar[bool] = ContextVar("named_by_a_file", default=False)
HOW = (
    "these weights name it, and what a file names is not downloaded: if you trust it, put it into your cache yourself "
    "('hf download NAME')"
)


@contextmanager
def named_by_a_file() -> Iterator[None]:
    """While this lasts, names of models come from a weights file."""
    before = _named_by_a_file.set(True)
    try:
        yield
    finally:
        _named_by_a_file.reset(before)


def loading() -> dict[str, Any]:
    """Options of loaders of the hub: whether a download is allowed; never to unpickle."""
    return {"local_files_only": _named_by_a_file.get(), "trust_remote_code": False}


def hint() -> str:
    """What to say beside the reason why a model could not be loaded."""
    return HOW if _named_by_a_file.get() else "without internet, download it elsewhere and name the folder"
