"""What fuzzing found stays mended, and the campaign counts, goes on where it was stopped, and outlives a round that hangs or dies."""

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.fuzz import Campaign
from benchmarks.fuzz_files import FORMATS, RELEASED, read_source, rounds

from benchmarks import fuzz
from synthcmr.cohort import Cohort
from synthcmr.cohort.readers import READERS, nnunet, sunnybrook, ukbb
from synthcmr.cohort.readers.acdc import read_info
from synthcmr.cohort.readers.image_files import load_image
from synthcmr.errors import CohortError, ReadError, SettingsError
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.training.run_folder import RunFolder


def hanging(rng: np.random.Generator) -> str:
    kind = int(rng.integers(4))
    if kind == 0:
        time.sleep(60)
    if kind == 1:
        os._exit(3)
    if kind == 2:
        raise ValueError("not a sentence")
    return "read"


def test_a_round_that_hangs_dies_or_raises_is_counted_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fuzz, "SECONDS", 0.2)
    first = next(seed for seed in range(99) if int(np.random.default_rng([seed, 7]).integers(4)) > 1)
    campaign = Campaign(next=first)
    state = {"x": campaign}
    fuzz._run("x", hanging, campaign, first + 12, 600, lambda: fuzz._save(tmp_path / "state.json", state))
    kinds = [int(np.random.default_rng([seed, 7]).integers(4)) for seed in range(first, first + 12)]
    assert campaign.outcomes == {"read": kinds.count(3), "WRONG": 12 - kinds.count(3)}
    assert len(campaign.wrong) == len(set(kinds) - {3})
    assert fuzz._state(tmp_path / "state.json")["x"] == campaign


def test_every_reader_is_a_target_and_reads_what_is_changed(tmp_path: Path) -> None:
    assert set(READERS) <= set(FORMATS)
    made = rounds(tmp_path, list(FORMATS))
    for name in FORMATS:
        assert read_source(tmp_path / name) in ("read", "rejects")
        assert {fuzz._attempt(made[name], seed)[1] for seed in range(2)} == {""}


def test_the_table_shows_every_target_that_was_run() -> None:
    state = {"acdc": Campaign(next=5, seconds=0.1, slowest_s=0.25), "settings": Campaign(next=3, seconds=0.5)}
    state["acdc"].outcomes.update({"read": 2, "rejects": 1, "refused": 1, "WRONG": 1})
    state["settings"].outcomes.update({"taken": 3})
    assert fuzz.table(state).splitlines()[2:] == [
        "| acdc | 5 | 2 | 2 | 1 | 0.2 | 3000 |",
        "| settings | 3 | 3 | 0 | 0 | 0.0 | 360 |",
    ]


def test_a_frame_of_thousands_of_digits_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Info.cfg").write_text(f"ED: {'9' * 5000}\nES: 2\n")
    with pytest.raises(ReadError, match="'ED: <frame number from 1>', got a number"):
        read_info(tmp_path / "Info.cfg")


def test_numbers_of_thousands_of_digits_are_no_fields_frames_or_subjects(tmp_path: Path) -> None:
    digits = "9" * 5000
    (tmp_path / "people.csv").write_text(f"eid,{digits}-0.0,31-{digits}.0,31-0.{digits},21003-2.0\n1234567,5,0,0,61\n")
    assert ukbb.read_table(tmp_path, {"1234567": 2}) == {"1234567": {"age": "61"}}
    assert sunnybrook.canonical_name(f"sc-n-00{digits}") == f"SC-N-{digits}"
    assert sunnybrook.canonical_name("SC-HF-I-04") == sunnybrook.canonical_name("sc-hf-i-4")
    assert nnunet._frames_of(["frame_1", f"frame_{digits}"]) == []
    assert nnunet._frames_of(["frame_1", "frame_2"]) == [("", 1), ("", 2)]


def test_a_name_that_no_file_can_have_is_refused_without_repeating_it(tmp_path: Path) -> None:
    for suffix in (".nii.gz", ".png"):
        with pytest.raises(ReadError, match=r"a name of .* characters: expected this file"):
            load_image(tmp_path / ("x" * 140_000 + suffix))


def test_provenance_that_is_no_json_is_named(tmp_path: Path, phantom_cohort: Cohort) -> None:
    record = {k: v for k, v in phantom_cohort.info.items() if k not in ("files", "checksum")}
    (tmp_path / "provenance.json").write_bytes(b"\xc0{")
    with pytest.raises(CohortError, match=r"provenance\.json: expected JSON"):
        _ = Cohort(tmp_path, record).provenance


@pytest.mark.parametrize("description", ['{"labels": {"a": 1}, "channel_names": {"x": "ED"}}', "[" * 100_000])
def test_descriptions_of_nnunet_that_cannot_be_are_refused(tmp_path: Path, description: str) -> None:
    from synthcmr.cohort.readers.nnunet import _channels, _description

    (tmp_path / "dataset.json").write_text(description)
    with pytest.raises((ReadError, SettingsError), match=r"dataset\.json: expected"):
        _channels(_description(tmp_path))


@pytest.mark.parametrize("key", ["hash", "cells"])
def test_a_plan_that_lacks_a_part_or_has_one_too_many_is_refused(tmp_path: Path, key: str) -> None:
    import json
    import shutil

    from synthcmr.fairness.planning.plan_folder import Plan

    released = Path(__file__).parents[1] / "release/written_by_0_1_0/plan"
    folder = Path(shutil.copytree(released, tmp_path / "plan"))
    record = json.loads((folder / "plan.json").read_text())
    if key == "hash":
        del record["hash"]
    else:
        record["cells"][0]["x" * 20_000] = 1
    (folder / "plan.json").write_text(json.dumps(record))
    with pytest.raises(SettingsError, match="expected a plan's folder") as caught:
        Plan.read(folder)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(("part", "value"), [("groups", None), ("rings", {"coun,t": 1}), ("library", 3)])
def test_a_recalibration_with_a_part_of_another_form_is_refused(tmp_path: Path, part: str, value: object) -> None:
    import json
    import shutil

    from synthcmr.frequency.recalibration import Recalibration

    released = Path(__file__).parents[1] / "release/written_by_0_1_0/recalibration"
    folder = Path(shutil.copytree(released, tmp_path / "model"))
    record = json.loads((folder / "recalibration.json").read_text())
    record[part] = value
    if value is None:
        del record[part]
    (folder / "recalibration.json").write_text(json.dumps(record))
    with pytest.raises(CohortError, match=r"recalibration\.json: expected a recalibration"):
        Recalibration.load(folder)


def released(name: str, place: Path) -> Path:
    """An artefact without checksums, as version 0.1.0 wrote it."""
    return Path(shutil.copytree(RELEASED / name, place / name))


def test_text_that_is_no_utf8_in_a_table_without_checksum_is_named(tmp_path: Path) -> None:
    table = released("cohort", tmp_path) / "subjects.parquet"
    columns = pq.read_table(table)
    name = columns["subject_id"][0].as_py().encode()
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.int32([0, 2]).tobytes()), pa.py_buffer(b"\xff\x80")]
    )
    rest = columns["subject_id"].slice(1).combine_chunks()
    place = columns.schema.get_field_index("subject_id")
    pq.write_table(columns.set_column(place, "subject_id", pa.chunked_array([bad, rest])), table)
    assert name not in bad.buffers()[2].to_pybytes()
    with pytest.raises(CohortError, match="expected a Parquet table"):
        _ = Cohort.open(tmp_path / "cohort").subjects


def test_a_plan_that_counts_in_words_is_named(tmp_path: Path) -> None:
    file = released("plan", tmp_path) / "plan.json"
    record = json.loads(file.read_text())
    record["cells"][0]["target"] = "many"
    file.write_text(json.dumps(record))
    with pytest.raises(SettingsError, match="expected a plan's folder"):
        Plan.read(tmp_path / "plan")


def test_a_line_of_metrics_that_is_nested_too_deeply_is_left_out(tmp_path: Path) -> None:
    folder = released("run", tmp_path)
    metrics = folder / "metrics.jsonl"
    before = RunFolder(folder).metrics()
    metrics.write_text("[" * 100_000 + "\n" + metrics.read_text())
    assert RunFolder(folder).metrics() == before
