"""nnU-Net v2 raw data set: ready for `nnUNetv2_plan_and_preprocess`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.cohort.provenance import write_json
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.writers.export import (
    SUBJECTS_FILE,
    ExportRun,
    Progress,
    WriteSummary,
    each_subject,
    export,
    frame_cells,
)
from synthcmr.cohort.writers.nifti import save_nifti
from synthcmr.cohort.writers.subjects import Subject
from synthcmr.errors import SettingsError

LABEL_NAMES: dict[str, int] = {"background": 0, "LV": int(Label.LV), "MYO": int(Label.MYOCARDIUM), "RV": int(Label.RV)}
IGNORE = len(LABEL_NAMES)  # nnU-Net wants it to be the last of consecutive values
CASE_COLUMNS = ["case", "subject_id", "stack", "phase", "frame", "labelled", "split"]
SPLITS_FILE = "splits_final.json"


@dataclass(frozen=True)
class NnunetWriter:
    """`DatasetNNN_Name/` with imagesTr, labelsTr, imagesTs, labelsTs and dataset.json; one case per subject and phase.

    The test split goes to imagesTs/labelsTs, all others to imagesTr/labelsTr. Pixels that nobody labelled become
    nnU-Net's `ignore` label.
    """

    dataset_id: int = 501
    dataset_name: str = "SynthCMR"

    name = "nnunet"
    about = "nnU-Net v2 raw data set (DatasetNNN_Name with imagesTr, labelsTr, dataset.json)"

    def __post_init__(self) -> None:
        """Check what becomes the folder's name."""
        if not 1 <= self.dataset_id <= 999:
            raise SettingsError(f"--dataset-id: expected 1 to 999, got {self.dataset_id}")
        if not re.fullmatch(r"[A-Za-z0-9]+", self.dataset_name):
            raise SettingsError(f"--dataset-name: expected letters and digits only, got '{self.dataset_name}'")

    @property
    def folder(self) -> str:
        """Name of the data set's folder inside nnUNet_raw."""
        return f"Dataset{self.dataset_id:03d}_{self.dataset_name}"

    def write(
        self, cohort: Cohort, dest: Path, progress: Progress | None = None, *, overwrite: bool = False
    ) -> WriteSummary:
        """Write the data set into `dest/DatasetNNN_Name`; `dest` can serve as nnUNet_raw."""
        settings: dict[str, object] = {"writer": self.name, "dataset": self.folder}
        with export(cohort, dest, settings, overwrite) as summary:
            run = _NnunetExport(dest / self.folder, summary)
            for part in ("imagesTr", "labelsTr"):
                (run.root / part).mkdir(parents=True)
            for subject in each_subject(cohort, summary, progress):
                run.add(subject)
            run.finish(self.dataset_name, cohort)
        return summary


@dataclass
class _NnunetExport(ExportRun):
    """Its rows are cases."""

    training: int = 0
    ignores: bool = False

    def add(self, subject: Subject) -> None:
        """Write every usable frame of a subject."""
        before = len(self.rows)
        self.write_stacks(subject, lambda stack: self._add_stack(subject, stack))
        self.summary.subjects += len(self.rows) > before

    def finish(self, name: str, cohort: Cohort) -> None:
        """Write dataset.json, the table of cases and the split by subject."""
        if self.training == 0:
            self.summary.note("no case has a mask outside the test split: nnU-Net has nothing to train on")
        labels = LABEL_NAMES | ({"ignore": IGNORE} if self.ignores else {})
        description = {
            "channel_names": {"0": "MRI"},
            "labels": labels,
            "numTraining": self.training,
            "file_ending": ".nii.gz",
            "overwrite_image_reader_writer": "SimpleITKIO",
            "name": name,
        }
        write_json(self.root / "dataset.json", description)
        self.summary.files += 1
        self.write_table(self.root / SUBJECTS_FILE, CASE_COLUMNS, cohort)
        self._write_splits()

    def _add_stack(self, subject: Subject, stack: SubjectStack) -> None:
        stack = self.filled(subject, stack, "slices", "ignored")
        test = subject.split == "test"
        frames = [t for t in range(stack.frame_count) if stack.labelled_in(t)]
        unlabelled = stack.frame_count - len(frames)
        if unlabelled and (frames or not test):
            part = f"{unlabelled} of {stack.frame_count} frames of stack {stack.stack}"
            self.summary.leave_out(
                subject.subject_id, part, "without a mask, and nnU-Net trains on labelled cases only"
            )
        for t in frames or (range(stack.frame_count) if test else ()):
            self._add_frame(subject, stack, t, "Ts" if test else "Tr")

    def _add_frame(self, subject: Subject, stack: SubjectStack, frame: int, side: str) -> None:
        number = f"_{stack.stack}" if stack.stack else ""
        case = self.names.give(f"{subject.subject_id}{number}_{stack.frame_name(frame)}")
        self._save("images" + side, f"{case}_0000.nii.gz", stack.image[frame], stack)
        if stack.labelled_in(frame):
            mask = stack.mask[frame]
            unknown = mask == Label.UNLABELLED
            self.ignores |= bool(unknown.any())
            self._save("labels" + side, f"{case}.nii.gz", np.where(unknown, np.uint8(IGNORE), mask), stack)
        self.training += side == "Tr"
        self.add_row(subject, case=case, stack=stack.stack, **frame_cells(stack, frame))

    def _save(self, folder: str, name: str, array: Any, stack: SubjectStack) -> None:
        (self.root / folder).mkdir(exist_ok=True)
        save_nifti(self.root / folder / name, array, stack)
        self.summary.files += 1

    def _write_splits(self) -> None:
        """The cohort's own train and validation subjects, so that no subject's ED trains what its ES validates."""
        train = [c["case"] for c in self.rows if c["split"] not in ("validation", "test")]
        validation = [c["case"] for c in self.rows if c["split"] == "validation"]
        if not train or not validation:
            return
        folds = [{"train": train, "val": validation}]
        (self.root / SPLITS_FILE).write_text(json.dumps(folds, indent=1) + "\n")
        self.summary.files += 1
        self.summary.note(
            f"nnU-Net's own folds would put ED and ES of one subject on two sides: copy {SPLITS_FILE} to "
            "nnUNet_preprocessed and train fold 0"
        )
