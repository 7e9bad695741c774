"""The sets that data sets came with become splits, unless they are to be drawn."""

from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.readers import get_reader
from synthcmr.cohort.splits import assign_splits, official_set
from synthcmr.config import SplitSettings
from tests.cohort.readers.layouts import acdc_patient, heart, picture, save, write_csv
from tests.journeys.typing_in import run

GROUPS = ("NOR", "DCM", "HCM", "MINF", "RV")
MNMS_TABLE = "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv"


def splits(cohort: Path) -> dict[str, str]:
    """Subject -> split."""
    found: dict[str, str] = Cohort.open(cohort).subjects.set_index("subject_id")["split"].to_dict()
    return found


def acdc(root: Path, training: int = 10, testing: int = 5) -> Path:
    """Patients of all groups in training/ and testing/."""
    for first, count, part in ((1, training, "training"), (101, testing, "testing")):
        for k in range(count):
            info = f"ED: 1\nES: 5\nGroup: {GROUPS[k % 5]}\n"
            acdc_patient(root / "database" / part, f"patient{first + k:03d}", info)
    return root / "database"


def mnms(root: Path, **columns: dict[str, object]) -> Path:
    """One subject in each of M&Ms' folders."""
    folders = {
        "A1A1A1": "Training/Labeled",
        "B2B2B2": "Training/Unlabeled",
        "C3C3C3": "Validation",
        "D4D4D4": "Testing",
    }
    rows = []
    for code, folder in folders.items():
        save(root / folder / code / f"{code}_sa.nii.gz", picture(heart(4)))
        save(root / folder / code / f"{code}_sa_gt.nii.gz", heart(4))
        rows.append({"External code": code, "ED": 0, "ES": 2, **columns.get(code, {})})
    write_csv(root / MNMS_TABLE, rows)
    return root


@pytest.mark.parametrize("inside", [True, False])
def test_acdcs_testing_patients_are_the_test_split(tmp_path: Path, inside: bool) -> None:
    source = acdc(tmp_path / "download")
    said = run(
        "ingest", source if inside else tmp_path / "download", tmp_path / "out", "--size", 64, "--spacing", 3
    ).stdout
    by_split = splits(tmp_path / "out")
    assert {s for s, split in by_split.items() if split == "test"} == {f"patient{n}" for n in range(101, 106)}
    assert set(by_split.values()) == {"train", "validation", "test"}
    assert "; the data set's own sets" in said
    assert "official_split" not in Cohort.open(tmp_path / "out").subjects


def test_a_switch_draws_at_random_instead(tmp_path: Path) -> None:
    source = acdc(tmp_path)
    run("ingest", source, tmp_path / "official", "--size", 64, "--spacing", 3)
    said = run("ingest", source, tmp_path / "random", "--size", 64, "--spacing", 3, "--split", "random").stdout
    drawn = splits(tmp_path / "random")
    assert sorted(drawn.values()).count("test") == 3
    assert drawn != splits(tmp_path / "official")
    assert "own sets" not in said
    assert (
        Cohort.open(tmp_path / "random").hash == Cohort.open(tmp_path / "official").hash
    )  # the same people and pixels


def test_the_training_set_alone_is_drawn_from_unless_asked_otherwise(tmp_path: Path) -> None:
    source = acdc(tmp_path, testing=0) / "training"
    small = ("--size", 64, "--spacing", 3)
    run("ingest", source, tmp_path / "auto", *small)
    run("ingest", source, tmp_path / "official", *small, "--split", "official")
    assert "test" in splits(tmp_path / "auto").values()
    assert set(splits(tmp_path / "official").values()) == {"train", "validation"}


def test_where_nothing_states_sets_official_ones_are_refused(tmp_path: Path) -> None:
    for name in ("p01", "p02"):
        save(tmp_path / "in" / f"{name}_ED.nii.gz", picture(heart(1)[0]))
    failed = run("ingest", tmp_path / "in", tmp_path / "out", "--split", "official", ok=False).stderr
    assert "--split official: expected a data set with training and test sets of its own" in failed
    failed = run("ingest", tmp_path / "in", tmp_path / "out", "--split", "theirs", ok=False).stderr
    assert "--split: expected 'auto', 'official' or 'random', got 'theirs'" in failed


def test_mnms_folders_are_its_sets(tmp_path: Path) -> None:
    run("ingest", mnms(tmp_path / "testing" / "mnms"), tmp_path / "out", "--size", 64, "--spacing", 3)
    assert splits(tmp_path / "out") == {
        "A1A1A1": "train",
        "B2B2B2": "train",
        "C3C3C3": "validation",
        "D4D4D4": "test",
    }


def test_the_word_of_the_table_goes_before_that_of_the_folder(tmp_path: Path) -> None:
    run("ingest", mnms(tmp_path / "in", A1A1A1={"Set": "Testing"}), tmp_path / "out", "--size", 64, "--spacing", 3)
    assert splits(tmp_path / "out")["A1A1A1"] == "test"


def test_mnms2_numbers_are_its_sets(tmp_path: Path) -> None:
    for code in ("001", "160", "161", "200", "201", "360"):
        for phase, drawn in zip(("ED", "ES"), heart(2), strict=True):
            save(tmp_path / "in" / "dataset" / code / f"{code}_SA_{phase}.nii.gz", picture(drawn))
            save(tmp_path / "in" / "dataset" / code / f"{code}_SA_{phase}_gt.nii.gz", drawn)
    assert get_reader("mnms2").recognises(tmp_path / "in")
    run("ingest", tmp_path / "in", tmp_path / "out", "--size", 64, "--spacing", 3)
    assert splits(tmp_path / "out") == {
        "001": "train",
        "160": "train",
        "161": "validation",
        "200": "validation",
        "201": "test",
        "360": "test",
    }


def test_splits_of_a_table_are_kept_and_drawn_anew_on_request() -> None:
    rows: list[dict[str, object]] = [{"subject_id": f"s{k}", "split": "test"} for k in range(10)]
    assert assign_splits(rows, SplitSettings()) == "random"
    assert {row["split"] for row in rows} == {"test"}
    assign_splits(rows, SplitSettings(method="random"))
    assert {row["split"] for row in rows} == {"train", "validation", "test"}


def test_without_a_validation_share_the_official_training_set_stays_whole() -> None:
    rows: list[dict[str, object]] = [
        {"subject_id": f"s{k}", "official_split": "test" if k > 6 else "train"} for k in range(10)
    ]
    assign_splits(rows, SplitSettings(train=0.8, validation=0.0, test=0.2))
    assert [row["split"] for row in rows] == ["train"] * 7 + ["test"] * 3


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Training", "train"),
        ("training-labeled", "train"),
        ("val", "validation"),
        ("TEST", "test"),
        ("train or test", None),
        ("contest", None),
        ("", None),
    ],
)
def test_words_for_sets(text: str, name: str | None) -> None:
    assert official_set(text) == name
