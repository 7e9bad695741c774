"""One reader per data set. Each finds its subjects cheaply, then reads them one by one, in any process."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from synthcmr.errors import SettingsError

if TYPE_CHECKING:
    from synthcmr.cohort.raw_subject import Case, RawSubject

# Most specific layout first: `--format auto` takes the first reader that recognises the source.
READERS: dict[str, str] = {
    "acdc": "synthcmr.cohort.readers.acdc:AcdcReader",
    "mnms": "synthcmr.cohort.readers.mnms:MnmsReader",
    "mnms2": "synthcmr.cohort.readers.mnms2:Mnms2Reader",
    "emidec": "synthcmr.cohort.readers.emidec:EmidecReader",
    "nnunet": "synthcmr.cohort.readers.nnunet:NnunetReader",
    "ukbb": "synthcmr.cohort.readers.ukbb:UkbbReader",
    "sunnybrook": "synthcmr.cohort.readers.sunnybrook:SunnybrookReader",
    "sunnybrook-png": "synthcmr.cohort.readers.sunnybrook:SunnybrookPngReader",
    "table": "synthcmr.cohort.readers.tables:TableReader",
    "dicom": "synthcmr.cohort.readers.dicom:DicomReader",
    "nifti": "synthcmr.cohort.readers.nifti:NiftiFolderReader",
}


class Reader(Protocol):
    """Finds the subjects of a data set and reads them one by one.

    A reader is stateless and cheap to build: cases are read in worker processes, each with its own instance.
    """

    name: str
    about: str  # the layout it expects, in one line, for `--help` and for errors

    def recognises(self, source: Path) -> bool:
        """Whether the source has this layout, judged by a few names and headers, never by reading pixels."""
        ...

    def cases(self, source: Path) -> list[Case]:
        """Every subject of the source in a stable order, found without reading pixels.

        A subject whose description is broken is listed all the same, so that `read` can say what is wrong with it.

        Raises:
            SettingsError: the source as a whole cannot be used (its table is missing or lacks a column, say).
        """
        ...

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject.

        Raises:
            ReadError: the subject cannot be read; the text becomes its reason in rejects.parquet.
        """
        ...


def get_reader(name: str) -> Reader:
    """The reader of one format.

    Raises:
        SettingsError: no reader has that name.
    """
    if name not in READERS:
        raise SettingsError(f"--format: expected one of auto, {', '.join(READERS)}; got '{name}'")
    module, attribute = READERS[name].split(":")
    reader: Reader = getattr(import_module(module), attribute)()
    return reader


def recognise(source: Path) -> Reader:
    """The reader whose layout the source has.

    Raises:
        SettingsError: the source does not exist, or no reader recognises it.
    """
    if not source.exists():
        raise SettingsError(f"{source}: expected a folder or file to read, but nothing is there")
    for name in READERS:
        reader = get_reader(name)
        if reader.recognises(source):
            return reader
    layouts = "\n".join(f"  {name}: {get_reader(name).about}" for name in READERS)
    raise SettingsError(
        f"{source}: no known layout was recognised. Name one with --format, or make a table. Known:\n{layouts}"
    )
