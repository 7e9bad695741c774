"""nnU-Net's folders and commands. nnU-Net itself is not installed here: a script of its names stands at its place."""

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError, SettingsError, SynthcmrError
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.utility.nnunet import Nnunet, read_predicted, write_tested, write_training
from synthcmr.evaluation.utility.segmentation_frames import LabelledFrames, read_frames
from tests.evaluation.making import PIXEL, SLICES, STEP
from tests.evaluation.utility.making import OUTLINER, settings

# Predicts by brightness, and writes down how it was called.
STAND_IN = """#!{python}
import os, sys, pathlib
import nibabel as nib, numpy as np
name, told = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
raw = pathlib.Path(os.environ["nnUNet_raw"])
with (raw.parent.parent / "calls.txt").open("a") as log:
    log.write(" ".join([name, *told]) + "\\n")
if name == "nnUNetv2_plan_and_preprocess":
    assert (raw / "Dataset501_Utility/dataset.json").exists()
if name == "nnUNetv2_predict":
    given, made = (pathlib.Path(told[told.index(o) + 1]) for o in ("-i", "-o"))
    made.mkdir(parents=True)
    for file in given.iterdir():
        image = nib.load(file)
        label = (np.asarray(image.dataobj) > 0.6).astype(np.uint8)
        nib.save(nib.Nifti1Image(label, image.affine), made / file.name.replace("_0000", ""))
"""


@pytest.fixture(scope="module")
def frames(real: Cohort) -> LabelledFrames:
    return read_frames(real.path, tuple(real.subjects["subject_id"][:3]))


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("nnUNetv2_plan_and_preprocess", "nnUNetv2_train", "nnUNetv2_predict"):
        (folder / name).write_text(STAND_IN.replace("{python}", sys.executable))
        (folder / name).chmod(0o755)
    return folder


def test_a_training_set_is_as_nnunet_wants_it(frames: LabelledFrames, tmp_path: Path) -> None:
    root = tmp_path / "Dataset501_Utility"
    assert write_training(root, [frames, frames]) == 12  # three subjects, two phases, two sets
    told = json.loads((root / "dataset.json").read_text())
    assert told["labels"] == {"background": 0, "LV": 1, "MYO": 2, "RV": 3}
    assert told["numTraining"] == 12
    assert told["file_ending"] == ".nii.gz"
    images, labels = (sorted((root / name).iterdir()) for name in ("imagesTr", "labelsTr"))
    assert [f.name.replace("_0000", "") for f in images] == [f.name for f in labels]
    one = nib.load(labels[0])
    assert one.shape == (48, 48, SLICES)
    assert one.header.get_zooms() == pytest.approx((PIXEL, PIXEL, STEP))
    rows = next(frames.stacks())[2]
    assert np.array_equal(np.asarray(one.dataobj).T, frames.mask[rows])


def test_unlabelled_pixels_become_its_ignore_label(frames: LabelledFrames, tmp_path: Path) -> None:
    mask = frames.mask.copy()
    mask[:, :3] = 255
    write_training(tmp_path, [LabelledFrames(frames.image, mask, frames.table)])
    assert json.loads((tmp_path / "dataset.json").read_text())["labels"]["ignore"] == 4
    assert set(np.unique(nib.load(next((tmp_path / "labelsTr").iterdir())).dataobj)) == {0, 1, 2, 3, 4}


def test_predictions_come_back_to_their_frames(frames: LabelledFrames, tmp_path: Path) -> None:
    write_tested(tmp_path / "given", frames)
    write_training(tmp_path / "made", [frames])
    made = tmp_path / "made/labelsTr"
    for file in sorted(made.iterdir()):
        file.rename(made / file.name[1:])  # the number of the set
    assert np.array_equal(read_predicted(made, frames), frames.mask)
    next(made.iterdir()).unlink()
    with pytest.raises(CohortError, match="expected a segmentation by nnU-Net"):
        read_predicted(made, frames)


def test_commands_are_called_in_order(frames: LabelledFrames, tmp_path: Path, commands: Path) -> None:
    found = Nnunet(commands, 5).segmented(tmp_path / "work", [frames], {"real": frames})
    assert (found["real"] == (frames.image.astype(np.float32) > 0.6)).all()
    calls = (tmp_path / "calls.txt").read_text().splitlines()
    assert [c.split()[0] for c in calls] == ["nnUNetv2_plan_and_preprocess", "nnUNetv2_train", "nnUNetv2_predict"]
    assert "501 2d all -tr nnUNetTrainer_5epochs" in calls[1]
    assert not (tmp_path / "work").exists()


def test_a_command_that_fails_says_why(frames: LabelledFrames, tmp_path: Path, commands: Path) -> None:
    (commands / "nnUNetv2_train").write_text("#!/bin/sh\necho no memory left\nexit 3\n")
    with pytest.raises(SynthcmrError, match=r"(?s)nnUNetv2_train.*exit status 3.*no memory left"):
        Nnunet(commands, 100).segmented(tmp_path / "work", [frames], {"real": frames})


def test_where_it_is_not_installed_the_error_says_what_to_do(real: Cohort, folder: Path, tmp_path: Path) -> None:
    own = OUTLINER.model_copy(update={"learner": "nnunet", "nnunet_commands": tmp_path})
    with pytest.raises(SettingsError, match=r"synthcmr\[nnunet\]"):
        evaluate(real, real, tmp_path / "scores", settings(segmentation=own), ["utility"])
    assert Nnunet(None, 1000).trainer == "nnUNetTrainer"
    assert Nnunet(None, 1).trainer == "nnUNetTrainer_1epoch"
