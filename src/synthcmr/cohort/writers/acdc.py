"""The ACDC challenge's layout, so that any pipeline made for ACDC can use a cohort."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.labels import ACDC_LABELS, Label, Mask
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.writers.export import SUBJECTS_FILE, ExportRun, Progress, WriteSummary, each_subject, export
from synthcmr.cohort.writers.nifti import save_nifti
from synthcmr.cohort.writers.pixels import quantised
from synthcmr.cohort.writers.subjects import Subject, without_gaps
from synthcmr.errors import WriteError

PATIENT = re.compile(r"patient\d{3,}")
TOP = 4095  # stored as int16, as the challenge does
COLUMNS = ["patient", "subject_id", "split"]


@dataclass(frozen=True)
class AcdcWriter:
    """`patientNNN/` with Info.cfg, and image and `_gt` of the ED and the ES frame; labels 1 RV, 2 myocardium, 3 LV.

    Subjects that are not called patientNNN are numbered; subjects.csv says who is who and holds what Info.cfg cannot.
    """

    name = "acdc"
    about = "ACDC layout (patientNNN/Info.cfg, patientNNN_frameXX.nii.gz and _gt, RV=1, MYO=2, LV=3)"

    def write(
        self, cohort: Cohort, dest: Path, progress: Progress | None = None, *, overwrite: bool = False
    ) -> WriteSummary:
        """Write one patient folder per subject that has both an ED and an ES frame."""
        with export(cohort, dest, {"writer": self.name}, overwrite) as summary:
            taken = {s for s in map(str, cohort.subjects["subject_id"]) if PATIENT.fullmatch(s)}
            run = _AcdcExport(dest, summary, taken=taken)
            for subject in each_subject(cohort, summary, progress):
                try:
                    run.add(subject)
                except WriteError as error:
                    summary.leave_out(subject.subject_id, "subject", str(error))
            run.write_table(dest / SUBJECTS_FILE, COLUMNS, cohort)
        return summary


@dataclass
class _AcdcExport(ExportRun):
    taken: set[str] = field(default_factory=set)  # names that subjects have already
    number: int = 0

    def add(self, subject: Subject) -> None:
        """Write one patient folder."""
        stack = self._pair_of(subject)
        frames = {phase: stack.phases.index(phase) for phase in ("ED", "ES")}
        patient = self._patient(subject.subject_id)
        folder = self.root / patient
        pixels = quantised(stack.image, TOP)
        masks = self._masks(subject, stack)
        folder.mkdir()
        for phase, t in frames.items():
            file = folder / f"{patient}_frame{stack.frame_indices[t] + 1:02d}.nii.gz"
            save_nifti(file, pixels.stored[t].astype(np.int16), stack, (pixels.slope, pixels.intercept))
            self.summary.files += 1
            if masks is not None and stack.labelled_in(t):
                save_nifti(file.with_name(file.name.replace(".nii.gz", "_gt.nii.gz")), masks[t], stack)
                self.summary.files += 1
            elif masks is not None:
                self.summary.leave_out(subject.subject_id, f"mask of {phase}", "nobody labelled it")
        (folder / "Info.cfg").write_text(_info(subject, stack, frames))
        self.summary.files += 1
        self.summary.subjects += 1
        self.add_row(subject, patient=patient)

    def _pair_of(self, subject: Subject) -> SubjectStack:
        pairs = [s for s in subject.stacks if {"ED", "ES"} <= set(s.phases)]
        if not pairs:
            raise WriteError("it lacks an ED and an ES frame of one acquisition")
        if further := len(subject.stacks) - 1:
            self.summary.leave_out(subject.subject_id, f"{further} further stack(s)", "ACDC holds one a patient")
        if (extra := pairs[0].frame_count - 2) > 0:
            self.summary.leave_out(subject.subject_id, f"{extra} frame(s)", "neither ED nor ES")
        stack, empty = without_gaps(pairs[0])
        if empty:
            raise WriteError(f"{empty} slice(s) inside its stack are missing, and ACDC cannot say so")
        return stack

    def _masks(self, subject: Subject, stack: SubjectStack) -> Mask | None:
        """Masks in ACDC's values, or None where they would call unlabelled pixels background."""
        labelled = [t for t in range(stack.frame_count) if stack.labelled_in(t)]
        if not labelled:
            self.summary.leave_out(subject.subject_id, "masks", "nobody labelled it")
            return None
        if (stack.mask[labelled] == Label.UNLABELLED).any():
            reason = "only partly labelled, and ACDC cannot tell unlabelled from background"
            self.summary.leave_out(subject.subject_id, "masks", reason)
            return None
        return _to_acdc(stack.mask)

    def _patient(self, subject_id: str) -> str:
        if PATIENT.fullmatch(subject_id):
            return subject_id
        while True:
            self.number += 1
            name = f"patient{self.number:03d}"
            if name not in self.taken:
                return name


def _to_acdc(mask: Mask) -> Mask:
    lookup: npt.NDArray[np.uint8] = np.zeros(256, dtype=np.uint8)
    for acdc, canonical in ACDC_LABELS.items():
        lookup[canonical] = acdc
    return lookup[mask]


def _info(subject: Subject, stack: SubjectStack, frames: dict[str, int]) -> str:
    """Info.cfg; what is unknown is left out rather than written as a number."""
    numbers = stack.frame_indices
    lines = [f"ED: {numbers[frames['ED']] + 1}", f"ES: {numbers[frames['ES']] + 1}"]
    facts = subject.attributes
    lines += [f"Group: {facts['diagnosis']}"] if "diagnosis" in facts else []
    lines += [f"Height: {facts['height_cm']:.1f}"] if "height_cm" in facts else []
    lines += [f"NbFrame: {max(numbers) + 1}"]  # at least as many: a pair does not tell how long its cine was
    lines += [f"Weight: {facts['weight_kg']:.1f}"] if "weight_kg" in facts else []
    return "\n".join(lines) + "\n"
