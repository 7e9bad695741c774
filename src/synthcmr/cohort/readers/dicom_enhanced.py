"""Multi-frame (enhanced) MR: each frame's geometry and time from its functional groups."""

from dataclasses import replace
from typing import TYPE_CHECKING

from synthcmr.cohort.readers.archive import Entry
from synthcmr.cohort.readers.dicom_files import number, vector
from synthcmr.cohort.readers.dicom_headers import CYCLE_WORDS, Frame, build_frame
from synthcmr.errors import ReadError

if TYPE_CHECKING:
    from pydicom import Dataset


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
    return [_frame(entry, header, i, group, shared) for i, group in enumerate(groups)]


def _frame(entry: Entry, header: "Dataset", index: int, group: "Dataset", shared: "Dataset | None") -> Frame:
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
        _times(
            trigger=find("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
            temporal=find("FrameContentSequence", "TemporalPositionIndex"),
            instance=index + 1,
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


def _times(**values: object) -> dict[str, float]:
    parsed = {key: number(value) for key, value in values.items()}
    return {key: value for key, value in parsed.items() if value is not None}
