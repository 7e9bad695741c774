"""Values that nobody means are refused at once, in words that name the flag, from the command line and from Python."""

import csv
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from docs_site.reference_pages import SETTINGS

import synthcmr
from synthcmr.cohort.writers import WRITERS
from synthcmr.config import Settings, settings_from_dict
from synthcmr.errors import SettingsError
from synthcmr.generators.families import FAMILIES, family
from synthcmr.judges.settings import ReaderSettings, SegmenterSettings
from synthcmr.training.settings import LoopSettings
from tests.cohort.readers.layouts import heart, picture, save
from tests.journeys.commands import Bench, files_of
from tests.journeys.typing_in import run

REFUSED = {
    "phantom OUT --size 32.7": "--size",
    "phantom OUT --size 100000000": "--size",
    "phantom OUT --seed -1": "--seed",
    "phantom OUT --subjects 99999999999999999999": "--subjects",
    "phantom OUT --spacing 1e309": "--spacing",
    "phantom OUT --spacing nan": "--spacing",
    "ingest ACDC OUT --size 32.7": "--size: expected a whole number or 'full', got '32.7'",
    "ingest ACDC OUT --spacing nan": "ingest: 'spacing.float': expected a finite number, got nan",
    "ingest ACDC OUT --seed -1": "--seed",
    "ingest ACDC OUT --include ,": "'include': expected names, several separated by commas, got ','",
    "audit PEOPLE --out OUT --label nosuch": "--label: expected attributes, such as sex, age,",
    "audit PEOPLE --out OUT --by ,": "'by': expected names",
    "audit PEOPLE --out OUT --seed -1": "--seed",
    "evaluate PEOPLE OTHER OUT --by nosuch": "--by: expected attributes, such as sex, age,",
    "evaluate PEOPLE OTHER OUT --features nosuch": "--features: expected any of cmr, radiomics",
    "evaluate PEOPLE OTHER OUT --features ,": "'features': expected names",
    "evaluate PEOPLE OTHER OUT --parts ,": "'parts': expected names",
    "evaluate PEOPLE OTHER OUT --only ,": "'parts': expected names",
    "evaluate PEOPLE OTHER OUT --set X=[": "--set X: expected YAML, such as 3, true, name or [1, 2], got '['",
    "generate OUT -n 99999999999": "--count",
    "generate OUT --subjects 99999999999": "--subjects",
    "generate OUT --size 100000000": "--size",
    "generate OUT --seed -1": "--seed",
    "generate OUT --seed 99999999999999999999999999": "--seed",
    "generate OUT --guidance 1e309": "'guidance': expected a finite number",
    "plan PEOPLE OUT --target copy:999999999999": "at most 1000000 can be planned",
    "plan PEOPLE OUT --target make:sex=999999999999": "at most 1000000 can be planned",
    "plan PEOPLE OUT --target copy:2 --cap nan": "'cap': expected a finite number, got nan",
    "train flow PEOPLE OUT --balance ,": "'balance': expected names",
    "train flow PEOPLE OUT --rank 99999999999 --init-from phantom": "--rank",
    "train flow PEOPLE OUT --set loop.learning_rate=1e309": "'learning_rate': expected a finite number",
    "train flow PEOPLE OUT --set loop.learning_rate=1e300": "learning_rate: expected a number between",
    "generate OUT --guidance 1e200": "guidance: expected a number between",
    "train flow PEOPLE OUT --dp epsilon=nan": "'epsilon': expected a finite number",
    "recalibrate fit PEOPLE OUT --dp epsilon=1e309": "--dp: expected epsilon=NUMBER",
    "recalibrate fit PEOPLE OUT --by nosuch": "--by: expected attributes, such as sex, age,",
    "spectrum PEOPLE OTHER OUT --by nosuch": "--by: expected attributes, such as sex, age,",
    "debias PEOPLE OUT --repeats 99999999999999": "--repeats",
    "debias PEOPLE OUT --sensitive ,": "'sensitive': expected names",
    "balance PEOPLE OUT --rounds 99999999999999": "--rounds",
    "balance PEOPLE OUT --budget 99999999999999999999": "--budget",
    "demo OUT --subjects 99999999999999999999": "--subjects",
    "generate OUT --workers 99999999": "--workers: expected at most 1024, got '99999999'",
    "ingest ACDC OUT --size 100000000": "'preprocess.size': expected at most 1024, got 100000000",
    "ingest ACDC OUT --spacing 1e-7": "'preprocess.spacing_mm': expected at least 0.02, got 1e-07",
    "ingest ACDC OUT --spacing 1e6": "'preprocess.spacing_mm': expected at most 100, got 1000000.0",
    "label OTHER OUT --size 100000000": "'size': expected at most 1024, got 100000000",
    "export OTHER OUT --format nnunet --dataset-id 99999999999": "--dataset-id: expected 1 to 999",
    "export OTHER OUT --format png --bits 999999": "--bits: expected 8 or 16",
    "train flow PEOPLE OUT --set loop.batch=100000000": "'batch': expected at most 16384, got 100000000",
    "train flow PEOPLE OUT --set loop.steps=99999999999999999999": "'steps': expected at most 1000000000",
    "train flow PEOPLE OUT --set model.channels=[-1,0,100000000]": "'channels.1': expected at least 1, got 0",
    "judge fit segmenter PEOPLE OUT --set model.filters=[100000000]": "'filters.0': expected at most 4096",
    "judge fit segmenter PEOPLE OUT --set model=5": "--set: expected model.KEY=VALUE or loop.KEY=VALUE, got 'model=5'",
    "train flow PEOPLE OUT --set model.channels=[": "--set model.channels: expected YAML",
    "spectrum PEOPLE OTHER OUT --set draws=99999999999": "'draws': expected at most 1000000, got 99999999999",
    "recalibrate apply OTHER OTHER OUT --spacing inf": "--spacing: expected a finite number, got 'inf'",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_nobody_means_is_refused_at_once(line: str, bench: Bench, tmp_path: Path) -> None:
    names = {"OUT": tmp_path / "out", "PEOPLE": bench.people, "OTHER": bench.other, "ACDC": bench.acdc}
    done = run(*(names.get(word, word) for word in line.split()), ok=False)
    said = " ".join(done.stderr.split())
    assert done.returncode == 2
    assert REFUSED[line] in said, said
    assert list(tmp_path.iterdir()) == []


def numbers_in(kind: type[Settings]) -> Iterator[tuple[str, ...]]:
    """Where settings hold whole numbers: keys, from the outermost."""
    for name, field in kind.model_fields.items():
        inner = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)]
        for one in inner:
            if issubclass(one, Settings):
                yield from ((name, *rest) for rest in numbers_in(one))
        if re.search(r"\bint\b", str(field.annotation)):
            yield (name,)


def nested(keys: tuple[str, ...], value: object) -> dict[str, Any]:
    return {keys[0]: nested(keys[1:], value) if keys[1:] else value}


MAY_BE_SET: dict[str, type[Settings]] = {
    **{name: getattr(import_module(place.split(":")[0]), place.split(":")[1]) for name, place in SETTINGS.items()},
    **{f"train {name}": type(family(name).settings("cpu")[0]) for name in FAMILIES},
    "judge fit segmenter": SegmenterSettings,
    "judge fit reader": ReaderSettings,
    "loop": LoopSettings,
}


@pytest.mark.parametrize("name", MAY_BE_SET)
def test_every_whole_number_of_settings_has_a_most(name: str) -> None:
    places = list(numbers_in(MAY_BE_SET[name]))
    assert places
    for keys in places:
        for value in (10**20, *([10**20] * length for length in range(1, 6))):
            with pytest.raises(SettingsError):
                settings_from_dict(nested(keys, value), MAY_BE_SET[name], "told")


def test_python_callers_are_told_the_same(bench: Bench, tmp_path: Path) -> None:
    for call in (
        lambda: synthcmr.make_phantoms(tmp_path / "out", size=10**8),
        lambda: synthcmr.make_phantoms(tmp_path / "out", seed=-1),
        lambda: synthcmr.audit(bench.people, label="nosuch"),
        lambda: synthcmr.evaluate(bench.people, bench.other, tmp_path / "out", features=("nosuch",)),
        lambda: synthcmr.generate(tmp_path / "out", count=10**11),
        lambda: synthcmr.ingest(bench.acdc, tmp_path / "out", size=32.7),
    ):
        with pytest.raises(SettingsError):
            call()
    assert list(tmp_path.iterdir()) == []


def test_a_name_given_twice_is_one_name(bench: Bench) -> None:
    assert synthcmr.AuditOptions(by="sex, age,sex,").by == ("sex", "age")
    assert synthcmr.audit(bench.people, by="sex,sex").table["attribute"].unique().tolist() == ["sex"]


def test_an_id_of_four_hundred_characters_is_read_and_exported_in_every_layout(tmp_path: Path) -> None:
    mask = heart()
    save(tmp_path / "image.nii.gz", picture(mask))
    save(tmp_path / "mask.nii.gz", mask[0] if mask.ndim == 4 else mask)
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["subject_id", "image", "mask", "phase"])
        writer.writeheader()
        writer.writerow({"subject_id": "x" * 400, "image": "image.nii.gz", "mask": "mask.nii.gz", "phase": "ED"})
    read = synthcmr.ingest(tmp_path / "table.csv", tmp_path / "out", size=32, spacing=6.0, workers=1).cohort
    assert read.subjects["subject_id"].tolist() == ["x" * 400]
    for layout in WRITERS:
        written = synthcmr.export(read, tmp_path / layout, format=layout)
        assert written.written.files > 0 or len(written.left_out), layout
        assert max(len(Path(name).name) for name in files_of(tmp_path / layout)) < 200
    assert np.isfinite(read.image(0)).all()
