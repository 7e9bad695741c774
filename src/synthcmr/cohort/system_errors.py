"""The one place where errors of the system become sentences: which path, what happened, and how to mend it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synthcmr.cohort.output_place import known_as
from synthcmr.errors import MachineError, SynthcmrError, in_words

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MESSAGES: dict[int, str] = {
    errno.ENOSPC: "the disk is full; free some space and repeat the command, or choose a place on another disk",
    errno.EDQUOT: "your quota of the disk is used up; free some space and repeat the command, or choose a place on another disk",
    errno.EFBIG: "the system allows no file that large (ulimit -f, or the file system); raise the limit, or choose another disk",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.EACCES: "you may not read or write there; change the permissions, or choose another place",
    errno.EPERM: "the system does not permit that; change the permissions or flags of the file, or choose another place",
    errno.ENOENT: "it is not there, or was removed meanwhile; check the name, and leave files alone while a command reads them",
    errno.EISDIR: "expected a file, got a folder; name the file",
    errno.ENAMETOOLONG: "the name is longer than the file system allows; choose a shorter one",
    errno.ELOOP: "links lead in a circle; name the folder itself",
    errno.EMFILE: "too many files are open; use fewer --workers, or raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine; end other programs, and repeat the command",
    errno.EIO: "the disk cannot read or write it; copy what you can to another disk",
}
NO_MEMORY = "there is not enough memory for that; ask for fewer or smaller images, a smaller --batch or fewer --workers"
_OF_RUST = re.compile(r"\(os error (\d+)\)")
_OF_TORCH = re.compile(r"can't allocate memory|out of memory", re.IGNORECASE)


@contextmanager
def in_sentences(place: Path | None = None) -> Iterator[None]:
    """Turn errors of the system into errors that a user can act on; ours name outputs by their place.

    Args:
        place: what is written, for errors that name no file.

    Raises:
        MachineError: the system refused something.
    """
    try:
        yield
    except SynthcmrError as error:
        plain = known_as(str(error))
        if plain == str(error):
            raise
        raise type(error)(plain) from error
    except BrokenPipeError:
        raise  # whoever read the output has seen enough
    except Exception as error:
        message = sentence(error, place)
        if message is None:
            raise
        raise MachineError(known_as(message)) from error


def sentence(error: BaseException, place: Path | None = None) -> str | None:
    """What to say of an error of the system; None where it is none, but a fault of ours.

    Args:
        error: that was raised.
        place: what is written, for errors that name no file.
    """
    where = f"{place}: " if place is not None else ""
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _OF_TORCH.search(str(error))):
        return f"{where}{NO_MEMORY} ({_first_line(error)})"
    if isinstance(error, RecursionError):
        return f"{where}expected settings and files that are nested less deeply; simplify what was given"
    refusal = _refused(error)
    if refusal is None:
        return None
    file = place if refusal.filename is None else Path(os.fsdecode(refusal.filename))
    return f"{'output' if file is None else file}: {_what(refusal, file)}"


def _refused(error: BaseException) -> OSError | None:
    """The error of the system that is, or led to, an error; libraries that write wrap a full disk in errors of their own."""
    if isinstance(error, OSError):
        return error
    if (coded := _OF_RUST.search(str(error))) is not None:
        return OSError(int(coded[1]), os.strerror(int(coded[1])))
    before = error.__cause__ or error.__context__
    while before is not None:
        if isinstance(before, OSError) and before.errno in FULL:
            return before
        before = before.__cause__ or before.__context__
    return None


def _what(error: OSError, file: Path | None) -> str:
    if error.errno in (errno.EEXIST, errno.ENOTDIR) and file is not None:
        taken = next((p for p in (file, *file.parents) if os.path.lexists(p) and not p.is_dir()), file)
        return f"expected a folder, but {taken} is none; choose another name, or move it away"
    if error.errno in MESSAGES:
        return MESSAGES[error.errno]
    return f"the system cannot read or write it: {in_words(error) or type(error).__name__}; check the file and the disk"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
