import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthcmr.cohort import Cohort
from synthcmr.cohort.writers import get_writer
from synthcmr.cohort.writers.export import WriteSummary
from synthcmr.errors import SettingsError
from tests.cohort.writers.building import (
    FULL,
    assert_same_pixels,
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
def exported(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, WriteSummary]:
    dest = tmp_path_factory.mktemp("png") / "out"
    return dest, get_writer("png").write(cohort, dest)


def test_reads_back_equal(cohort: Cohort, exported: tuple[Path, WriteSummary]) -> None:
    raw = read_all("table", exported[0] / "metadata.csv")
    for subject_id, subject in written(cohort).items():
        assert_same_pixels(subject, raw[subject_id], 1 / 65535)
        assert raw[subject_id].stacks[0].slice_indices in ((), subject.stacks[0].slice_indices)
    assert str(raw["p01"].attributes["diagnosis"]) == FULL["diagnosis"]


def test_images_are_grey_and_masks_label_values(cohort: Cohort, exported: tuple[Path, WriteSummary]) -> None:
    stack = written(cohort)["p02"].stacks[0]
    image = np.asarray(Image.open(exported[0] / "images" / "p02" / "0_s03_ES.png"))
    assert image.dtype == np.uint16
    np.testing.assert_allclose(image / 65535, stack.image[1, 3], atol=1 / 65535)
    mask = np.asarray(Image.open(exported[0] / "masks" / "p02" / "0_s03_ES.png"))
    np.testing.assert_array_equal(mask, stack.mask[1, 3])
    assert set(np.unique(mask)) == {1, 255}


def test_eight_bits(cohort: Cohort, tmp_path: Path) -> None:
    get_writer("png", bits=8).write(cohort.select(subject_id="p01"), tmp_path / "out")
    image = np.asarray(Image.open(tmp_path / "out" / "images" / "p01" / "0_s00_ED.png"))
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image / 255, written(cohort)["p01"].stacks[0].image[0, 0], atol=0.5 / 255 + 1e-6)
    with pytest.raises(SettingsError, match="expected 8 or 16, got 12"):
        get_writer("png", bits=12)


def test_unknown_spacing_and_missing_masks_are_written_and_said(tmp_path: Path) -> None:
    one = build(
        tmp_path / "c",
        [("q", {}, records("q", 1, (), spacing_row_mm=None, spacing_column_mm=None, slice_step_mm=None, affine=None))],
    )
    summary = get_writer("png").write(one, tmp_path / "out")
    assert [(o.subject_id, o.part) for o in summary.left_out] == [("q", "10 mask(s) of stack 0")]
    with (tmp_path / "out" / "metadata.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert {(r["mask"], r["spacing_row_mm"]) for r in rows} == {("", "")}
    assert not (tmp_path / "out" / "masks").exists()
    (back,) = read_all("table", tmp_path / "out" / "metadata.csv")["q"].stacks
    assert back.spacing_mm is None
    assert back.mask is None


def test_native_intensities_come_back_through_the_stated_range(tmp_path: Path) -> None:
    from dataclasses import replace

    from synthcmr.cohort.records import SubjectRecord
    from synthcmr.cohort.writer import CohortWriter

    rows = tuple(replace(r, image=(r.image.astype(np.float32) * 900 - 20)) for r in records("q", 1))
    with CohortWriter(tmp_path / "c", {"step": "test"}, "float32", (48, 40)) as writer:
        writer.add(SubjectRecord("q", "q", {"split": "train"}, rows))
        writer.finish(None, [])
    one = Cohort.open(tmp_path / "c")
    get_writer("png").write(one, tmp_path / "out")
    raw = read_all("table", tmp_path / "out" / "metadata.csv")["q"]
    assert_same_pixels(written(one)["q"], raw, 920 / 65535)
