"""The ACDC challenge's layout, so that any pipeline made for ACDC can use a cohort."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.labels import ACDC_LABELS, Label, Mask
from synthcmr.cohort.writers.export import (
    SUBJECTS_FILE,
    Progress,
    WriteSummary,
    attribute_columns,
    each_subject,
    export,
    write_csv,
)
from synthcmr.cohort.writers.nifti import save_nifti
from synthcmr.cohort.writers.quantise import quantised
from synthcmr.cohort.writers.subjects import Subject, Volume, without_gaps
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
            run = _Run(dest, summary, taken)
            for subject in each_subject(cohort, summary, progress):
                try:
                    run.add(subject)
                except WriteError as error:
                    summary.leave_out(subject.subject_id, "subject", str(error))
            write_csv(dest / SUBJECTS_FILE, run.patients, [*COLUMNS, *attribute_columns(cohort)])
            summary.files += 1
        return summary


@dataclass
class _Run:
    """One export in progress."""

    root: Path
    summary: WriteSummary
    taken: set[str]
    patients: list[dict[str, Any]] = field(default_factory=list)
    number: int = 0

    def add(self, subject: Subject) -> None:
        """Write one patient folder."""
        volume = self._pair_of(subject)
        frames = {phase: volume.stack.phases.index(phase) for phase in ("ED", "ES")}
        patient = self._patient(subject.subject_id)
        folder = self.root / patient
        pixels = quantised(volume.stack.image, TOP)
        masks = self._masks(subject, volume)
        folder.mkdir()
        for phase, t in frames.items():
            file = folder / f"{patient}_frame{volume.stack.frame_indices[t] + 1:02d}.nii.gz"
            save_nifti(file, pixels.stored[t].astype(np.int16), volume.stack, (pixels.slope, pixels.intercept))
            self.summary.files += 1
            if masks is not None and volume.labelled_in(t):
                save_nifti(file.with_name(file.name.replace(".nii.gz", "_gt.nii.gz")), masks[t], volume.stack)
                self.summary.files += 1
            elif masks is not None:
                self.summary.leave_out(subject.subject_id, f"mask of {phase}", "nobody labelled it")
        (folder / "Info.cfg").write_text(_info(subject, volume, frames))
        self.summary.files += 1
        self.summary.subjects += 1
        row = {"patient": patient, "subject_id": subject.subject_id, "split": subject.split}
        self.patients.append({**subject.attributes, **row})

    def _pair_of(self, subject: Subject) -> Volume:
        pairs = [v for v in subject.volumes if {"ED", "ES"} <= set(v.stack.phases)]
        if not pairs:
            raise WriteError("it lacks an ED and an ES frame of one acquisition")
        if len(subject.volumes) > 1:
            self.summary.leave_out(
                subject.subject_id, f"{len(subject.volumes) - 1} further stack(s)", "ACDC holds one a patient"
            )
        if (extra := pairs[0].frame_count - 2) > 0:
            self.summary.leave_out(subject.subject_id, f"{extra} frame(s)", "neither ED nor ES")
        volume, empty = without_gaps(pairs[0])
        if empty:
            raise WriteError(f"{empty} slice(s) inside its stack are missing, and ACDC cannot say so")
        return volume

    def _masks(self, subject: Subject, volume: Volume) -> Mask | None:
        """Masks in ACDC's values, or None where they would call unlabelled pixels background."""
        if not volume.is_labelled():
            self.summary.leave_out(subject.subject_id, "masks", "nobody labelled it")
            return None
        pick = [t for t in range(volume.frame_count) if volume.labelled_in(t)]
        if (volume.stack.mask[pick] == Label.UNLABELLED).any():
            self.summary.leave_out(
                subject.subject_id, "masks", "only partly labelled, and ACDC cannot tell unlabelled from background"
            )
            return None
        return _to_acdc(volume.stack.mask)

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


def _info(subject: Subject, volume: Volume, frames: dict[str, int]) -> str:
    """Info.cfg; what is unknown is left out rather than written as a number."""
    numbers = volume.stack.frame_indices
    lines = [f"ED: {numbers[frames['ED']] + 1}", f"ES: {numbers[frames['ES']] + 1}"]
    facts = subject.attributes
    lines += [f"Group: {facts['diagnosis']}"] if "diagnosis" in facts else []
    lines += [f"Height: {facts['height_cm']:.1f}"] if "height_cm" in facts else []
    lines += [f"NbFrame: {max(numbers) + 1}"]  # at least as many: a pair does not tell how long its cine was
    lines += [f"Weight: {facts['weight_kg']:.1f}"] if "weight_kg" in facts else []
    return "\n".join(lines) + "\n"
