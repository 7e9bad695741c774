"""A cohort folder: what goes in comes out, whoever reads it, however it was interrupted."""

import json
import pickle
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import zarr

from synthcmr.cohort import Cohort, writer
from synthcmr.cohort.frame_store import SHARD_FRAMES
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.raw_subject import RawSubject
from synthcmr.cohort.writer import CohortWriter
from synthcmr.config import PreprocessSettings, SplitSettings
from synthcmr.errors import CohortError
from tests.cohort.making import heart_stack, make_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return make_cohort(tmp_path_factory.mktemp("cohort") / "c", subjects=24)


def test_lossless_cohort_returns_the_very_pixels_it_was_given(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path / "c", subjects=3, settings=PreprocessSettings.lossless())
    given = heart_stack(1)
    (stack,) = cohort.stacks("s001")
    assert np.array_equal(stack.image, given.image)
    assert np.array_equal(stack.mask, given.mask)
    assert np.array_equal(stack.affine, given.affine)
    assert stack.spacing_mm == given.spacing_mm


def test_cohort_is_readable_with_pandas_duckdb_and_zarr_alone(cohort: Cohort) -> None:
    images = pd.read_parquet(cohort.path / "images.parquet")
    arrays = zarr.open_group(cohort.path / "arrays.zarr", mode="r")
    row = images.iloc[7]
    pixels = arrays["image"][row.first_frame : row.first_frame + row.n_frames]
    assert np.array_equal(pixels.astype(np.float32), cohort.image(7))
    counted = duckdb.sql(
        f"select sex, count(*) from '{cohort.path}/subjects.parquet' group by sex order by sex"
    ).fetchall()
    assert counted == [("female", 12), ("male", 12)]


def test_attributes_are_typed_and_missing_ones_are_null(cohort: Cohort) -> None:
    subjects = cohort.subjects
    assert subjects["age"].dtype == np.float64
    assert subjects["vendor"].unique().tolist() == ["Siemens"]
    assert subjects["height_cm"].isna().all()
    assert subjects["smoker"].dtype == bool


def test_opening_reads_neither_tables_nor_pixels(cohort: Cohort) -> None:
    opened = Cohort.open(cohort.path)
    assert "subjects" not in vars(opened)
    assert "images" not in vars(opened)
    assert not opened._frames._arrays
    assert opened.info["images"] == len(opened.images)


def test_select_filters_by_subject_and_image_columns_and_ranges(cohort: Cohort) -> None:
    chosen = cohort.select(sex="female", age=(50, None), slice_level=["basal", "mid"])
    assert set(chosen.subjects["sex"]) == {"female"}
    assert chosen.subjects["age"].min() >= 50
    assert set(chosen.images["slice_level"]) == {"basal", "mid"}
    assert np.array_equal(
        chosen.image(0), cohort.image(int(cohort.images.index[cohort.images.image_id == chosen.images.image_id[0]][0]))
    )
    assert len(cohort.select(height_cm=(0, None))) == 0  # missing matches nothing
    assert len(cohort.where("age > 60 and sex == 'male'").subjects) == 2


def test_select_by_an_unknown_column_names_the_ones_there_are(cohort: Cohort) -> None:
    with pytest.raises(CohortError, match=r"no column 'gender'.*sex"):
        cohort.select(gender="female")


def test_volumes_equal_the_sum_of_native_areas(cohort: Cohort) -> None:
    given = heart_stack(0)
    table = cohort.volumes().set_index(["subject_id", "phase"])
    expected = (given.mask[0] == 1).sum() * 1.4 * 1.4 * 8.0 / 1000
    assert table.loc[("s000", "ED"), "lv_ml"] == pytest.approx(expected)
    assert table.loc[("s000", "ED"), "myo_g"] == pytest.approx((given.mask[0] == 2).sum() * 1.4**2 * 8 / 1000 * 1.05)


def test_dataset_feeds_a_torch_loader_with_workers(cohort: Cohort) -> None:
    torch = pytest.importorskip("torch")
    loader = torch.utils.data.DataLoader(cohort.dataset(), batch_size=5, num_workers=2)
    batches = list(loader)
    assert sum(len(b["index"]) for b in batches) == len(cohort)
    assert torch.equal(batches[1]["image"][0], torch.from_numpy(cohort.image(5)))
    assert batches[0]["mask"].dtype == torch.uint8


def test_a_selection_pickles_without_open_files(cohort: Cohort) -> None:
    cohort.image(0)
    copy = pickle.loads(pickle.dumps(cohort.select(sex="male")))
    assert np.array_equal(copy.image(0), cohort.select(sex="male").image(0))


def test_splits_are_stratified_seeded_and_by_subject(tmp_path: Path) -> None:
    one = make_cohort(tmp_path / "a", subjects=60)
    again = make_cohort(tmp_path / "b", subjects=60)
    other = make_cohort(tmp_path / "c", subjects=60, split=SplitSettings(seed=1))
    assert one.subjects["split"].tolist() == again.subjects["split"].tolist()
    assert one.subjects["split"].tolist() != other.subjects["split"].tolist()
    assert one.subjects["split"].value_counts().to_dict() == {"train": 42, "test": 12, "validation": 6}
    per_cell = one.subjects[one.subjects.split == "test"].groupby(["sex", "diagnosis"]).size()
    assert per_cell.tolist() == [2] * 6


def test_hash_ignores_order_but_sees_one_pixel(tmp_path: Path) -> None:
    def build(name: str, order: list[int], change: bool = False) -> str:
        with CohortWriter(tmp_path / name, {"step": "test"}) as writer:
            for i in order:
                stack = heart_stack(i)
                if change and i == 2:
                    stack.image[0, 4, 70, 95] += 40
                writer.add(to_record(RawSubject(f"s{i}", {}, (stack,)), f"c{i}", PreprocessSettings()))
            writer.finish(SplitSettings(), [])
        return Cohort.open(tmp_path / name).hash

    assert build("a", [0, 1, 2]) == build("b", [2, 0, 1])
    assert build("c", [0, 1, 2], change=True) != build("d", [0, 1, 2])


def test_a_killed_run_continues_to_the_same_cohort(tmp_path: Path) -> None:
    records = [
        to_record(RawSubject(f"s{i}", {"age": i}, (heart_stack(i),)), f"c{i}", PreprocessSettings()) for i in range(30)
    ]
    whole = CohortWriter(tmp_path / "whole", {"step": "test"})
    for record in records:
        whole.add(record)
    whole.finish(SplitSettings(), [])
    killed = CohortWriter(tmp_path / "killed", {"step": "test"})
    for record in records[:20]:
        killed.add(record)  # never committed beyond full shards, never closed: as after kill -9
    assert len(records[0].images) * 2 * 20 > SHARD_FRAMES  # so that something was durable and something was lost
    with (tmp_path / "killed/.unfinished/journal.jsonl").open("a") as journal:
        journal.write('{"frames_end": 99')  # the machine died in the middle of a line
    del killed  # the system lets go of what a process held
    resumed = CohortWriter(tmp_path / "killed", {"step": "test"})
    assert 0 < len(resumed.done) < 20
    for record in records:
        if record.case_id not in resumed.done:
            resumed.add(record)
    resumed.finish(SplitSettings(), [])
    a, b = Cohort.open(tmp_path / "whole"), Cohort.open(tmp_path / "killed")
    assert a.hash == b.hash
    for i in range(0, len(a), 17):
        assert np.array_equal(a.image(i), b.image(i))


def test_what_takes_long_to_make_survives_a_kill_before_a_file_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "COMMIT_EVERY_S", -1.0)  # time flies
    records = [to_record(RawSubject(f"s{i}", {}, (heart_stack(i),)), f"c{i}", PreprocessSettings()) for i in range(4)]
    killed = CohortWriter(tmp_path / "killed", {"step": "test"})
    for record in records[:3]:
        killed.add(record)
    del killed
    resumed = CohortWriter(tmp_path / "killed", {"step": "test"})
    assert resumed.done == {"c0", "c1", "c2"}
    resumed.add(records[3])
    resumed.finish(SplitSettings(), [])
    monkeypatch.undo()
    whole = CohortWriter(tmp_path / "whole", {"step": "test"})
    for record in records:
        whole.add(record)
    whole.finish(SplitSettings(), [])
    assert Cohort.open(tmp_path / "killed").hash == Cohort.open(tmp_path / "whole").hash


def test_an_unfinished_cohort_says_so_and_refuses_other_settings(tmp_path: Path) -> None:
    with CohortWriter(tmp_path / "c", {"step": "test", "spacing": 1.5}) as unfinished:
        unfinished.add(to_record(RawSubject("s", {}, (heart_stack(),)), "c", PreprocessSettings()))
    with pytest.raises(CohortError, match="unfinished"):
        Cohort.open(tmp_path / "c")
    with pytest.raises(CohortError, match=r"spacing was 1.5, is now 2.0"):
        CohortWriter(tmp_path / "c", {"step": "test", "spacing": 2.0})


@pytest.mark.parametrize("text", ['{"step": [', "[1]", "[" * 100_000, '{"nosuch": 1}', "\x00"])
@pytest.mark.parametrize("name", ["manifest.json", "journal.jsonl"])
def test_a_damaged_note_of_an_unfinished_cohort_is_named(name: str, text: str, tmp_path: Path) -> None:
    with CohortWriter(tmp_path / "c", {"step": "test"}) as unfinished:
        unfinished.add(to_record(RawSubject("s", {}, (heart_stack(),)), "c", PreprocessSettings()))
    (tmp_path / "c/.unfinished" / name).write_text(text + "\n")
    with pytest.raises(CohortError, match=str(tmp_path / "c")):
        CohortWriter(tmp_path / "c", {"step": "test"})
    (tmp_path / "c/.unfinished" / name).unlink()


def test_a_finished_cohort_is_not_written_over(cohort: Cohort) -> None:
    with pytest.raises(CohortError, match="finished cohort already"):
        CohortWriter(cohort.path, {"step": "test"})


def test_opening_what_is_no_cohort_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match="synthcmr ingest"):
        Cohort.open(tmp_path)
    (tmp_path / "cohort.json").write_text('{"format": "synthcmr-cohort", "version": 99}')
    with pytest.raises(CohortError, match="update synthcmr"):
        Cohort.open(tmp_path)
    (tmp_path / "cohort.json").write_text("{")
    with pytest.raises(CohortError, match="expected JSON"):
        Cohort.open(tmp_path)


def test_images_of_different_sizes_share_a_cohort(tmp_path: Path) -> None:
    with CohortWriter(tmp_path / "c", {"step": "test"}, "float32", (64, 64)) as writer:
        for i, shape in enumerate([(2, 4, 60, 50), (2, 4, 300, 280), (2, 4, 100, 310)]):
            stack = heart_stack(i, shape=shape, centre=(30, 25))
            writer.add(to_record(RawSubject(f"s{i}", {}, (stack,)), f"c{i}", PreprocessSettings.lossless()))
        writer.finish(None, [])
    cohort = Cohort.open(tmp_path / "c")
    for i, shape in enumerate([(60, 50), (300, 280), (100, 310)]):
        (stack,) = cohort.stacks(f"s{i}")
        assert stack.image.shape[2:] == shape
        assert np.array_equal(stack.image, heart_stack(i, shape=(2, 4, *shape), centre=(30, 25)).image)


def test_provenance_names_step_hash_and_software(cohort: Cohort) -> None:
    record = json.loads((cohort.path / "provenance.json").read_text())
    assert record["step"] == "test"
    assert record["hash"] == cohort.hash
    assert {"synthcmr", "python", "numpy"} <= set(record["software"])


def test_reading_many_rows_at_once_gives_what_reading_each_does(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path / "c", 3)
    rows = [4, 0, 1, 2, 9, 3, len(cohort) - 1]
    image, mask = cohort.read_many(rows)
    for k, row in enumerate(rows):
        assert np.array_equal(image[k].astype(np.float32), cohort.image(row))
        assert np.array_equal(mask[k], cohort.mask(row))
