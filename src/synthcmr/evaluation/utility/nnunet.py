"""nnU-Net as a learner: its data set on disk, its own commands, and its predictions."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.provenance import write_json
from synthcmr.cohort.writers.nnunet import IGNORE, LABEL_NAMES
from synthcmr.errors import CohortError, SettingsError, SynthcmrError
from synthcmr.evaluation.utility.segmentation_frames import LabelledFrames

NUMBER, NAME = 501, "Dataset501_Utility"
PLAN, TRAIN, PREDICT = "nnUNetv2_plan_and_preprocess", "nnUNetv2_train", "nnUNetv2_predict"
FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")  # variables that nnU-Net reads
WHAT = ("2d", "all")  # configuration; every case is learned from, as the test subjects are kept apart already
LAST = 15  # lines of its messages that an error shows


@dataclass(frozen=True)
class Nnunet:
    """nnU-Net on this machine."""

    commands: Path | None  # folder of its commands; None: wherever PATH has them
    epochs: int

    def segmented(
        self, work: Path, training: Sequence[LabelledFrames], tested: Mapping[str, LabelledFrames]
    ) -> dict[str, Mask]:
        """Train on some frames, and segment others.

        Args:
            work: folder for its files; what a stopped training left there is continued.
            training: sets to learn from.
            tested: sets to segment, by source.

        Raises:
            SettingsError: it is not installed.
            SynthcmrError: one of its commands failed.
        """
        self.check()
        plan = work / "planned"
        if not plan.exists():
            shutil.rmtree(work, ignore_errors=True)
            write_training(work / FOLDERS[0] / NAME, training)
            self._run(work, PLAN, "-d", str(NUMBER), "-c", WHAT[0], "--verify_dataset_integrity")
            plan.touch()
        self._run(work, TRAIN, str(NUMBER), *WHAT, "-tr", self.trainer, "-device", _device(), "--c")
        results = {source: self._segmented(work, source, frames) for source, frames in tested.items()}
        shutil.rmtree(work)
        return results

    def check(self) -> None:
        """Refuse where it is not installed.

        Raises:
            SettingsError: a command is missing.
        """
        missing = [name for name in (PLAN, TRAIN, PREDICT) if self._command(name) is None]
        if missing:
            where = f"in {self.commands}" if self.commands else "on PATH"
            raise SettingsError(
                f"utility.segmentation.learner=nnunet: expected nnU-Net's command {missing[0]} {where}, found none; "
                "pip install 'synthcmr[nnunet]', best in an environment of its own, and name the folder of its commands: "
                "--set utility.segmentation.nnunet_commands=ENV/bin"
            )

    @property
    def trainer(self) -> str:
        """Name of the trainer that takes so many epochs."""
        return "nnUNetTrainer" if self.epochs == 1000 else f"nnUNetTrainer_{self.epochs}epoch{'s' * (self.epochs > 1)}"

    def _segmented(self, work: Path, source: str, frames: LabelledFrames) -> Mask:
        inputs, outputs = work / "given" / source, work / "made" / source
        write_tested(inputs, frames)
        options = ("-d", str(NUMBER), "-c", WHAT[0], "-f", WHAT[1], "-tr", self.trainer, "-device", _device())
        self._run(work, PREDICT, "-i", str(inputs), "-o", str(outputs), *options)
        return read_predicted(outputs, frames)

    def _run(self, work: Path, name: str, *options: str) -> None:
        folders = {variable: str((work / variable).resolve()) for variable in FOLDERS}
        for folder in folders.values():
            Path(folder).mkdir(parents=True, exist_ok=True)
        command = [self._command(name) or name, *options]
        done = subprocess.run(command, env=os.environ | folders, capture_output=True, text=True, check=False)
        if done.returncode:
            predicted = "\n".join((done.stdout + done.stderr).strip().splitlines()[-LAST:])
            raise SynthcmrError(f"{name}: expected it to end well, got exit status {done.returncode}:\n{predicted}")

    def _command(self, name: str) -> str | None:
        return shutil.which(name, path=None if self.commands is None else str(self.commands))


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


ENDING = ".nii.gz"
Rows = npt.NDArray[np.intp]


def write_training(root: Path, training: Sequence[LabelledFrames]) -> int:
    """Write imagesTr, labelsTr and dataset.json of a `DatasetNNN_Name` folder; returns the number of cases."""
    count, unknown = 0, False
    for part, frames in enumerate(training):
        for name, rows in _cases(frames):
            case = f"{part}{name}"
            mask = np.where(frames.mask[rows] == Label.UNLABELLED, IGNORE, frames.mask[rows])
            unknown |= bool((mask == IGNORE).any())
            _save(root / "imagesTr" / f"{case}_0000{ENDING}", frames.image[rows].astype(np.float32), frames, rows)
            _save(root / "labelsTr" / f"{case}{ENDING}", mask.astype(np.uint8), frames, rows)
            count += 1
    labels: Mapping[str, int] = LABEL_NAMES | ({"ignore": IGNORE} if unknown else {})
    record = {"channel_names": {"0": "MRI"}, "labels": labels, "numTraining": count, "file_ending": ENDING}
    write_json(root / "dataset.json", record)
    return count


def write_tested(folder: Path, frames: LabelledFrames) -> None:
    """Write the images that are to be segmented, without their labels."""
    for name, rows in _cases(frames):
        _save(folder / f"{name}_0000{ENDING}", frames.image[rows].astype(np.float32), frames, rows)


def read_predicted(folder: Path, frames: LabelledFrames) -> Mask:
    """Labels of each frame.

    Raises:
        CohortError: a case was not segmented, or came back in another shape.
    """
    import nibabel as nib

    result = np.zeros(frames.mask.shape, dtype=np.uint8)
    for name, rows in _cases(frames):
        file = folder / f"{name}{ENDING}"
        if not file.exists():
            raise CohortError(f"{file}: expected a segmentation by nnU-Net, found none; its own messages say why")
        labels = np.asarray(nib.load(file).dataobj).T  # type: ignore[attr-defined]
        if labels.shape != result[rows].shape:
            raise CohortError(f"{file}: expected {result[rows].shape} (slices, rows, columns), got {labels.shape}")
        result[rows] = labels
    return result


def _cases(frames: LabelledFrames) -> Iterator[tuple[str, Rows]]:
    """A name that is a file's, and the frames of each case."""
    for k, (_, phase, rows) in enumerate(frames.stacks()):
        yield f"{k:05d}{''.join(c for c in phase if c.isalnum())}", rows


def _save(file: Path, array: npt.NDArray[np.generic], frames: LabelledFrames, rows: Rows) -> None:
    import nibabel as nib

    step, row, column = np.nan_to_num(frames.spacing(rows), nan=1.0)
    file.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array.T, np.diag([-column, -row, step, 1.0]))  # type: ignore[no-untyped-call]
    nib.save(image, file)
