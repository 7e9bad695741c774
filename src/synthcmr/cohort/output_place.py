"""Where an output is written: by one process at a time, and beside the one that it replaces until it is whole.

Beside OUT lies, while it is written, the hidden folder `.OUT.writing`. It holds the lock, and where OUT is being replaced the new OUT;
for the moment of the exchange also the old one. It goes when the command ends. A killed command leaves it, and goes on there when it is
repeated.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from synthcmr.cohort.output_lock import OutputLock
from synthcmr.errors import CohortError, OtherSettingsError, SettingsError, in_words

SUFFIX = ".writing"
LOCK, OLD = ".lock", ".replaced"
_BESIDE = re.compile(r"(?<![^\s/\\'\":(\[])\.[^/\\\n]+?" + re.escape(SUFFIX) + r"[/\\]")
SHOWN_OTHERS = 3
T = TypeVar("T")


class Output(Protocol):
    """A kind of folder that synthcmr writes."""

    @property
    def resumes(self) -> bool:
        """Whether one that was cut short is gone on with."""
        ...

    @property
    def hidden(self) -> bool:
        """Whether it is never seen unfinished."""
        ...

    @property
    def shared(self) -> bool:
        """Whether it may be written among files of others."""
        ...

    @property
    def together(self) -> bool:
        """Whether processes of one launcher, such as torchrun, make it together; the first of them writes."""
        ...

    def is_at(self, out: Path) -> bool:
        """Whether one is there, finished or not."""
        ...

    def others(self, out: Path) -> list[str]:
        """Files in it that synthcmr did not write."""
        ...


def build(out: Path, kind: Output, overwrite: bool, make: Callable[[Path], T]) -> T:
    """Make an output; one that is there stays as it is until the new one is whole.

    Args:
        out: the folder.
        kind: of output.
        overwrite: whether one that is there is replaced.
        make: makes it in the folder that it is given; it refuses what it may not replace or go on with.

    Returns:
        What `make` returns; where it names the folder, it may name the one in which it was built.

    Raises:
        SettingsError: something else lies in the folder that would be replaced.
        CohortError: another process writes the output, or it cannot be put there.
    """
    expect_place(out)
    first = not kind.together or _first_process()
    with claimed(out) if first else nullcontext(beside(out)) as place:
        replaces = overwrite and kind.is_at(out)
        if replaces:
            expect_own(out, kind)
        elif first and not kind.shared and not (kind.resumes and kind.is_at(out)):
            expect_empty(out)
        if not replaces and (not kind.hidden or (kind.resumes and kind.is_at(out))):
            return make(out)
        folder = place / out.name
        if not kind.resumes:
            discard(place)
        elif replaces and not folder.exists():
            print(f"{out}: stays as it is until the new one is whole; that is built in {folder}", file=sys.stderr)
        result = _run_build(make, place, folder, kind)
        if first:
            if replaces:
                expect_own(out, kind)  # minutes or days later
            exchange(out, place)
        return result


def _run_build(make: Callable[[Path], T], place: Path, folder: Path, kind: Output) -> T:
    goes_on = folder.exists()
    try:
        return make(folder)
    except OtherSettingsError:
        if not goes_on:
            raise
        discard(place)  # left by another command that was killed
        return make(folder)
    except BaseException:
        if not kind.resumes:
            discard(place)
        raise


def expect_place(out: Path) -> None:
    """Refuse an output whose place is taken by what is no folder, before minutes are spent on it.

    Raises:
        CohortError: it is, or nothing can be written there.
    """
    for path in (out, *out.parents):
        if path.is_dir():
            if not os.access(path, os.W_OK):
                raise CohortError(
                    f"{out}: expected a folder that can be written, but {path} is read-only; choose another place"
                )
            return
        if os.path.lexists(path):
            what = "a link to nothing" if path.is_symlink() and not path.exists() else "a file"
            raise CohortError(f"{out}: expected a folder to write to, but {path} is {what}; choose another name")


def expect_empty(out: Path) -> None:
    """Refuse a folder with something in it.

    Raises:
        CohortError: there is.
    """
    there = sorted(entry.name for entry in out.iterdir()) if out.exists() else []
    if there:
        raise CohortError(
            f"{out}: expected an empty or new folder, got one with files in it ({_some(there)}); choose another; --overwrite replaces "
            "what the same command wrote"
        )


def expect_own(out: Path, kind: Output) -> None:
    """Refuse to replace a folder that holds anything but what synthcmr writes.

    Raises:
        SettingsError: something else lies there, the folder is a link, or it is where the command runs.
    """
    if out.is_symlink():
        raise SettingsError(f"--overwrite {out}: expected a folder, got a link to one; name the folder itself")
    if out.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise SettingsError(
            f"--overwrite {out}: expected a folder apart from the one that the command runs in; run it from another folder"
        )
    if others := kind.others(out):
        raise SettingsError(
            f"--overwrite {out}: expected nothing there but what synthcmr wrote, got also {_some(others)}; "
            "move it away, or choose another folder"
        )


def beside(out: Path) -> Path:
    """The hidden folder beside an output."""
    return out.parent / f".{out.name}{SUFFIX}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_OTHERS} more" if len(names) > SHOWN_OTHERS else ""
    return ", ".join(names[:SHOWN_OTHERS]) + more


def known_as(text: str) -> str:
    """A path, or a text with paths, as they will be: an output is named by its place, not by where it is built."""
    return _BESIDE.sub("", text)


def heal(out: Path) -> None:
    """Finish an exchange that was killed between its two renames, so that an output is never missing."""
    place = beside(out)
    if not os.path.isdir(place):  # which a name that is no path, or too long, is not
        return
    try:
        with OutputLock(place / LOCK, out):
            if (place / OLD).exists() and not os.path.lexists(out):
                new = place / out.name
                os.rename(new if new.exists() else place / OLD, out)
            shutil.rmtree(place / OLD, ignore_errors=True)
            _leave(place)
    except CohortError:
        return  # whoever has the lock is in the middle of it


@contextmanager
def claimed(out: Path) -> Iterator[Path]:
    """Be the only process that writes an output.

    Yields:
        The folder beside it, where a new one can be built.

    Raises:
        CohortError: another process writes it.
    """
    place = beside(out)
    heal(out)
    new = [folder for folder in out.parents if not folder.exists()]
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = OutputLock(place / LOCK, out)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS) or not os.access(out, os.W_OK):
            raise
        yield place  # a folder whose parent is not ours to write; cohorts and runs have locks of their own
        return
    with lock:
        try:
            yield place
        finally:
            _leave(place, new)


def exchange(out: Path, place: Path) -> None:
    """Put what was built beside an output in its place, and remove the old one.

    Args:
        out: the output.
        place: the folder beside it, claimed.

    Raises:
        CohortError: the system cannot rename it.
    """
    there = out.exists()
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        if there:
            os.rename(out, place / OLD)
        try:
            os.rename(place / out.name, out)
        except BaseException:
            if there:
                os.rename(place / OLD, out)
            raise
    except OSError as error:
        raise CohortError(
            f"{out}: expected a folder that can be renamed, so that the new result takes its place at once; got: "
            f"{in_words(error)}; is it a mounted disk? Choose a folder inside it"
        ) from error
    _beside_it(out, place)
    shutil.rmtree(place, ignore_errors=True)


def _beside_it(out: Path, place: Path) -> None:
    """What was written beside the new output, such as a table in clear, lies beside it again."""
    for entry in place.iterdir():
        if entry.name not in (LOCK, OLD) and entry.is_file():
            os.replace(entry, out.parent / entry.name)


def discard(place: Path) -> None:
    """Remove what was built beside an output, all but the lock."""
    for entry in place.iterdir() if place.is_dir() else ():
        if entry.name not in (LOCK, OLD):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _leave(place: Path, new: Sequence[Path] = ()) -> None:
    """Remove the folder beside an output where nothing waits there to be gone on with, and parents that were made for it alone."""
    if place.is_dir() and {entry.name for entry in place.iterdir()} <= {LOCK}:
        shutil.rmtree(place, ignore_errors=True)
    with suppress(OSError):  # one is not empty
        for folder in new:
            folder.rmdir()


def _first_process() -> bool:
    """Whether this is the first of the processes that a launcher such as torchrun started."""
    return os.environ.get("RANK", "0") in ("", "0")
