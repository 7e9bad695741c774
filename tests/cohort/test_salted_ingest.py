"""A salted cohort, in the hands of somebody who knows every id, tells nothing."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.cohort.identifiers import salted_id
from synthcmr.cohort.ingest import ingest, plan_ingest
from synthcmr.cohort.pseudonyms import counted_anew
from synthcmr.cohort.records import ImageRecord
from synthcmr.cohort.writers import get_writer
from synthcmr.config import IngestSettings, PreprocessSettings
from synthcmr.errors import CohortError, SettingsError
from tests.cohort.readers.layouts import acdc_patient

IDS = [f"patient{number:03d}" for number in (7, 11, 23, 42, 58)]
SETTINGS = IngestSettings(preprocess=PreprocessSettings(size=32, spacing_mm=None))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """ACDC as it comes, with one patient whose image is cut short."""
    root = tmp_path / "Heart Study Smith"
    for name in IDS:
        acdc_patient(root, name)
    for file in (root / IDS[2]).glob("*frame*.nii.gz"):
        file.write_bytes(file.read_bytes()[:100])
    return root


def salted(source: Path, out: Path, salt: str = "a secret", settings: IngestSettings = SETTINGS) -> Cohort:
    return ingest(plan_ingest(source, settings, salt), out, workers=1)


def everything_in(folder: Path) -> str:
    """Names and content of all files below a folder, tables as text."""
    import pandas as pd

    texts = []
    for file in sorted(folder.rglob("*")):
        texts.append(str(file.relative_to(folder)))
        if file.is_file():
            is_table = file.suffix == ".parquet"
            texts.append(pd.read_parquet(file).to_csv() if is_table else file.read_bytes().decode("latin-1"))
    return "\n".join(texts)


def test_neither_files_nor_their_names_hold_an_id(source: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"include": tuple(IDS[:4])})
    cohort = salted(source, tmp_path / "out", settings=settings)
    assert len(cohort.subjects) == 3
    assert len(cohort.rejects) > 0
    get_writer("nifti").write(cohort, tmp_path / "exported")
    for folder in (cohort.path, tmp_path / "exported"):
        text = everything_in(folder)
        assert not [name for name in (*IDS, "Smith") if name in text]
        assert not re.search(r"patient[\d_-]", text)


def test_what_could_not_be_read_is_told_in_clear_beside_the_cohort_alone(source: Path, tmp_path: Path) -> None:
    salted(source, tmp_path / "out")
    table = (tmp_path / "out-rejects-in-clear.csv").read_text()
    assert IDS[2] in table
    shutil.rmtree(tmp_path / "out")
    salted(source, tmp_path / "out")
    assert (tmp_path / "out-rejects-in-clear.csv").read_text() == table  # of this cohort alone, and nothing twice


def test_neither_frames_nor_the_layout_nor_problems_say_who_it_is(source: Path, tmp_path: Path) -> None:
    (source / IDS[0] / "Info.cfg").write_text(
        "ED: 1\nES: 12\n"
    )  # what names of ACDC's files say, and no other patient's do
    for kind in ("", "_gt"):
        (source / IDS[0] / f"{IDS[0]}_frame05{kind}.nii.gz").rename(source / IDS[0] / f"{IDS[0]}_frame12{kind}.nii.gz")
    clear = ingest(plan_ingest(source, SETTINGS), tmp_path / "clear", workers=1)
    hidden = salted(source, tmp_path / "hidden")
    places = {tuple(row) for row in clear.images["frame_indices"]}
    assert len(places) == 2
    assert {tuple(row) for row in hidden.images["frame_indices"]} == {(0, 1)}
    assert {name.rpartition("/")[2] for name in hidden.images["image_id"]} == {"0-1"}
    assert set(hidden.rejects["case_id"]) == {"not said"}
    assert len(hidden.rejects) == len(clear.rejects[["case_id", "level"]].drop_duplicates())
    for name in ("nifti", "dicom", "nnunet"):
        get_writer(name).write(hidden, tmp_path / "exported" / name)
    text = everything_in(hidden.path) + everything_in(tmp_path / "exported")
    assert not re.findall(r"acdc|frame_?0?1[12]\b", text, re.IGNORECASE)


def image_of(frames: tuple[int, ...], times: tuple[float, ...]) -> ImageRecord:
    n = len(frames)
    pixels = np.zeros((n, 4, 4), np.float32)
    return ImageRecord(
        pixels, pixels.astype(np.uint8), "a", 0, 0, 1, ("",) * n, ("",) * n, frame_indices=frames, trigger_ms=times
    )


def test_times_of_frames_are_coarse_and_begin_at_the_first_of_the_stack() -> None:
    (made,) = counted_anew([image_of((2, 5, 9), (13.7, np.nan, 348.2))])
    assert made.frame_indices == (0, 1, 2)
    assert made.trigger_ms == pytest.approx((0, np.nan, 330), nan_ok=True)
    ed, es = counted_anew([image_of((2,), (13.7,)), image_of((9,), (348.2,))])  # a frame for each image
    assert (ed.frame_indices, es.frame_indices) == ((0,), (1,))
    assert (ed.trigger_ms, es.trigger_ms) == ((0.0,), (330.0,))
    (unknown,) = counted_anew([image_of((2,), (np.nan,))])
    assert np.isnan(unknown.trigger_ms).all()


def test_ingest_says_where_problems_stand_in_clear_and_only_under_a_salt(source: Path, tmp_path: Path) -> None:
    hidden = synthcmr.ingest(source, tmp_path / "out", salt="a secret", size=32, spacing="native", workers=1)
    assert str(tmp_path / "out-rejects-in-clear.csv") in hidden.notes[-1]
    clear = synthcmr.ingest(source, tmp_path / "out", size=32, spacing="native", workers=1, overwrite=True)
    assert "in-clear" not in " ".join(clear.notes)


def test_the_order_of_stored_images_is_not_that_of_the_ids(tmp_path: Path) -> None:
    names = [f"patient{number:03d}" for number in range(1, 13)]
    for name in names:
        acdc_patient(tmp_path / "data", name)
    hidden = salted(tmp_path / "data", tmp_path / "hidden")
    for table in (hidden.subjects, hidden.images.sort_values("first_frame"), hidden.images):
        order = table["subject_id"].drop_duplicates().tolist()
        assert len(order) == 12
        assert order != [salted_id(name, "a secret") for name in names]


def test_the_journal_of_a_stopped_ingest_holds_no_id(source: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int, case: str) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(plan_ingest(source, SETTINGS, "a secret"), tmp_path / "out", workers=1, progress=stop)
    text = everything_in(tmp_path / "out")
    assert re.search(r"s[0-9a-f]{15}", text)
    assert not [name for name in (*IDS, "Smith") if name in text]
    whole = salted(source, tmp_path / "whole")
    assert salted(source, tmp_path / "out").hash == whole.hash


def test_an_ingest_that_goes_on_needs_the_same_salt_and_the_same_files(source: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int, case: str) -> None:
        raise KeyboardInterrupt

    for salt in ("a secret", None):
        out = tmp_path / f"out {salt}"
        with pytest.raises(KeyboardInterrupt):
            ingest(plan_ingest(source, SETTINGS, salt), out, workers=1, progress=stop)
    with pytest.raises(CohortError, match="files and salt was"):
        salted(source, tmp_path / "out a secret", salt="another")
    file = next(source.rglob("*.nii.gz"))
    before = file.read_bytes()
    file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))  # another delivery with the same names and sizes
    with pytest.raises(CohortError, match="files was"):
        ingest(plan_ingest(source, SETTINGS), tmp_path / "out None", workers=1)
    file.write_bytes(before)
    acdc_patient(source, "patient099")
    with pytest.raises(CohortError, match="files was"):
        ingest(plan_ingest(source, SETTINGS), tmp_path / "out None", workers=1)


@pytest.mark.parametrize("salt", ["", "  "])
def test_an_empty_salt_is_refused(source: Path, salt: str) -> None:
    with pytest.raises(SettingsError, match="--salt: expected a secret"):
        plan_ingest(source, SETTINGS, salt)


def test_a_subject_that_comes_twice_is_one_subject_and_a_reject(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        acdc_patient(tmp_path / "data" / folder, "patient001")
    cohort = ingest(plan_ingest(tmp_path / "data", SETTINGS), tmp_path / "out", workers=1)
    assert cohort.subjects["subject_id"].tolist() == ["patient001"]
    assert cohort.images["image_id"].is_unique
    assert cohort.rejects["reason"].str.contains("was read already").sum() == 1


@pytest.mark.parametrize(("out", "how"), [("data", "it is"), (".", "it holds"), ("data/cohort", "it lies inside")])
def test_an_output_that_touches_its_source_is_refused_and_the_source_stays(
    source: Path, tmp_path: Path, out: str, how: str
) -> None:
    data = source.rename(tmp_path / "data")
    before = everything_in(data)
    with pytest.raises(CohortError, match=f"expected a folder apart from the source, but {how}"):
        ingest(plan_ingest(data, SETTINGS), tmp_path / out, workers=1)
    assert everything_in(data) == before
