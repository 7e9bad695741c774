"""One writer an output: two commands that write into one folder would each believe that the other's files are their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import finalize

from synthcmr.errors import CohortError, in_words


def expect_apart(out: Path, inputs: Mapping[Path, str], inside: bool = True) -> None:
    """Refuse an output that is one of a command's inputs or holds one.

    Args:
        out: folder that will be written, and with --overwrite replaced.
        inputs: path of each input, and what to call it.
        inside: whether it may lie inside one; not where all files of an input are read.

    Raises:
        CohortError: it is one, holds one, or lies where it may not.
    """
    own = out.resolve()
    for path, name in inputs.items():
        other = path.resolve()
        if own == other:
            how = "is"
        elif own in other.parents:
            how = "holds"
        elif not inside and other in own.parents and other.is_dir():
            how = "lies inside"
        else:
            continue
        raise CohortError(f"{out}: expected a folder apart from {name}, but it {how} {path}; choose another folder")


class OutputLock:
    """Held by the process that writes a folder; the system lets go of it when that process ends, however it ends."""

    def __init__(self, file: Path, folder: Path) -> None:
        """Take the lock.

        Args:
            file: the lock; its folder is there.
            folder: what is written.

        Raises:
            CohortError: another process has it.
        """
        while True:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
            self._close = finalize(self, os.close, descriptor)  # also where its owner is forgotten
            self._take(descriptor, folder)
            if _is_file(descriptor, file):
                return
            self.release()  # whoever had it has removed the file meanwhile: this lock would protect nothing

    def _take(self, descriptor: int, folder: Path) -> None:
        try:
            import fcntl
        except ImportError:  # Windows: no such lock; two commands can write one folder there
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise CohortError(
                f"{folder}: another synthcmr process is writing this folder; wait until it ends, stop it, or choose another folder"
            ) from error
        except OSError as error:
            self.release()
            raise CohortError(
                f"{folder}: expected a file system that can lock files, so that no two processes write one folder; got: "
                f"{in_words(error)}; choose a folder on a local disk"
            ) from error

    def release(self) -> None:
        """Let others write."""
        self._close()

    def __enter__(self) -> Self:
        """Nothing to do: it was taken when it was built."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release."""
        self.release()


def _is_file(descriptor: int, file: Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(file))
    except FileNotFoundError:
        return False
