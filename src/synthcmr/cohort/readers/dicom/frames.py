"""DICOM headers as frames: what one image is, where it lies and when in the cycle it was taken, without its pixels."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from synthcmr.cohort.readers.archive import Entry
from synthcmr.cohort.readers.dicom.files import (
    Vector,
    clock_seconds,
    lenient,
    number,
    read_header,
    vector,
    whole_header,
)
from synthcmr.cohort.reasons import token
from synthcmr.errors import ReadError

if TYPE_CHECKING:
    from pydicom import Dataset

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
SECONDARY_CAPTURES = "1.2.840.10008.5.1.4.1.1.7"
SHORT_AXIS_HINT = re.compile(r"(^|[^a-z])(sax|sa|short[ _-]?axis)([^a-z]|$)", re.IGNORECASE)
CYCLE_WORDS = {"END_DIASTOLE": "ED", "END_SYSTOLE": "ES"}  # values of Cardiac Cycle Position (0018,9236)
PHASE_MAPS = {"P", "PHASE", "PHASE MAP", "VELOCITY", "VELOCITY MAP"}
HEADER_TAGS = [
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality",
    "ImageType", "Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "PixelSpacing", "SliceThickness",
    "SpacingBetweenSlices", "ImagePositionPatient", "ImageOrientationPatient", "TriggerTime",
    "TemporalPositionIdentifier", "AcquisitionTime", "ContentTime", "InstanceNumber", "RescaleSlope",
    "RescaleIntercept", "ScanningSequence", "SequenceVariant", "SyntheticData", "CardiacCyclePosition",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
]  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """One two-dimensional MR image of a study."""

    entry: Entry
    index: int | None  # 0-based frame of a multi-frame file; None: the file is one image
    uid: str
    series: str
    series_number: float
    shape: tuple[int, int]  # rows, columns
    spacing_mm: tuple[float, float]  # row, column
    position: Vector  # LPS millimetres of the centre of the first pixel
    along_columns: Vector  # LPS unit vector in which the column index grows
    along_rows: Vector  # LPS unit vector in which the row index grows
    thickness_mm: float | None
    nominal_step_mm: float | None
    times: dict[str, float]  # how this image may be ordered in time; see dicom_stack.TIME_KEYS
    sequence: tuple[str, ...]
    slope: float = 1.0
    intercept: float = 0.0
    derived: bool = False
    synthetic: bool = False
    short_axis_hint: bool = False
    cycle: str = ""  # "ED", "ES" or "", as the header says

    @property
    def normal(self) -> Vector:
        """LPS unit vector across the image."""
        return np.cross(self.along_columns, self.along_rows)


@dataclass
class Study:
    """What the headers of one subject's files say."""

    frames: list[Frame] = field(default_factory=list)
    segmentations: list[Entry] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    rejects: list[tuple[str, str]] = field(default_factory=list)


@lenient()
def scan(entries: list[Entry]) -> Study:
    """Read the headers of every file; what is no MR image is counted, what is damaged becomes a reject.

    Raises:
        ReadError: no file is an MR image.
    """
    study, seen = Study(), set[str]()
    for entry in entries:
        try:
            with whole_header(entry):
                _scan_entry(entry, study, seen)
        except ReadError as error:
            study.rejects.append((entry.base, str(error)))
    if any(not f.derived for f in study.frames):
        _skip_derived(study)
    if not study.frames:
        raise ReadError(f"expected MR images in DICOM, got {len(entries)} file(s): {_contents(study)}")
    return study


def _scan_entry(entry: Entry, study: Study, seen: set[str]) -> None:
    header = read_header(entry, HEADER_TAGS)
    if header is None:
        study.skipped["not DICOM"] += 1
        return
    if header.get("Modality") == "SEG":
        study.segmentations.append(entry)
        return
    reason = _why_no_image(header)
    uid = str(header.get("SOPInstanceUID", entry.name))
    if reason is None and uid in seen:
        reason = "the same image again"
    if reason is not None:
        study.skipped[reason] += 1
        return
    seen.add(uid)
    is_enhanced = str(header.get("SOPClassUID", "")) == ENHANCED_MR or (number(header.get("NumberOfFrames")) or 1) > 1
    study.frames += enhanced_frames(entry, header) if is_enhanced else [_classic_frame(entry, header)]


def _why_no_image(header: "Dataset") -> str | None:
    kinds = image_kinds(header)
    if str(header.get("SOPClassUID", "")).startswith(SECONDARY_CAPTURES):
        return "a secondary capture"
    if header.get("Modality") != "MR":
        return f"modality {token(header.get('Modality') or 'unknown')}"
    if header.get("Rows") is None or header.get("Columns") is None:
        return "without an image"
    if (number(header.get("SamplesPerPixel")) or 1) != 1:
        return "a colour image"
    if "LOCALIZER" in kinds:
        return "a localiser"
    return "a phase map" if PHASE_MAPS & set(kinds[2:]) else None


def image_kinds(header: "Dataset") -> list[str]:
    """The words of Image Type, e.g. ORIGINAL, PRIMARY, M."""
    value = header.get("ImageType")
    return [str(v).upper() for v in ([value] if isinstance(value, str) else value or [])]


def _classic_frame(entry: Entry, header: "Dataset") -> Frame:
    position, axes = vector(header.get("ImagePositionPatient"), 3), vector(header.get("ImageOrientationPatient"), 6)
    spacing = vector(header.get("PixelSpacing"), 2)
    times = _known_times(
        trigger=number(header.get("TriggerTime")),
        temporal=number(header.get("TemporalPositionIdentifier")),
        acquisition=clock_seconds(header.get("AcquisitionTime")),
        content=clock_seconds(header.get("ContentTime")),
        instance=number(header.get("InstanceNumber")),
    )
    return build_frame(entry, None, header, position, axes, spacing, times)


def build_frame(
    entry: Entry,
    index: int | None,
    header: "Dataset",
    position: Vector | None,
    axes: Vector | None,
    spacing: Vector | None,
    times: dict[str, float],
) -> Frame:
    """A frame from a header and its geometry.

    Raises:
        ReadError: the geometry is missing or impossible.
    """
    if position is None or axes is None or spacing is None or not (spacing > 0).all():
        raise ReadError(f"{entry.base}: expected an image with Image Position, Image Orientation and Pixel Spacing")
    lengths = np.linalg.norm(axes.reshape(2, 3), axis=1)
    if not np.allclose(lengths, 1, atol=0.02) or abs(float(axes[:3] @ axes[3:])) > 0.02:
        raise ReadError(
            f"{entry.base}: expected two perpendicular unit vectors as Image Orientation, got {axes.tolist()}"
        )
    return Frame(
        entry=entry,
        index=index,
        uid=str(header.get("SOPInstanceUID", entry.name)),
        series=str(header.get("SeriesInstanceUID", "")),
        series_number=number(header.get("SeriesNumber")) or 0.0,
        shape=(int(header.Rows), int(header.Columns)),
        spacing_mm=(float(spacing[0]), float(spacing[1])),
        position=position,
        along_columns=axes[:3] / lengths[0],
        along_rows=axes[3:] / lengths[1],
        thickness_mm=number(header.get("SliceThickness")),
        nominal_step_mm=number(header.get("SpacingBetweenSlices")),
        times=times,
        sequence=(str(header.get("ScanningSequence", "")), str(header.get("SequenceVariant", ""))),
        slope=number(header.get("RescaleSlope")) or 1.0,
        intercept=number(header.get("RescaleIntercept")) or 0.0,
        derived=image_kinds(header)[:1] == ["DERIVED"],
        synthetic=str(header.get("SyntheticData", "")).upper() == "YES",
        short_axis_hint=SHORT_AXIS_HINT.search(str(header.get("SeriesDescription", ""))) is not None,
        cycle=CYCLE_WORDS.get(str(header.get("CardiacCyclePosition", "")), ""),
    )


def _skip_derived(study: Study) -> None:
    """Derived images repeat original ones; they count only where a study holds nothing else."""
    original = [f for f in study.frames if not f.derived or f.synthetic]
    if len(original) < len(study.frames):
        study.skipped["a derived image"] += len(study.frames) - len(original)
        study.frames = original


def _contents(study: Study) -> str:
    parts = [f"{count} {reason}" for reason, count in study.skipped.most_common()]
    if study.rejects:
        parts.append(f"{len(study.rejects)} damaged (first: {study.rejects[0][1]})")
    if study.segmentations:
        parts.append(f"{len(study.segmentations)} segmentation(s)")
    return ", ".join(parts) or "nothing"


def enhanced_frames(entry: Entry, header: "Dataset") -> list[Frame]:
    """The frames of a multi-frame MR file.

    Raises:
        ReadError: the file does not describe each of its frames.
    """
    count = int(number(header.get("NumberOfFrames")) or 1)
    groups = header.get("PerFrameFunctionalGroupsSequence") or []
    if len(groups) != count:
        raise ReadError(
            f"{entry.base}: expected functional groups for each of {count} frame(s) of a multi-frame file, "
            f"got {len(groups)}; convert it to single-frame DICOM"
        )
    shared = (header.get("SharedFunctionalGroupsSequence") or [None])[0]
    return [_enhanced_frame(entry, header, i, group, shared) for i, group in enumerate(groups)]


def _enhanced_frame(entry: Entry, header: "Dataset", index: int, group: "Dataset", shared: "Dataset | None") -> Frame:
    def find(sequence: str, name: str) -> object:
        for holder in (group, shared):
            items = holder.get(sequence) if holder is not None else None
            if items and items[0].get(name) is not None:
                return items[0].get(name)
        return None

    frame = build_frame(
        entry,
        index,
        header,
        vector(find("PlanePositionSequence", "ImagePositionPatient"), 3),
        vector(find("PlaneOrientationSequence", "ImageOrientationPatient"), 6),
        vector(find("PixelMeasuresSequence", "PixelSpacing"), 2),
        _known_times(
            trigger=number(find("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime")),
            temporal=number(find("FrameContentSequence", "TemporalPositionIndex")),
            instance=index + 1.0,
        ),
    )
    cycle = str(find("FrameContentSequence", "CardiacCyclePosition"))
    return replace(
        frame,
        thickness_mm=number(find("PixelMeasuresSequence", "SliceThickness")),
        slope=number(find("PixelValueTransformationSequence", "RescaleSlope")) or 1.0,
        intercept=number(find("PixelValueTransformationSequence", "RescaleIntercept")) or 0.0,
        cycle=CYCLE_WORDS.get(cycle, ""),
    )


def _known_times(**values: float | None) -> dict[str, float]:
    return {key: value for key, value in values.items() if value is not None}
