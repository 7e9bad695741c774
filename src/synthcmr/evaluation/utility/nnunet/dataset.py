"""A raw data set of nnU-Net from frames: one case per stack and phase, with its training labels; and predictions read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.provenance import write_json
from synthcmr.cohort.writers.nnunet import IGNORE, LABEL_NAMES
from synthcmr.errors import CohortError
from synthcmr.evaluation.utility.segmentation.frames import Frames

ENDING = ".nii.gz"
Rows = npt.NDArray[np.intp]


def write_training(root: Path, learned: Sequence[Frames]) -> int:
    """Write imagesTr, labelsTr and dataset.json of a `DatasetNNN_Name` folder; returns the number of cases."""
    count, unknown = 0, False
    for part, frames in enumerate(learned):
        for name, rows in _cases(frames):
            case = f"{part}{name}"
            mask = np.where(frames.mask[rows] == Label.UNLABELLED, IGNORE, frames.mask[rows])
            unknown |= bool((mask == IGNORE).any())
            _save(root / "imagesTr" / f"{case}_0000{ENDING}", frames.image[rows].astype(np.float32), frames, rows)
            _save(root / "labelsTr" / f"{case}{ENDING}", mask.astype(np.uint8), frames, rows)
            count += 1
    labels: Mapping[str, int] = LABEL_NAMES | ({"ignore": IGNORE} if unknown else {})
    told = {"channel_names": {"0": "MRI"}, "labels": labels, "numTraining": count, "file_ending": ENDING}
    write_json(root / "dataset.json", told)
    return count


def write_tested(folder: Path, frames: Frames) -> None:
    """Write the images that are to be segmented, without their labels."""
    for name, rows in _cases(frames):
        _save(folder / f"{name}_0000{ENDING}", frames.image[rows].astype(np.float32), frames, rows)


def read_predicted(folder: Path, frames: Frames) -> Mask:
    """Labels of each frame.

    Raises:
        CohortError: a case was not segmented, or came back in another shape.
    """
    import nibabel as nib

    found = np.zeros(frames.mask.shape, dtype=np.uint8)
    for name, rows in _cases(frames):
        file = folder / f"{name}{ENDING}"
        if not file.exists():
            raise CohortError(f"{file}: expected a segmentation by nnU-Net, found none; its own messages say why")
        labels = np.asarray(nib.load(file).dataobj).T  # type: ignore[attr-defined]
        if labels.shape != found[rows].shape:
            raise CohortError(f"{file}: expected {found[rows].shape} (slices, rows, columns), got {labels.shape}")
        found[rows] = labels
    return found


def _cases(frames: Frames) -> Iterator[tuple[str, Rows]]:
    """A name that is a file's, and the frames of each case."""
    for k, (_, phase, rows) in enumerate(frames.stacks()):
        yield f"{k:05d}{''.join(c for c in phase if c.isalnum())}", rows


def _save(file: Path, array: npt.NDArray[np.generic], frames: Frames, rows: Rows) -> None:
    import nibabel as nib

    step, row, column = np.nan_to_num(frames.spacing(rows), nan=1.0)
    file.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array.T, np.diag([-column, -row, step, 1.0]))  # type: ignore[no-untyped-call]
    nib.save(image, file)
