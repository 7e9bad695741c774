"""One DICOM file: its header, its numbers, who was scanned, and its pixels. Every way it can be damaged ends as one ReadError."""

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import TALLEST_M
from synthcmr.cohort.readers.archive import Entry
from synthcmr.cohort.readers.nifti_file import MOST_VOXELS
from synthcmr.cohort.reasons import why
from synthcmr.errors import ReadError

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

Vector = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.generic]
ATTRIBUTE_TAGS = [
    *("PatientSex", "PatientAge", "PatientBirthDate", "StudyDate", "PatientSize", "PatientWeight", "Manufacturer"),
    *("ManufacturerModelName", "MagneticFieldStrength", "HeartRate", "NominalInterval"),
]
DEFLATED, META_BYTES = b"1.2.840.10008.1.2.1.99", 2048  # the transfer syntax, and where a file says it
LARGEST_PACKED = 1 << 20  # bytes, which can unpack to a thousand times as many
YEARS_PER = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
SEXES = {"F": "female", "M": "male"}


@contextmanager
def lenient() -> Iterator[None]:
    """Let pydicom read values that break the standard (anonymised files do) without printing them: they may be UIDs.

    Usable as a decorator, because pydicom checks a value when it is first read.
    """
    from pydicom import config

    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        yield
    finally:
        config.settings.reading_validation_mode = before


@contextmanager
def whole_header(entry: Entry) -> Iterator[None]:
    """Say of which file a damaged header is: its values are decoded as late as they are looked at, and fail there in many ways.

    Raises:
        ReadError: in place of whatever a decoder raised.
    """
    try:
        yield
    except ReadError:
        raise
    except Exception as error:
        raise ReadError(f"{entry.base}: expected a DICOM header, got a damaged one ({why(error)})") from error


def read_header(entry: Entry, tags: list[str] | None = None) -> "Dataset | None":
    """The header of a DICOM file, or None where the file is not DICOM.

    Raises:
        ReadError: the file is DICOM but damaged.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    with entry.open() as stream, whole_header(entry):
        _check_packed(stream, entry)
        try:
            return dcmread(stream, stop_before_pixels=True, specific_tags=list(tags) if tags else None)
        except InvalidDicomError:
            return None


def number(value: object) -> float | None:
    """A header's number, or None where it is absent, empty or no finite number."""
    try:
        result = float(str(value))
    except ValueError:
        return None
    return result if np.isfinite(result) else None


def clock_seconds(value: object) -> float | None:
    """Seconds since midnight of a DICOM time (HHMMSS.ffffff)."""
    match = re.fullmatch(r"(\d{2}):?(\d{2}):?(\d{2}(?:\.\d+)?)", str(value).strip())
    return None if match is None else int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])


def vector(value: object, length: int) -> Vector | None:
    """A header's list of numbers, or None where it is absent or of another length."""
    if not isinstance(value, Iterable):
        return None
    try:
        result = np.array([float(v) for v in value], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return result if result.shape == (length,) and np.isfinite(result).all() else None


@lenient()
def decode(entry: Entry, most: int = MOST_VOXELS) -> Pixels:
    """The stored values of a file, brighter is greater.

    Args:
        entry: the file.
        most: pixels that it may have.

    Raises:
        ReadError: the file is cut short, or its compression cannot be decoded here.
    """
    from pydicom import dcmread

    syntax: UID | None = None
    with entry.open() as stream:
        _check_packed(stream, entry)
        try:
            dataset = dcmread(stream)
            _check_size(dataset, entry, most)
            syntax = dataset.file_meta.get("TransferSyntaxUID")
            pixels: Pixels = dataset.pixel_array
        except ReadError:
            raise
        except Exception as error:  # the decoders raise many kinds on damaged bytes, all with one meaning here
            raise ReadError(f"{entry.base}: {_explain(syntax, error)}") from error
    with whole_header(entry):
        if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
            pixels = (2 ** int(dataset.BitsStored) - 1) - pixels
    return pixels


def _check_packed(stream: BinaryIO, entry: Entry) -> None:
    """Refuse a file that is packed as a whole and large: pydicom unpacks it to whatever size (ReadError)."""
    is_packed = DEFLATED in stream.read(META_BYTES)
    size = stream.seek(0, 2)
    stream.seek(0)
    if is_packed and size > LARGEST_PACKED:
        raise ReadError(
            f"{entry.base}: expected at most {LARGEST_PACKED} bytes of deflated DICOM, got {size}; convert it to uncompressed"
        )


def _check_size(dataset: "Dataset", entry: Entry, most: int) -> None:
    """Refuse what the header says would be more than any cine, before it is unpacked (ReadError)."""
    sides = (number(dataset.get(name)) or 1 for name in ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel"))
    if math.prod(sides) > most:
        raise ReadError(f"{entry.base}: expected at most {most} pixels, more than any short-axis cine has, got more")


def _explain(syntax: "UID | None", error: Exception) -> str:
    if syntax is not None and syntax.is_private:
        return f"expected pixels that can be decoded, got the private transfer syntax {syntax}; convert to uncompressed"
    if syntax is not None and syntax.is_transfer_syntax and syntax.is_compressed:
        return f"expected pixels that can be decoded, got '{syntax.name}'; convert to uncompressed DICOM ({why(error)})"
    return f"expected whole pixel data, got a damaged or truncated file ({why(error)})"


@lenient()
def header_attributes(entry: Entry) -> dict[str, object]:
    """Canonical attributes of the subject; what the header leaves empty is absent. The institution is left out."""
    header = read_header(entry, ATTRIBUTE_TAGS)
    if header is None:
        return {}
    with whole_header(entry):
        return _attributes(header)


def _attributes(header: "Dataset") -> dict[str, object]:
    attributes = {
        "sex": SEXES.get(str(header.get("PatientSex", "")).strip().upper()),
        "age": age_years(header),
        "height_cm": _height(header),
        "weight_kg": _positive(header.get("PatientWeight")),
        "vendor": str(header.get("Manufacturer") or "").strip() or None,
        "scanner": str(header.get("ManufacturerModelName") or "").strip() or None,
        "field_strength_t": _positive(header.get("MagneticFieldStrength")),
        "heart_rate": _heart_rate(header),
    }
    return {name: value for name, value in attributes.items() if value is not None}


def age_years(header: "Dataset") -> float | None:
    """Whole years for adults, from Patient Age or else from the birth and study dates, which are not kept."""
    match = re.fullmatch(r"(\d{1,3})([YMWD])", str(header.get("PatientAge", "")).strip().upper())
    if match and int(match[1]) > 0:
        return round(int(match[1]) * YEARS_PER[match[2]], 1)
    born, scanned = (_date(header.get(tag)) for tag in ("PatientBirthDate", "StudyDate"))
    if born is None or scanned is None:
        return None
    years = scanned[0] - born[0] - (scanned[1:] < born[1:])
    return float(years) if years >= 0 else None


def _date(value: object) -> tuple[int, int, int] | None:
    match = re.fullmatch(r"(\d{4})(\d{2})(\d{2})", str(value or "").strip())
    return (int(match[1]), int(match[2]), int(match[3])) if match and int(match[1]) > 0 else None


def _height(header: "Dataset") -> float | None:
    size = _positive(header.get("PatientSize"))  # metres, but some are typed in centimetres
    return None if size is None else round(size if size > TALLEST_M else size * 100, 1)


def _heart_rate(header: "Dataset") -> float | None:
    rate, interval_ms = _positive(header.get("HeartRate")), _positive(header.get("NominalInterval"))
    return rate if rate is not None else round(60_000 / interval_ms, 1) if interval_ms else None


def _positive(value: object) -> float | None:
    """Scanners write 0 for what was not entered."""
    result = number(value)
    return result if result is not None and result > 0 else None
