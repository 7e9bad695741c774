"""`doctor` names what is wrong, touches nothing, and writes what is whole into a new folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import write_record
from synthcmr.errors import SynthcmrError
from tests.journeys.commands import RELEASED, Bench, drawn_discs, files_of
from tests.journeys.typing_in import run


@pytest.fixture
def cohort(bench: Bench, tmp_path: Path) -> Cohort:
    shutil.copytree(bench.people, tmp_path / "people")
    return Cohort.open(tmp_path / "people")


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(bytes(content))


def test_a_sound_cohort_is_called_sound_and_stays(cohort: Cohort) -> None:
    before = files_of(cohort.path)
    found = synthcmr.doctor(cohort.path)
    assert found.healthy
    assert found.table.empty
    assert run("doctor", cohort.path).stdout == found.summary() + "\n"
    assert "a cohort, sound; looked at record, tables, and the pixels of 60 images" in found.summary()
    assert files_of(cohort.path) == before


def test_a_flipped_bit_is_named_and_all_other_images_are_saved(cohort: Cohort, tmp_path: Path) -> None:
    whole = {name: cohort.image(i) for i, name in enumerate(cohort.images["image_id"])}
    shard = max((cohort.path / "arrays.zarr/image/c").rglob("*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    flip(shard, 3000)
    before = files_of(cohort.path)
    said = run("doctor", cohort.path, ok=False)
    assert said.returncode == 1
    assert "1 thing(s) wrong" in said.stdout
    found = synthcmr.doctor(cohort.path, fix=tmp_path / "mended")
    lost = found.table["place"].iloc[0].removeprefix(f"{cohort.path}: ")
    assert found.table["fixable"].all()
    mended = Cohort.open(tmp_path / "mended")
    kept = {name: mended.image(i) for i, name in enumerate(mended.images["image_id"])}
    assert whole.keys() - kept.keys() == {lost}
    assert all(np.array_equal(kept[name], whole[name]) for name in kept)
    assert lost in set(mended.rejects["part"])
    assert synthcmr.doctor(mended.path).healthy
    assert mended.provenance["inputs"][0]["hash"] == cohort.hash
    assert files_of(cohort.path) == before
    assert set(mended.subjects["split"]) == set(cohort.subjects["split"])


def test_what_nobody_can_mend_is_said_to_be_so(cohort: Cohort, tmp_path: Path) -> None:
    flip(cohort.path / "subjects.parquet", 100)
    found = synthcmr.doctor(cohort.path)
    assert found.table["mend"].tolist() == ["restore it from a copy, or make the cohort again"]
    with pytest.raises(SynthcmrError, match=r"subjects\.parquet: cannot be mended"):
        synthcmr.doctor(cohort.path, fix=tmp_path / "mended")
    record = cohort.path / "cohort.json"
    record.write_text(record.read_text().replace('"images": 60', '"images": 61'))
    assert "its content has changed" in synthcmr.doctor(cohort.path).table["problem"].iloc[0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["people"]


def test_what_killed_commands_left_is_named(cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / ".people.writing/people").mkdir(parents=True)
    (cohort.path / ".unfinished").mkdir()
    found = synthcmr.doctor(cohort.path)
    assert found.healthy
    assert len(found.table) == 2
    begun = tmp_path / "begun/.unfinished"
    begun.mkdir(parents=True)
    (begun / "journal.jsonl").write_text('{"cases": ["a", "b"]}\n{"cases": ["c"')
    assert "unfinished: 2 case(s) are safely there" in synthcmr.doctor(begun.parent).summary()
    (begun / "journal.jsonl").write_text('{"cases": 1\n[]\n')
    assert "the journal is damaged" in synthcmr.doctor(begun.parent).summary()


def test_a_folder_whose_record_is_gone_is_known_by_its_other_files(bench: Bench, tmp_path: Path) -> None:
    for kind, source, record in (
        ("cohort", bench.people, "cohort.json"),
        ("run", RELEASED / "run", "run.json"),
        ("plan", bench.plan, "plan.json"),
        ("recalibration", bench.truth, "recalibration.json"),
    ):
        shutil.copytree(source, tmp_path / kind)
        (tmp_path / kind / record).unlink()
        found = synthcmr.doctor(tmp_path / kind)
        assert found.examination.kind == kind
        assert f"{kind}/{record}: it is gone" in found.summary()
        assert f"restore it from a copy, or make the {kind} again" in found.summary()
        with pytest.raises(SynthcmrError, match=f"got a {kind}"):
            synthcmr.doctor(tmp_path / kind, fix=tmp_path / "mended")
    shutil.copytree(bench.plan, tmp_path / "again")
    (tmp_path / "again/provenance.json").unlink()
    assert "provenance.json" in synthcmr.doctor(tmp_path / "again").summary()


def test_pixels_of_another_cohort_are_told_even_where_nothing_is_damaged(bench: Bench, tmp_path: Path) -> None:
    for name in ("a", "b"):
        drawn_discs(tmp_path / name, range(3) if name == "a" else range(50, 53))
    shutil.rmtree(tmp_path / "a/arrays.zarr")
    shutil.copytree(tmp_path / "b/arrays.zarr", tmp_path / "a/arrays.zarr")
    record = json.loads((tmp_path / "a/cohort.json").read_text())
    record["shards"] = json.loads((tmp_path / "b/cohort.json").read_text())["shards"]  # as if they were of one size
    write_record(tmp_path / "a/cohort.json", record)
    found = synthcmr.doctor(tmp_path / "a")
    assert len(found.table) == 1
    assert "and 8 more images" in found.table["place"].iloc[0]
    assert "files were exchanged" in found.table["problem"].iloc[0]
    with pytest.raises(SynthcmrError, match="cannot be mended: no image is left"):
        synthcmr.doctor(tmp_path / "a", fix=tmp_path / "mended")


def test_what_was_killed_before_anything_was_there_is_named(tmp_path: Path) -> None:
    (tmp_path / ".new.writing/new").mkdir(parents=True)
    with pytest.raises(
        SynthcmrError, match=r"\.new\.writing: left by a command .* nothing is here yet; repeat that command"
    ):
        synthcmr.doctor(tmp_path / "new")


def test_a_cohort_of_an_earlier_version_gets_checksums(tmp_path: Path) -> None:
    found = synthcmr.doctor(RELEASED / "cohort", fix=tmp_path / "mended")
    assert found.healthy
    assert "written before files had checksums" in found.summary()
    assert Cohort.open(tmp_path / "mended").hash
    assert "files" in json.loads((tmp_path / "mended/cohort.json").read_text())


@pytest.mark.parametrize("name", ["run", "judge", "plan", "recalibration", "scores"])
def test_other_folders_are_opened_as_commands_open_them(name: str, tmp_path: Path) -> None:
    shutil.copytree(RELEASED / name, tmp_path / name)
    assert synthcmr.doctor(tmp_path / name).healthy, synthcmr.doctor(tmp_path / name).summary()
    assert synthcmr.doctor(tmp_path / name, fix=tmp_path / "mended").healthy  # there is nothing to mend
    damaged = {
        "run": "weights.safetensors",
        "judge": "run.json",
        "plan": "plan.parquet",
        "recalibration": "statistics.npz",
    }
    file = tmp_path / name / damaged.get(name, "scores.json")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert not synthcmr.doctor(tmp_path / name).healthy
    with pytest.raises(SynthcmrError, match="expected a cohort to mend"):
        synthcmr.doctor(tmp_path / name, fix=tmp_path / "mended")
    with pytest.raises(SynthcmrError, match="expected a folder that synthcmr wrote"):
        synthcmr.doctor(tmp_path)
