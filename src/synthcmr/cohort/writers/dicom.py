"""DICOM: one MR image per slice and frame, masks as DICOM SEG."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.writers.dicom_headers import CYCLE_WORDS, HELD, decimal, series_header, subject_header
from synthcmr.cohort.writers.dicom_seg import write_masks
from synthcmr.cohort.writers.export import (
    SUBJECTS_FILE,
    FileNames,
    Progress,
    WriteSummary,
    attribute_columns,
    each_subject,
    export,
    write_csv,
)
from synthcmr.cohort.writers.geometry import Plane, plane_of
from synthcmr.cohort.writers.quantise import quantised
from synthcmr.cohort.writers.subjects import Subject, Volume
from synthcmr.errors import WriteError

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
            run = _Run(cohort.hash, dest, summary)
            for subject in each_subject(cohort, summary, progress):
                run.add(subject)
            write_csv(dest / SUBJECTS_FILE, run.subjects, [*COLUMNS, *attribute_columns(cohort)])
            summary.files += 1
            if homeless := [c for c in attribute_columns(cohort) if c not in HELD and c not in DERIVED_COLUMNS]:
                summary.note(f"no DICOM header holds {', '.join(homeless)}: see {SUBJECTS_FILE}")
            if "age" in attribute_columns(cohort):
                summary.note(f"Patient Age holds whole years; {SUBJECTS_FILE} holds them as they are")
            summary.note(SEQUENCE)
        return summary


@dataclass
class _Run:
    """One export in progress."""

    cohort_hash: str
    root: Path
    summary: WriteSummary
    names: FileNames = field(default_factory=FileNames)
    subjects: list[dict[str, Any]] = field(default_factory=list)

    def add(self, subject: Subject) -> None:
        """Write the images and masks of a subject."""
        folder = self.root / self.names.give(subject.subject_id)
        key = (self.cohort_hash, subject.subject_id)
        header = subject_header(
            subject.subject_id, subject.attributes, uid(*key, "study"), uid(*key, "frame of reference")
        )
        written, stacks = False, FileNames()
        for volume in subject.volumes:
            name = stacks.give(f"stack{volume.stack.stack}")
            try:
                self._add_volume(volume, folder, name, header, (*key, name))
                written = True
            except WriteError as error:
                self.summary.leave_out(subject.subject_id, f"stack {volume.stack.stack}", str(error))
        if written:
            self.summary.subjects += 1
            row = {"folder": folder.name, "subject_id": subject.subject_id, "split": subject.split}
            self.subjects.append({**subject.attributes, **row})

    def _add_volume(self, volume: Volume, folder: Path, name: str, subject: Dataset, key: tuple[str, ...]) -> None:
        stack = volume.stack
        plane = plane_of(stack)
        if plane.invented:
            self.summary.note(INVENTED)
        pixels = quantised(stack.image, TOP)
        shared = series_header(subject, stack, plane, pixels, uid(*key, "series"))
        (folder / name).mkdir(parents=True)
        images = {}
        for z, index in enumerate(stack.slice_indices):
            for t in range(volume.frame_count):
                header = _image_header(shared, volume, plane, z, t, uid(*key, str(index), str(stack.frame_indices[t])))
                file = folder / name / f"slice{index:02d}_frame{stack.frame_indices[t]:03d}.dcm"
                _save(header, pixels.stored[t, z].tobytes(), file)
                images[t, z] = header
                self.summary.files += 1
        masks = write_masks(volume, images, folder, f"{name}_masks", key, uid)
        self.summary.files += masks
        if masks == 0:
            self.summary.leave_out(str(subject.PatientID), f"masks of {name}", "nobody labelled it")


def uid(*key: str) -> str:
    """A UID that depends on the key alone."""
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=["synthcmr", *key]))


def _image_header(shared: Dataset, volume: Volume, plane: Plane, z: int, t: int, instance_uid: str) -> Dataset:
    from pydicom import Dataset

    stack = volume.stack
    header = Dataset()
    header.update(shared)
    header.SOPInstanceUID = instance_uid
    header.InstanceNumber = z * volume.frame_count + t + 1
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
