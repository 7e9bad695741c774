"""DICOM SEG objects as masks of a cine."""

from typing import TYPE_CHECKING

import numpy as np

from synthcmr.cohort.labels import STRUCTURES, Label, Mask, in_canonical_order
from synthcmr.cohort.readers.archive import Entry
from synthcmr.cohort.readers.dicom.cine import Cine, CineMasks
from synthcmr.cohort.readers.dicom.files import Pixels, decode, lenient, number, read_header, whole_header
from synthcmr.errors import ReadError

if TYPE_CHECKING:
    from pydicom import Dataset

SEGMENT_LABELS: dict[str, str] = {
    **dict.fromkeys(
        ("lv cavity", "lv", "left ventricle", "left ventricular cavity", "lv blood pool", "lv endocardium"), "lv"
    ),
    **dict.fromkeys(("myocardium", "myo", "lv myocardium", "left ventricular myocardium"), "myo"),
    **dict.fromkeys(("rv cavity", "rv", "right ventricle", "right ventricular cavity", "rv blood pool"), "rv"),
}
Key = tuple[str, int]  # SOP Instance UID, 0-based frame (0 for a single-frame file)
Place = tuple[int, int]  # phase, slice


@lenient()
def seg_masks(cine: Cine) -> CineMasks:
    """Masks from the segmentations found beside a cine; none where no segmentation refers to it.

    Images that a segmentation names among its sources are labelled, also where it draws nothing; all others are not.

    Raises:
        ReadError: a segmentation that refers to the cine is damaged or has another shape.
    """
    places = {(f.uid, f.index or 0): (t, s) for s, row in enumerate(cine.slices) for t, f in enumerate(row)}
    mask = cine.empty_mask()
    drawn: list[set[str]] = [set() for _ in range(mask.shape[0])]
    notes: list[str] = []
    for entry in cine.segmentations:
        with whole_header(entry):
            _draw(entry, places, mask, drawn, notes)
    labelled = tuple(in_canonical_order(parts) for parts in drawn)
    return CineMasks(mask, labelled, notes=tuple(notes)) if any(labelled) else CineMasks(notes=tuple(notes))


def _draw(entry: Entry, places: dict[Key, Place], mask: Mask, drawn: list[set[str]], notes: list[str]) -> None:
    header = read_header(entry)
    if header is None:  # it was DICOM when the study was scanned
        raise ReadError(f"{entry.base}: expected a DICOM SEG, got something else")
    segments = {int(s.SegmentNumber): _structure(s) for s in header.get("SegmentSequence") or []}
    covered = _covered(header, places)
    if not covered:
        notes.append("a DICOM SEG refers to none of the short-axis images; it was ignored")
        return
    names = {name for name in segments.values() if name is not None}
    if not names:
        raise ReadError(f"{entry.base}: expected segments named {', '.join(sorted(SEGMENT_LABELS))}, got none of them")
    for t, s in covered:
        drawn[t] |= names
        mask[t, s][mask[t, s] == Label.UNLABELLED] = Label.BACKGROUND
    for place, value, pixels in _planes(entry, header, segments, places):
        if pixels.shape != mask.shape[2:]:
            raise ReadError(
                f"{entry.base}: expected a segmentation of {mask.shape[2:]} pixels as the images, got {pixels.shape}"
            )
        mask[place][pixels] = value


def _structure(segment: "Dataset") -> str | None:
    return SEGMENT_LABELS.get(" ".join(str(segment.get("SegmentLabel", "")).lower().replace("_", " ").split()))


def _covered(header: "Dataset", places: dict[Key, Place]) -> list[Place]:
    """Places of all images the segmentation names as sources: of the whole object, and of each of its frames."""
    uids = {
        str(item.ReferencedSOPInstanceUID)
        for series in header.get("ReferencedSeriesSequence") or []
        for item in series.get("ReferencedInstanceSequence") or []
    }
    keys = {key for group in header.get("PerFrameFunctionalGroupsSequence") or [] for key in _sources(group)}
    return [place for key, place in places.items() if key[0] in uids or key in keys]


def _sources(group: "Dataset") -> list[Key]:
    keys = []
    for derivation in group.get("DerivationImageSequence") or []:
        for source in derivation.get("SourceImageSequence") or []:
            index = int(number(source.get("ReferencedFrameNumber")) or 1) - 1
            keys.append((str(source.get("ReferencedSOPInstanceUID", "")), index))
    return keys


def _planes(
    entry: Entry, header: "Dataset", segments: dict[int, str | None], places: dict[Key, Place]
) -> list[tuple[Place, Label, Pixels]]:
    """(place, label, (rows, columns) boolean) of every structure drawn on the cine."""
    pixels = decode(entry)
    pixels = pixels[np.newaxis] if pixels.ndim == 2 else pixels
    threshold = 1.0
    if header.get("SegmentationType") == "FRACTIONAL":
        threshold = 0.5 * float(header.get("MaximumFractionalValue") or 1)
    groups = header.get("PerFrameFunctionalGroupsSequence") or []
    if len(groups) != len(pixels):
        raise ReadError(
            f"{entry.base}: expected functional groups for each of {len(pixels)} frame(s), got {len(groups)}"
        )
    planes = []
    for plane, group in zip(pixels, groups, strict=True):
        for place in [places[key] for key in _sources(group) if key in places]:
            if header.get("SegmentationType") == "LABELMAP":
                planes += [(place, STRUCTURES[name], plane == n) for n, name in segments.items() if name is not None]
                continue
            name = segments.get(_segment_number(group, header))
            if name is not None:
                planes.append((place, STRUCTURES[name], plane >= threshold))
    return planes


def _segment_number(group: "Dataset", header: "Dataset") -> int:
    """Which segment a frame shows; objects of one segment say so once for all frames."""
    shared = (header.get("SharedFunctionalGroupsSequence") or [None])[0]
    for holder in (group, shared):
        if holder is not None and holder.get("SegmentIdentificationSequence"):
            return int(holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
    return 1
