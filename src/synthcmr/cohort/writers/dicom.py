"""DICOM: one MR image per slice and frame, masks as DICOM SEG."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.writers.dicom_headers import CYCLE_WORDS, HELD, decimal, series_header, subject_header, uid
from synthcmr.cohort.writers.dicom_seg import write_masks
from synthcmr.cohort.writers.export import (
    SUBJECTS_FILE,
    ExportRun,
    FileNames,
    Progress,
    WriteSummary,
    attribute_columns,
    each_subject,
    export,
)
from synthcmr.cohort.writers.pixels import SlicePlane, plane_of, quantised
from synthcmr.cohort.writers.subjects import Subject

if TYPE_CHECKING:
    from pydicom import Dataset

TOP = 4095
COLUMNS = ["folder", "subject_id", "split"]
INVENTED = "the cohort does not say how its slices lay in the body; a usual short-axis orientation was assumed"
SEQUENCE = "scanning sequence and gating are written as a gated balanced SSFP cine; the cohort does not record them"
DERIVED_COLUMNS = {"bmi"}  # follows from what the header holds


@dataclass(frozen=True)
class DicomWriter:
    """Images in `SUBJECT/stackN/*.dcm`, masks in `SUBJECT/stackN_masks_PHASE.dcm`.

    UIDs follow from the cohort's hash, so that the same cohort gives the same objects. Synthetic and phantom cohorts
    carry Synthetic Data (0008,001C) = YES.
    """

    name = "dicom"
    about = "DICOM MR images, a folder per subject, masks as DICOM SEG"

    def write(
        self, cohort: Cohort, dest: Path, progress: Progress | None = None, *, overwrite: bool = False
    ) -> WriteSummary:
        """Write one folder per subject."""
        with export(cohort, dest, {"writer": self.name}, overwrite) as summary:
            run = _DicomExport(
                root=dest,
                summary=summary,
                cohort_hash=cohort.hash,
                created=datetime.fromisoformat(cohort.provenance["created"]),
            )
            for subject in each_subject(cohort, summary, progress):
                run.add(subject)
            run.write_table(dest / SUBJECTS_FILE, COLUMNS, cohort)
            if homeless := [c for c in attribute_columns(cohort) if c not in HELD and c not in DERIVED_COLUMNS]:
                summary.note(f"no DICOM header holds {', '.join(homeless)}: see {SUBJECTS_FILE}")
            if "age" in attribute_columns(cohort):
                summary.note(f"Patient Age holds whole years; {SUBJECTS_FILE} holds them as they are")
            summary.note(SEQUENCE)
        return summary


@dataclass(kw_only=True)
class _DicomExport(ExportRun):
    created: datetime  # the cohort: the same cohort gives the same bytes, whenever it is exported
    cohort_hash: str

    def add(self, subject: Subject) -> None:
        """Write the images and masks of a subject."""
        folder = self.root / self.names.give(subject.subject_id)
        key = (self.cohort_hash, subject.subject_id)
        header = subject_header(
            subject.subject_id, subject.attributes, uid(*key, "study"), uid(*key, "frame of reference")
        )
        stack_names = FileNames()

        def write(stack: SubjectStack) -> None:
            name = stack_names.give(f"stack{stack.stack}")
            self._add_stack(stack, folder, name, header, (*key, name))

        if self.write_stacks(subject, write):
            self.summary.subjects += 1
            self.add_row(subject, folder=folder.name)

    def _add_stack(self, stack: SubjectStack, folder: Path, name: str, subject: Dataset, key: tuple[str, ...]) -> None:
        plane = plane_of(stack)
        if plane.invented:
            self.summary.note(INVENTED)
        pixels = quantised(stack.image, TOP)
        shared = series_header(subject, stack, plane, pixels, uid(*key, "series"))
        (folder / name).mkdir(parents=True)
        images = {}
        for z, index in enumerate(stack.slice_indices):
            for t, frame in enumerate(stack.frame_indices):
                header = _image_header(shared, stack, plane, z, t, uid(*key, str(index), str(frame)))
                _save(header, pixels.stored[t, z].tobytes(), folder / name / f"slice{index:02d}_frame{frame:03d}.dcm")
                images[t, z] = header
                self.summary.files += 1
        masks = write_masks(stack, images, folder, f"{name}_masks", key, self.created)
        self.summary.files += masks
        if masks == 0:
            self.summary.leave_out(str(subject.PatientID), f"masks of {name}", "nobody labelled it")


def _image_header(
    shared: Dataset, stack: SubjectStack, plane: SlicePlane, z: int, t: int, instance_uid: str
) -> Dataset:
    from pydicom import Dataset

    header = Dataset()
    header.update(shared)
    header.SOPInstanceUID = instance_uid
    header.InstanceNumber = z * stack.frame_count + t + 1
    header.TemporalPositionIdentifier = t + 1
    header.ImagePositionPatient = [decimal(v) for v in plane.position(stack.slice_indices[z] - stack.slice_indices[0])]
    if stack.trigger_ms and stack.trigger_ms[t] == stack.trigger_ms[t]:
        header.TriggerTime = decimal(stack.trigger_ms[t])
    if stack.phases[t] in CYCLE_WORDS:
        header.CardiacCyclePosition = CYCLE_WORDS[stack.phases[t]]
    return header


def _save(header: Dataset, pixels: bytes, file: Path) -> None:
    """Write one image; the header stays without pixels, so that a cine's headers can wait for its masks."""
    from pydicom import dcmwrite
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.PixelData = pixels
    dcmwrite(file, header, enforce_file_format=True)
    del header.PixelData
