"""Folders of NIfTI files that are described by their names alone."""

from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.readers import recognise
from synthcmr.cohort.readers.nifti.guessed_table import parse_name
from synthcmr.errors import SettingsError
from tests.cohort.readers.layouts import ACDC, SHAPE, acdc_patient, heart, picture, read_all, save
from tests.journeys.typing_in import run

Values = npt.NDArray[np.uint8]
CANONICAL = np.arange(4, dtype=np.uint8)


def write(
    root: Path, image: str, mask: str, subjects: Iterable[str] = ("p01", "p02"), values: Values = CANONICAL
) -> None:
    """ED and ES of some subjects; in the patterns {s} is the subject and {p} the phase."""
    drawn = heart(2)
    for subject in subjects:
        for t, phase in enumerate(("ED", "ES")):
            save(root / image.format(s=subject, p=phase), picture(drawn[t], seed=t))
            if mask:
                save(root / mask.format(s=subject, p=phase), values[drawn[t]])


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{s}_{p}.nii.gz", "{s}_{p}_gt.nii.gz"),
        ("{s}_{p}.nii", "{s}_{p}_seg.nii"),
        ("{s}-sax-{p}.nii.gz", "{s}-sax-{p}-mask.nii.gz"),
        ("{s}{p}.nii.gz", "{s}{p}_label.nii.gz"),
        ("{s}/sa_{p}.nii.gz", "{s}/label_sa_{p}.nii.gz"),
        ("{s}/{s}_{p}.nii.gz", "{s}/{s}_{p}_gt.nii.gz"),
        ("images/{s}_{p}.nii.gz", "masks/{s}_{p}.nii.gz"),
        ("{p}/{s}.nii.gz", "{p}/{s}_segmentation.nii.gz"),
        ("{s}/heart_{p}.nii.gz", "{s}/heart_{p}_gt.nii.gz"),
    ],
)
def test_names_say_subject_phase_and_mask(tmp_path: Path, image: str, mask: str) -> None:
    write(tmp_path, image, mask)
    assert recognise(tmp_path).name == "nifti"
    subjects = read_all("nifti", tmp_path)
    assert set(subjects) == {"p01", "p02"}
    for raw in subjects.values():
        (stack,) = raw.stacks
        assert stack.phases == ("ED", "ES")
        np.testing.assert_array_equal(stack.mask, heart(2))
        np.testing.assert_array_equal(stack.image, np.stack([picture(heart(2)[t], seed=t) for t in range(2)]))
        assert not raw.rejects


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("SC-HF-I-1_ED.nii.gz", "SC-HF-I-1"),
        ("14AA3_LVSA_seg_ED.nii.gz", "14AA3"),
        ("case_001_ED_0000.nii.gz", "case_001"),
        ("ED_patient001_gt.nii.gz", "patient001"),
        ("Patient 001 end-diastole.nii.gz", "Patient 001"),
        ("p01_frame_01_gt.nii.gz", "p01"),
        ("p01-frame01.nii.gz", "p01"),
        ("labels/p01.seg.nii", "p01"),
        ("patientED01_ES.nii.gz", "patientED01"),
    ],
)
def test_subjects_keep_their_spelling(path: str, subject: str) -> None:
    assert parse_name(PurePosixPath(path)).subject == subject


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (CANONICAL, "1=lv,2=myo,3=rv"),
        (ACDC, "1=rv,2=myo,3=lv"),
        (np.array([0, 85, 170, 255], np.uint8), "85=lv,170=myo,255=rv"),
        (np.array([0, 1, 2, 0], np.uint8), "1=lv,2=myo"),
        (np.array([0, 0, 1, 0], np.uint8), "1=myo"),
    ],
)
def test_shapes_tell_which_value_is_which(tmp_path: Path, values: Values, text: str) -> None:
    write(tmp_path, "{s}_{p}.nii.gz", "{s}_{p}_gt.nii.gz", values=values)
    for raw in read_all("nifti", tmp_path).values():
        assert any(note.startswith(f"labels {text}: value ") for note in raw.notes)
        mask = raw.stacks[0].mask
        assert mask is not None
        for label in (1, 2, 3):
            drawn = f"={('lv', 'myo', 'rv')[label - 1]}" in text
            np.testing.assert_array_equal(mask == label, (heart(2) == label) & drawn)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([0, 1, 0, 0], np.uint8), "it may be either cavity"),  # nothing but the LV
        (np.array([0, 1, 0, 2], np.uint8), "expected one value that forms a ring around one other, found none"),
        (np.array([0, 1, 1, 2], np.uint8), "found none"),  # LV with its wall
    ],
)
def test_shapes_that_do_not_tell_are_asked_for(tmp_path: Path, values: Values, reason: str) -> None:
    write(tmp_path, "{s}_{p}.nii.gz", "{s}_{p}_gt.nii.gz", values=values)
    with pytest.raises(SettingsError, match=reason) as caught:
        read_all("nifti", tmp_path)
    assert "fill its column labels" in str(caught.value)
    assert "--save-table FILE.csv" in str(caught.value)


def _second_mask(root: Path) -> None:
    save(root / "p01_ED_seg.nii.gz", heart(1)[0])


def _two_phases(root: Path) -> None:
    save(root / "p03_ED_ES.nii.gz", picture(heart(1)[0]))


def _mask_alone(root: Path) -> None:
    save(root / "p03_ED_gt.nii.gz", heart(1)[0])


def _unknown_word(root: Path) -> None:
    save(root / "p01_ED_rvdrawn.nii.gz", heart(1)[0])


def _nobody(root: Path) -> None:
    save(root / "sa_ED.nii.gz", picture(heart(1)[0]))


@pytest.mark.parametrize(
    ("add", "problem"),
    [
        (_second_mask, "which is the mask of p01 at ED: p01_ED_gt.nii.gz, p01_ED_seg.nii.gz"),
        (_two_phases, "which phase, ED or ES: p03_ED_ES.nii.gz"),
        (_mask_alone, "which image the mask of p03 is drawn on: p03_ED_gt.nii.gz"),
        (_unknown_word, "what 'rvdrawn' means: p01_ED_rvdrawn.nii.gz beside p01_ED.nii.gz"),
        (_nobody, "whose it is: sa_ED.nii.gz"),
    ],
)
def test_names_that_can_be_read_in_two_ways_are_listed_and_nothing_is_guessed(
    tmp_path: Path, add: Callable[[Path], None], problem: str
) -> None:
    write(tmp_path / "in", "{s}_{p}.nii.gz", "{s}_{p}_gt.nii.gz")
    add(tmp_path / "in")
    failed = run("ingest", tmp_path / "in", tmp_path / "out", ok=False).stderr
    assert problem in failed
    assert "The table guessed so far begins:\n  subject_id " in failed
    assert not (tmp_path / "out").exists()


def test_the_table_is_shown_and_kept_and_reads_to_the_same_cohort(tmp_path: Path) -> None:
    write(tmp_path / "in", "{s}_{p}.nii.gz", "{s}_{p}_gt.nii.gz", values=ACDC)
    shown = run("ingest", tmp_path / "in", tmp_path / "out").stdout
    assert "p01         p01_ED.nii.gz  p01_ED_gt.nii.gz  ED     1=rv,2=myo,3=lv" in shown
    assert "note: labels 1=rv,2=myo,3=lv: value 2 encloses 100% of value 3, and 1 lies beside it" in shown
    kept = tmp_path / "out" / "guessed_table.csv"
    assert pd.read_csv(kept)["image"][0] == "../in/p01_ED.nii.gz"
    run("ingest", kept, tmp_path / "again")
    assert Cohort.open(tmp_path / "again").hash == Cohort.open(tmp_path / "out").hash


def test_a_table_is_written_to_be_mended_where_names_do_not_say_enough(tmp_path: Path) -> None:
    lv = np.array([0, 1, 0, 0], np.uint8)
    write(tmp_path / "in", "{s}_{p}.nii.gz", "{s}_{p}_gt.nii.gz", values=lv)
    said = run("ingest", tmp_path / "in", tmp_path / "out", "--save-table", tmp_path / "table.csv").stdout
    assert "either cavity" in said
    rows = pd.read_csv(tmp_path / "table.csv")
    rows["labels"] = "1=lv"
    rows.to_csv(tmp_path / "table.csv", index=False)
    run("ingest", tmp_path / "table.csv", tmp_path / "out")
    assert set(Cohort.open(tmp_path / "out").images["labelled"].explode()) == {"lv"}


def test_with_a_salt_no_name_of_a_file_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "in", "{s}_{p}.nii.gz", "{s}_{p}_gt.nii.gz")
    run("ingest", tmp_path / "in", tmp_path / "out", "--salt", "secret")
    assert not (tmp_path / "out" / "guessed_table.csv").exists()


def test_of_two_numbered_frames_the_larger_cavity_is_diastole(tmp_path: Path) -> None:
    large, small = heart(1)[0], heart(1)[0]
    small[::2][small[::2] == 1] = 2  # in every other slice the cavity is wall
    for name, drawn in (("frame11", large), ("frame03", small)):
        save(tmp_path / f"p01_{name}.nii.gz", picture(drawn))
        save(tmp_path / f"p01_{name}_gt.nii.gz", drawn)
    raw = read_all("nifti", tmp_path)["p01"]
    (stack,) = raw.stacks
    assert stack.mask is not None
    np.testing.assert_array_equal(stack.mask[stack.phases.index("ED")], large)
    np.testing.assert_array_equal(stack.mask[stack.phases.index("ES")], small)
    assert any("larger LV cavity was taken as ED" in note for note in raw.notes)


def test_long_axis_files_and_cines_beside_phases_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "{s}/sa_{p}.nii.gz", "{s}/label_sa_{p}.nii.gz", ["1000015"])
    save(tmp_path / "1000015" / "la_4ch_ED.nii.gz", picture(heart(1)[0]))
    save(tmp_path / "1000015" / "sa.nii.gz", picture(heart(5)))
    raw = read_all("nifti", tmp_path)["1000015"]
    assert raw.stacks[0].phases == ("ED", "ES")
    assert "1 long-axis file(s) were left out" in raw.notes
    assert any("files without a phase" in note for note in raw.notes)


def test_images_alone_are_read_each_as_a_subject(tmp_path: Path) -> None:
    for name in ("scan1", "scan2"):
        save(tmp_path / f"{name}.nii.gz", picture(heart(3)))
    subjects = read_all("nifti", tmp_path)
    assert set(subjects) == {"scan1", "scan2"}
    assert all(raw.stacks[0].mask is None and raw.stacks[0].image.shape == (3, *SHAPE) for raw in subjects.values())


def test_folders_of_sets_become_splits(tmp_path: Path) -> None:
    write(tmp_path / "in", "train/{s}_{p}.nii.gz", "train/{s}_{p}_gt.nii.gz", ["p01", "p02"])
    write(tmp_path / "in", "test/{s}_{p}.nii.gz", "test/{s}_{p}_gt.nii.gz", ["p03"])
    run("ingest", tmp_path / "in", tmp_path / "out")
    splits = Cohort.open(tmp_path / "out").subjects.set_index("subject_id")["split"].to_dict()
    assert splits == {"p01": "train", "p02": "train", "p03": "test"}


def test_layouts_with_readers_of_their_own_are_left_to_them(tmp_path: Path) -> None:
    acdc_patient(tmp_path / "acdc")
    assert recognise(tmp_path / "acdc").name == "acdc"


def test_a_damaged_mask_is_a_reject_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "{s}_{p}.nii.gz", "{s}_{p}_gt.nii.gz")
    (tmp_path / "p02_ES_gt.nii.gz").write_bytes(b"")
    subjects = read_all("nifti", tmp_path)
    assert not subjects["p01"].rejects
    assert subjects["p02"].rejects[0][0] == "p02_ES.nii.gz"
    assert "0 bytes" in subjects["p02"].rejects[0][1]
