import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from synthcmr.cohort import Cohort
from synthcmr.cohort.writers import get_writer
from synthcmr.cohort.writers.huggingface import caption
from tests.cohort.writers.building import FULL, assert_same_pixels, read_all, standard_cohort, written

SPLITS = {"train": {"p01", "p02"}, "validation": {"p04"}, "test": {"p03"}}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return standard_cohort(tmp_path_factory.mktemp("cohort") / "c")


@pytest.fixture(scope="module")
def folder(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("hf") / "out"
    get_writer("hf").write(cohort, dest)
    return dest


def test_splits_are_folders_by_subject(folder: Path) -> None:
    for split, subjects in SPLITS.items():
        rows = pd.read_parquet(folder / split / "metadata.parquet")
        assert set(rows["subject_id"]) == subjects
        assert len(rows) == 10 * len(subjects)
        assert rows["file_name"].map(lambda f: (folder / split / f).is_file()).all()  # noqa: B023
        assert rows["mask_file_name"].map(lambda f: (folder / split / f).is_file()).all()  # noqa: B023


def test_a_column_has_one_type_in_every_split_even_where_nobody_has_it(folder: Path) -> None:
    types = [pd.read_parquet(folder / s / "metadata.parquet").dtypes.to_dict() for s in SPLITS]
    assert types[0]["age"] == types[1]["age"] == types[2]["age"] == np.float64
    assert [list(t) for t in types] == [list(types[0])] * 3


def test_captions_tell_what_is_known(folder: Path) -> None:
    train = pd.read_parquet(folder / "train" / "metadata.parquet")
    text = train[(train["subject_id"] == "p01") & (train["phase"] == "ES")]["text"].iloc[0]
    assert text == "short-axis cardiac MRI, end-systole, woman, 61 years, BMI 25.9, HCM, Siemens, 1.5 T"
    assert caption({}) == "short-axis cardiac MRI"
    assert caption({"sex": "male"}, "ED", "apical") == "short-axis cardiac MRI, end-diastole, apical slice, man"


def test_images_are_8_bit_and_of_the_cohort(cohort: Cohort, folder: Path) -> None:
    image = np.asarray(Image.open(folder / "test" / "images" / "p03" / "0_s02_ED.png"))
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image / 255, written(cohort)["p03"].stacks[0].image[0, 2], atol=0.5 / 255 + 1e-6)


def test_card_says_what_it_is(folder: Path) -> None:
    _, header, body = (folder / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(header)
    assert facts["size_categories"] == ["n<1K"]
    assert "synthetic" in facts["tags"]
    assert "no patient was scanned" in body
    assert "| validation | 10 |" in body


def test_each_split_reads_back_equal(cohort: Cohort, folder: Path) -> None:
    for split, subjects in SPLITS.items():
        raw = read_all("table", folder / split / "metadata.parquet")
        assert set(raw) == subjects
        for subject_id in subjects:
            assert_same_pixels(written(cohort)[subject_id], raw[subject_id], 0.5 / 255 + 1e-6)
    attributes = read_all("table", folder / "train" / "metadata.parquet")["p01"].attributes
    assert float(str(attributes["age"])) == FULL["age"]


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="the datasets library is not installed here")
def test_loads_with_the_datasets_library(folder: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    loaded = load_dataset("imagefolder", data_dir=str(folder), cache_dir=str(tmp_path))
    assert {name: len(rows) for name, rows in loaded.items()} == {"train": 20, "validation": 10, "test": 10}
    first = loaded["train"][0]
    assert first["image"].size == first["mask"].size == (40, 48)
    assert first["sex"] == "female"
