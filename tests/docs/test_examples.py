"""Every public name shows an example that runs, and says what it prints where it says anything."""

import doctest
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import synthcmr
from synthcmr.cohort import Cohort
from tests.docs.blocks import Block, additions
from tests.docs.quicker import quicker_verbs
from tests.docs.shelf import Shelf

ON_HAND = {
    "acdc": "mid slices",
    "people": "cohort",
    "ukbb": "cohort",
    "mnms": "another cohort",
    "synthetic": "synthetic cohort",
    "ACDC/database/training": "ACDC",
    "my_cines": "unlabelled cines",
    "runs/flow": "run",
}
CLASSIFIER = (
    "--set loop.steps=2 --set loop.batch=4 --set loop.threads=1 --set look_every=1 --set min_group=2 --set draws=100 --repeats 1 "
    "--positive DCM,HCM,RV"
)
QUICK = f"""generate --size 64 --steps 1 --no-screen; train --set loop.steps=2 --set loop.batch=2 --set loop.held_out_images=2;
    judge --set loop.steps=2 --set loop.batch=4; spectrum --set draws=100 --set halves=2; plan --budget 2;
    evaluate --set draws=20 --set min_subjects=4 --set fidelity.floor_splits=1 --by sex --workers 1; label --workers 1;
    debias {CLASSIFIER} --set remedies=[oversampling]; balance {CLASSIFIER} --budget 2 --round-images 2 --set rounds=1;
    ingest --spacing 3 --size 64 --workers 1; phantom --workers 1"""


def example(name: str) -> doctest.DocTest:
    text = cleandoc(getattr(import_module(synthcmr.VERBS[name]), name).__doc__)
    return doctest.DocTestParser().get_doctest(text, {}, name, None, None)


@pytest.fixture(scope="module")
def shelf(phantom_cohort: Cohort, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("examples"), phantom_cohort, tiny_run)


@pytest.mark.parametrize("name", list(synthcmr.VERBS))
def test_the_example_of_every_public_name_runs(
    name: str, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = example(name)
    assert shown.examples, f"{name}: expected an example in its docstring"
    monkeypatch.chdir(tmp_path)
    text = "".join(one.source for one in shown.examples)
    for place, kind in ON_HAND.items():
        if f'"{place}"' in text:
            shelf.lay_out(kind, Path(place))
    images = np.random.default_rng(0).random((12, 64, 64))  # what the example of Recalibration takes
    names: dict[str, Any] = {
        "Cohort": Cohort,
        "Recalibration": synthcmr.Recalibration,
        "real": images,
        "synthetic": images,
    }
    with quicker_verbs(Block(Path(name), 1, "python", text, additions([("in tests", QUICK)], "in tests"))):
        for one in shown.examples:
            if not one.want:
                exec(compile(one.source, name, "exec"), names)
                continue
            got = eval(compile(one.source.strip(), name, "eval"), names)
            assert repr(got) == one.want.strip(), f"{name}: {one.source}"
