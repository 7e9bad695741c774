"""Masks as DICOM SEG, one segment per structure, coded in SNOMED CT."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthcmr import __version__
from synthcmr.cohort.labels import STRUCTURES, in_canonical_order
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.writers.dicom_headers import SOFTWARE, is_synthetic, mark_origin, uid
from synthcmr.cohort.writers.export import FileNames

if TYPE_CHECKING:
    from pydicom import Dataset

SERIES_OFFSET = 1000  # segmentations are series of their own, numbered 1000 and up
# structure -> segment label, SNOMED CT code and meaning, colour (CIELab)
SEGMENTS: dict[str, tuple[str, str, str, tuple[float, float, float]]] = {
    "lv": ("LV cavity", "87878005", "Left ventricle", (53.0, 80.0, 67.0)),
    "myo": ("Myocardium", "49848007", "Myocardium of left ventricle", (88.0, -86.0, 83.0)),
    "rv": ("RV cavity", "53085002", "Right ventricle", (32.0, 79.0, -107.0)),
}
Place = tuple[int, int]  # frame, slice


@dataclass(frozen=True)
class _SegmentedSlices:
    """What one segmentation holds: structures of some slices of one frame."""

    frame: int
    slices: tuple[int, ...]
    structures: tuple[str, ...]


def write_masks(
    stack: SubjectStack,
    images: Mapping[Place, Dataset],
    folder: Path,
    stem: str,
    key: tuple[str, ...],
    created: datetime,
) -> int:
    """Write the masks of a stack, a file per labelled frame.

    A segmentation holds one frame, as its planes must differ in position. It speaks about all images it refers to, so
    slices of which other structures are known go to a file of their own; those that nobody labelled are not referred to.

    Args:
        stack: the masks.
        images: headers of the images, by frame and slice.
        folder: where to write.
        stem: how the file names start.
        key: what the UIDs depend on.
        created: when the cohort was, in place of the clock.

    Returns:
        The number of files.
    """
    names = FileNames()
    parts = _parts(stack)
    for number, part in enumerate(parts):
        path = folder / f"{names.give(f'{stem}_{stack.frame_name(part.frame)}')}.dcm"
        _write(stack, part, [images[part.frame, z] for z in part.slices], (*key, path.stem), number, created, path)
    return len(parts)


def _parts(stack: SubjectStack) -> list[_SegmentedSlices]:
    parts = []
    for t, per_slice in enumerate(stack.slice_labelled):
        groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for z, names in enumerate(per_slice):
            if names:
                groups[in_canonical_order(names)].append(z)
        parts += [_SegmentedSlices(t, tuple(slices), names) for names, slices in groups.items()]
    return parts


def _write(
    stack: SubjectStack,
    part: _SegmentedSlices,
    sources: list[Dataset],
    key: tuple[str, ...],
    number: int,
    created: datetime,
    path: Path,
) -> None:
    from highdicom.seg import Segmentation

    dimensions = uid(*key, "dimensions")
    origin = stack.origin
    planes = stack.mask[part.frame, list(part.slices)]
    layers = np.stack([planes == STRUCTURES[name] for name in part.structures], axis=-1)
    segmentation = Segmentation(
        source_images=sources,
        pixel_array=layers,
        segmentation_type="BINARY",
        segment_descriptions=[_segment(n, name, origin) for n, name in enumerate(part.structures, start=1)],
        series_instance_uid=uid(*key, "series"),
        series_number=int(sources[0].SeriesNumber) * SERIES_OFFSET + number,
        sop_instance_uid=uid(*key, "instance"),
        instance_number=1,
        manufacturer=SOFTWARE,
        manufacturer_model_name=SOFTWARE,
        software_versions=__version__,
        device_serial_number="0",
        content_label="HEART",
        content_description="short-axis masks",
        omit_empty_frames=bool(layers.any()),
    )
    if sources[0].SliceThickness is None:  # a segmentation must have one: a slab as thick as the slices lie apart
        measures = segmentation.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.SliceThickness = sources[0].SpacingBetweenSlices
    segmentation.SeriesDescription = f"SAX masks {stack.frame_name(part.frame)}"
    for dimension in segmentation.DimensionIndexSequence:
        dimension.DimensionOrganizationUID = dimensions
    segmentation.DimensionOrganizationSequence[0].DimensionOrganizationUID = dimensions
    mark_origin(segmentation, origin)
    _date(segmentation, created)
    segmentation.save_as(path)


def _date(segmentation: Dataset, created: datetime) -> None:
    """Put a date in place of those that highdicom takes from the clock."""
    segmentation.ContentDate = segmentation.InstanceCreationDate = created.strftime("%Y%m%d")
    segmentation.ContentTime = segmentation.InstanceCreationTime = created.strftime("%H%M%S")


def _segment(number: int, structure: str, origin: str) -> Any:
    from highdicom.color import CIELabColor
    from highdicom.content import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentDescription
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    label, code, meaning, colour = SEGMENTS[structure]
    algorithm = AlgorithmIdentificationSequence(SOFTWARE, codes.DCM.ArtificialIntelligence, __version__)
    computed = is_synthetic(origin)
    return SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=Code(code, "SCT", meaning),
        # A cohort does not record who drew its real masks; MANUAL is what public data sets have, and claims no software.
        algorithm_type="AUTOMATIC" if computed else "MANUAL",
        algorithm_identification=algorithm if computed else None,
        display_color=CIELabColor(*colour),
    )
