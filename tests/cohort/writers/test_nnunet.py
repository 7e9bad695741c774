import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.writers import get_writer
from synthcmr.errors import SettingsError, WriteError
from tests.cohort.writers.building import (
    SPACING,
    STEP,
    assert_same_pixels,
    assert_same_place,
    build,
    read_all,
    records,
    standard_cohort,
    written,
)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return standard_cohort(tmp_path_factory.mktemp("cohort") / "c")


@pytest.fixture(scope="module")
def dataset(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("nnunet") / "raw"
    get_writer("nnunet", dataset_id=27, dataset_name="ACDC").write(cohort, dest)
    return dest / "Dataset027_ACDC"


def _description(dataset: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((dataset / "dataset.json").read_text())
    return content


def test_folders_follow_the_splits(dataset: Path) -> None:
    found = {d.name: sorted(f.name for f in d.iterdir()) for d in dataset.iterdir() if d.is_dir()}
    cases = [f"{p}_{phase}" for p in ("p01", "p02", "p04") for phase in ("ED", "ES")]
    assert found["labelsTr"] == [f"{c}.nii.gz" for c in cases]
    assert found["imagesTr"] == [f"{c}_0000.nii.gz" for c in cases]
    assert found["labelsTs"] == ["p03_ED.nii.gz", "p03_ES.nii.gz"]
    assert found["imagesTs"] == ["p03_ED_0000.nii.gz", "p03_ES_0000.nii.gz"]


def test_description_names_labels_and_counts(dataset: Path) -> None:
    description = _description(dataset)
    assert description["labels"] == {"background": 0, "LV": 1, "MYO": 2, "RV": 3, "ignore": 4}
    assert description["numTraining"] == len(list((dataset / "labelsTr").iterdir()))
    assert description["file_ending"] == ".nii.gz"
    assert description["channel_names"] == {"0": "MRI"}


def test_no_ignore_label_where_everything_is_labelled(cohort: Cohort, tmp_path: Path) -> None:
    get_writer("nnunet").write(cohort.select(subject_id=["p01", "p04"]), tmp_path / "raw")
    assert "ignore" not in _description(tmp_path / "raw" / "Dataset501_SynthCMR")["labels"]


def test_images_and_labels_share_one_grid_and_hold_declared_labels_only(dataset: Path) -> None:
    declared = set(_description(dataset)["labels"].values())
    for side in ("Tr", "Ts"):
        for file in (dataset / f"labels{side}").iterdir():
            label = nib.load(file)
            image = nib.load(dataset / f"images{side}" / file.name.replace(".nii.gz", "_0000.nii.gz"))
            assert label.shape == image.shape
            np.testing.assert_array_equal(label.affine, image.affine)
            np.testing.assert_allclose(image.header.get_zooms(), (SPACING[1], SPACING[0], STEP), rtol=1e-6)
            assert set(np.unique(np.asanyarray(label.dataobj))) <= declared


def test_pixels_are_the_cohorts(cohort: Cohort, dataset: Path) -> None:
    stack = written(cohort)["p02"].stacks[0]
    image = nib.load(dataset / "imagesTr" / "p02_ES_0000.nii.gz").get_fdata()
    np.testing.assert_array_equal(image.transpose(2, 1, 0), stack.image[1])
    label = np.asanyarray(nib.load(dataset / "labelsTr" / "p02_ES.nii.gz").dataobj).transpose(2, 1, 0)
    np.testing.assert_array_equal(np.where(label == 4, 255, label), stack.mask[1])


def test_table_and_splits_go_by_subject(dataset: Path) -> None:
    with (dataset / "subjects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [r["case"] for r in rows if r["subject_id"] == "p01"] == ["p01_ED", "p01_ES"]
    first = rows[0]
    assert (first["phase"], first["frame"], first["age"], first["sex"]) == ("ED", "0", "61.0", "female")
    assert next(r for r in rows if r["subject_id"] == "p03")["age"] == ""
    (fold,) = json.loads((dataset / "splits_final.json").read_text())
    assert {c[:3] for c in fold["train"]} == {"p01", "p02"}
    assert {c[:3] for c in fold["val"]} == {"p04"}


def test_reads_back_equal(cohort: Cohort, dataset: Path) -> None:
    raw = read_all("nnunet", dataset)
    for subject_id, subject in written(cohort).items():
        assert_same_pixels(subject, raw[subject_id], 1e-6)
        assert_same_place(subject, raw[subject_id].stacks[0])


def test_what_cannot_be_written_is_listed(tmp_path: Path) -> None:
    nowhere = records("a", 1, spacing_row_mm=None, spacing_column_mm=None, affine=None)
    one = build(
        tmp_path / "c",
        [("a", {}, nowhere), ("b", {}, records("b", 2, ())), ("g", {}, records("g", 3, skip=(2,))),
         ("t", {"split": "test"}, records("t", 4, ()))],
    )  # fmt: skip
    summary = get_writer("nnunet").write(one, tmp_path / "raw")
    reasons = {o.subject_id: o.reason for o in summary.left_out}
    assert "spacing is unknown" in reasons["a"]
    assert "without a mask" in reasons["b"]
    assert "1 missing slice" in reasons["g"]
    assert "t" not in reasons
    root = tmp_path / "raw" / "Dataset501_SynthCMR"
    assert len(list((root / "imagesTs").iterdir())) == 2
    assert not (root / "labelsTs").exists()
    gap = np.asanyarray(nib.load(root / "labelsTr" / "g_ED.nii.gz").dataobj)
    assert (gap[:, :, 2] == 4).all()
    assert gap.shape[2] == 5


def test_destination_is_never_overwritten_unasked(cohort: Cohort, tmp_path: Path) -> None:
    dest = tmp_path / "raw"
    dest.mkdir()
    (dest / "thesis.txt").write_text("mine")
    with pytest.raises(WriteError, match="empty or new folder"):
        get_writer("nnunet").write(cohort, dest)
    with pytest.raises(WriteError, match="expected an earlier export and nothing else"):
        get_writer("nnunet").write(cohort, dest, overwrite=True)
    assert (dest / "thesis.txt").read_text() == "mine"


def test_an_earlier_export_is_replaced_when_asked(cohort: Cohort, tmp_path: Path) -> None:
    get_writer("nnunet").write(cohort, tmp_path / "raw")
    get_writer("nnunet").write(cohort.select(subject_id="p01"), tmp_path / "raw", overwrite=True)
    labels = tmp_path / "raw" / "Dataset501_SynthCMR" / "labelsTr"
    assert {f.name for f in labels.iterdir()} == {"p01_ED.nii.gz", "p01_ES.nii.gz"}


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("nnunet", {"dataset_id": 0}, "--dataset-id: expected 1 to 999"),
        ("nnunet", {"dataset_name": "my data"}, "letters and digits"),
        ("nnunet", {"colour": 1}, "unknown option colour; it has: dataset_id, dataset_name"),
        ("minc", {}, "expected one of nnunet, nifti"),
    ],
)
def test_options_that_cannot_be_used_are_refused(name: str, options: dict[str, object], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        get_writer(name, **options)


@pytest.mark.skipif(
    importlib.util.find_spec("nnunetv2") is None,
    reason="nnunetv2 is not installed here; benchmarks/nnunet_integrity.py says how to run its check in an environment of its own",
)
def test_nnunets_own_check_passes(dataset: Path) -> None:
    code = (
        "import sys\nfrom nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity\n"
        "if __name__ == '__main__':\n    verify_dataset_integrity(sys.argv[1], 1)\n"
    )
    script = dataset.parent / "verify.py"
    script.write_text(code)
    result = subprocess.run([sys.executable, str(script), str(dataset)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "most likely OK" in result.stdout
