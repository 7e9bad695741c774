"""Damage to a cohort is named before anybody computes with it."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from tests.generators.making import phantoms

FLIPS_PER_FILE = 40


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return phantoms(tmp_path_factory.mktemp("checked") / "cohort", subjects=2)


@pytest.fixture
def copy(cohort: Cohort, tmp_path: Path) -> Path:
    return Path(shutil.copytree(cohort.path, tmp_path / "cohort"))


def read_everything(path: Path) -> None:
    """Every table and pixel of a cohort."""
    cohort = Cohort.open(path)
    _ = cohort.subjects, cohort.images, cohort.rejects, cohort.provenance
    _ = cohort.truth if cohort.has_truth else None
    for index in range(len(cohort)):
        cohort.image(index), cohort.mask(index)


def files_of(path: Path) -> Iterator[Path]:
    return (p for p in sorted(path.rglob("*")) if p.is_file() and p.suffix != ".html")


def test_an_untouched_copy_is_read(copy: Path) -> None:
    read_everything(copy)


def test_a_flipped_bit_in_any_file_is_refused(copy: Path) -> None:
    source = np.random.default_rng(0)
    silent = []
    for file in files_of(copy):
        whole = file.read_bytes()
        for place in source.integers(len(whole), size=FLIPS_PER_FILE).tolist():
            damaged = bytearray(whole)
            damaged[place] ^= 1 << int(source.integers(8))
            file.write_bytes(bytes(damaged))
            try:
                read_everything(copy)
                silent.append(f"{file.relative_to(copy)} byte {place} of {len(whole)}")
            except CohortError:
                pass
        file.write_bytes(whole)
    assert silent == []


def test_a_file_that_is_gone_is_named(copy: Path) -> None:
    for file in files_of(copy):
        whole = file.read_bytes()
        file.unlink()
        with pytest.raises(CohortError, match=re.escape(str(copy))):
            read_everything(copy)
        file.write_bytes(whole)


@pytest.mark.parametrize("edit", ["drop", "null", "swap"])
def test_an_edited_table_is_named(copy: Path, edit: str) -> None:
    table = pd.read_parquet(copy / "subjects.parquet")
    if edit == "drop":
        table = table.iloc[1:]
    elif edit == "null":
        table.loc[0, "subject_id"] = None
    else:
        table["diagnosis"] = table["diagnosis"].to_numpy()[::-1]
    table.to_parquet(copy / "subjects.parquet", index=False)
    with pytest.raises(CohortError, match=r"subjects\.parquet: expected the file as synthcmr wrote it"):
        _ = Cohort.open(copy).subjects


def test_what_was_written_before_there_were_checksums_is_read(copy: Path) -> None:
    record = json.loads((copy / "cohort.json").read_text())
    (copy / "cohort.json").write_text(
        json.dumps({k: v for k, v in record.items() if k not in ("files", "shards", "checksum")})
    )
    read_everything(copy)


def test_the_hash_of_an_image_is_of_its_pixels_as_they_are_stored(cohort: Cohort) -> None:
    from synthcmr.cohort.frame_store import FrameReader
    from synthcmr.cohort.writer import ARRAYS
    from tests.cohort.making import stored_hash

    row = cohort.images.iloc[3]
    reader = FrameReader(cohort.path / ARRAYS, cohort.info)
    place = (int(row["first_frame"]), int(row["n_frames"]), int(row["height"]), int(row["width"]))
    assert row["content_hash"] == stored_hash(reader.read("image", *place), reader.read("mask", *place))
