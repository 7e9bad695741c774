"""Formats: newer ones are refused in words, older ones are brought up to date, and folders stay as they are."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
from pydantic import Field

from synthcmr.cohort import Cohort
from synthcmr.config import Settings, recorded_settings, settings_from_dict
from synthcmr.errors import CohortError, SettingsError
from synthcmr.evaluation.evaluate import read_card
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.formats import COHORT, WEIGHTS
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.generators.families import load_generator
from synthcmr.judges.segmenter import Segmenter
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import read_header

RELEASED = sorted(Path(__file__).parent.glob("release/written_by_*"))
# folder of the artefact -> the file that names its version, and what opens it
OPENED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "cohort": ("cohort.json", Cohort.open),
    "plan": ("plan.json", Plan.read),
    "run": ("run.json", lambda folder: RunFolder(folder).record()),
    "recalibration": ("recalibration.json", Recalibration.load),
    "scores": ("scores.json", read_card),
}


@pytest.fixture(params=OPENED)
def artefact(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of each thing that the latest release wrote."""
    shutil.copytree(RELEASED[-1] / request.param, tmp_path / request.param)
    return tmp_path / request.param


def restamp(folder: Path, version: int) -> Path:
    file = folder / OPENED[folder.name][0]
    record = json.loads(file.read_text())
    for key in ("schema", "schema_version"):
        if key in record:
            record[key] = f"{record[key].rpartition('-')[0]}-{version}"
    if "version" in record:
        record["version"] = version
    file.write_text(json.dumps(record))
    return file


def test_a_newer_version_is_refused_by_file_and_version_with_what_to_do(artefact: Path) -> None:
    file = restamp(artefact, 7)
    with pytest.raises(CohortError, match=r"up to version 1, got version 7.*update synthcmr") as caught:
        OPENED[artefact.name][1](artefact)
    assert str(file) in str(caught.value)


def test_a_version_that_no_step_leads_from_is_refused(artefact: Path) -> None:
    restamp(artefact, 0)
    with pytest.raises(CohortError, match=r"too old.*make it again with 'synthcmr"):
        OPENED[artefact.name][1](artefact)


def test_a_file_of_another_kind_is_refused_by_what_it_is(tmp_path: Path) -> None:
    shutil.copytree(RELEASED[-1] / "cohort", tmp_path / "c")
    shutil.copy(RELEASED[-1] / "run" / "run.json", tmp_path / "c" / "cohort.json")
    with pytest.raises(CohortError, match="expected format synthcmr-cohort, got synthcmr-run"):
        Cohort.open(tmp_path / "c")
    (tmp_path / "c" / "cohort.json").write_text("{}")
    with pytest.raises(CohortError, match="does not say its format"):
        Cohort.open(tmp_path / "c")


@pytest.mark.parametrize("folder", RELEASED, ids=lambda f: f.name)
def test_what_each_release_wrote_is_still_read(folder: Path) -> None:
    cohort = Cohort.open(folder / "cohort")
    assert cohort.image(0).shape == cohort.mask(0).shape == (2, 32, 32)
    assert len(cohort.volumes())
    assert cohort.has_truth
    assert len(Plan.read(folder / "plan").rows) == len(cohort.select(split="train").subjects)
    assert load_generator(folder / "run").frames == 2
    assert Segmenter.load(folder / "judge" / "weights.safetensors").hash
    assert Recalibration.load(folder / "recalibration").settings.method == "rings"
    assert read_card(folder / "scores").parts["fidelity"].result.scores


def older(folder: Path) -> None:
    """A cohort of a version 0 that never was: `level` for what is slice_level, `people` for the number of subjects."""
    shutil.copytree(RELEASED[-1] / "cohort", folder)
    record = json.loads((folder / "cohort.json").read_text())
    record["people"] = record.pop("subjects")
    (folder / "cohort.json").write_text(json.dumps(record | {"version": 0}))
    images = pd.read_parquet(folder / "images.parquet").rename(columns={"slice_level": "level"})
    images.to_parquet(folder / "images.parquet")


def test_an_older_cohort_opens_as_a_new_one_and_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older(tmp_path / "old")
    before = {p: p.read_bytes() for p in (tmp_path / "old").rglob("*") if p.is_file()}
    step = {
        "cohort.json": lambda info: {("subjects" if k == "people" else k): v for k, v in info.items()},
        "images.parquet": lambda table: table.rename(columns={"level": "slice_level"}),
    }
    monkeypatch.setitem(COHORT.steps, 0, step)
    old, new = Cohort.open(tmp_path / "old"), Cohort.open(RELEASED[-1] / "cohort")
    assert old.info | {"version": 1} == new.info
    pd.testing.assert_frame_equal(old.images, new.images)
    assert (old.select(slice_level="mid").image(0) == new.select(slice_level="mid").image(0)).all()
    assert {p: p.read_bytes() for p in (tmp_path / "old").rglob("*") if p.is_file()} == before


def test_weights_say_their_format_and_those_that_do_not_are_of_before() -> None:
    assert read_header(RELEASED[-1] / "run" / "weights.safetensors") | WEIGHTS.stamp == read_header(
        RELEASED[-1] / "run" / "weights.safetensors"
    )
    assert read_header(shipped("reader"))["family"] == "reader"
    assert WEIGHTS.version_of(read_header(shipped("reader")), shipped("reader")) == 0


class Inner(Settings):
    renamed: ClassVar = {"lr": "learning_rate"}
    learning_rate: float = 0.1


class Outer(Settings):
    inner: Inner = Inner()
    also: Inner | None = None
    named: dict[str, Inner] = Field({})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"inner": {"lr": 1}}, "'inner.lr' is now called 'learning_rate'"),
        ({"also": {"lr": 1}}, "'also.lr' is now called 'learning_rate'"),
        ({"named": {"a": {"lr": 1}}}, "'named.a.lr' is now called 'learning_rate'"),
        ({"inner": {"learning_rat": 1}}, "did you mean 'learning_rate'"),
        ({"inner": {"colour": 1}}, "unknown key 'inner.colour'; allowed: learning_rate$"),
    ],
)
def test_a_key_that_is_not_there_is_told_by_name_with_its_new_one(values: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        settings_from_dict(values, Outer, "s.yaml")


def test_what_was_recorded_before_a_key_was_renamed_is_understood() -> None:
    recorded = {"inner": {"lr": 0.3}, "also": {"learning_rate": 0.2}}
    found = recorded_settings(recorded, Outer, "run.json")
    assert (found.inner.learning_rate, found.also) == (0.3, Inner(learning_rate=0.2))


@pytest.mark.parametrize(
    "told", [{"format": "x" * 9000}, {"format": "synthcmr-cohort", "version": "9" * 9000}, {"schema": "y" * 9000}]
)
def test_what_a_file_says_of_itself_is_not_repeated_at_length(told: dict[str, object]) -> None:
    with pytest.raises(CohortError) as caught:
        COHORT.read(told, Path("cohort.json"))
    assert len(str(caught.value)) < 500


def test_errors_show_no_more_of_keys_than_a_line() -> None:
    for values in ({"x" * 20_000: 1}, {f"key{n}": 1 for n in range(500)}):
        with pytest.raises(SettingsError) as caught:
            settings_from_dict(dict(values), Outer, "s.yaml")
        assert len(str(caught.value)) < 1500
