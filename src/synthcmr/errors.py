"""Errors a user can act on, shown without a traceback by the command line, and words for their texts."""

from pathlib import Path


def in_words(error: Exception) -> str:
    """Why something could not be read, without error numbers and without naming the file again."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)


def counted(n: int, what: str) -> str:
    """A number of things: '1 image', '2 images'."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


class SynthcmrError(Exception):
    """What was expected, what was got, which values are allowed and how to fix it."""


class SettingsError(SynthcmrError):
    """A setting or flag has a value that cannot be used."""


class CohortError(SynthcmrError):
    """A folder is not a cohort, is unfinished, or does not hold what was asked of it."""


class OtherSettingsError(CohortError):
    """A folder holds what was begun or made by another command, or by this one with other settings."""


class PrivacyError(SynthcmrError):
    """Something cannot be released, as it took from patients what no noise covers, or more than is allowed."""


class AlreadyMadeError(CohortError):
    """What was asked for is there already, made by the same command; the command line calls this done, not wrong."""


class ReadError(SynthcmrError):
    """One subject, slice or file could not be read; it becomes a row of rejects.parquet and the rest goes on."""


class MachineError(SynthcmrError):
    """The system refused something: a disk that is full or read-only, a name that is taken, too little memory."""


class WriteError(SynthcmrError):
    """An export could not be written as asked."""


def absence(folder: Path) -> str:
    """Why a folder is not the one that was expected: it is not there, or it holds something else."""
    if folder.is_dir():
        return "this folder holds none"
    return "this is a file" if folder.exists() else "nothing is there"
