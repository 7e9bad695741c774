"""The loop from end to end, with the generator that ships and a classifier that learns next to nothing."""

import json
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.experiments.settings import CLASSIFIER_LOOP, BalanceSettings, ClassifierSettings
from synthcmr.fairness.closed_loop import Balanced, balance
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.report.balance_page import write_balance
from tests.report.accessible import check

SETTINGS = BalanceSettings(
    sensitive=("sex",),
    classifier=ClassifierSettings(filters=(4, 4, 4, 4)),
    loop=CLASSIFIER_LOOP.model_copy(update={"steps": 4, "batch": 8, "threads": 1}),
    look_every=4,
    repeats=2,
    round_images=3,
    budget=5,
    rounds=3,
    draws=100,
    min_group=2,
    min_kind=2,
)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    out = tmp_path_factory.mktemp("loop") / "people"
    return make_phantoms(out, "biased", 30, seed=2, workers=1)


@pytest.fixture(scope="module")
def looped(people: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Balanced]:
    out = tmp_path_factory.mktemp("balanced") / "out"
    return out, balance(people, out, SETTINGS, None)


def test_rounds_follow_the_rules(people: Cohort, looped: tuple[Path, Balanced]) -> None:
    out, found = looped
    assert found.rounds[0].images == 0
    for k, one in enumerate(found.rounds[1:], 1):
        made = Cohort.open(out / "rounds" / str(k))
        asked = sum(one.images_by_cell.values())
        assert len(made.subjects) + len(made.rejects[made.rejects["level"] == "reject"]) == asked <= 3
        if len(made):  # screening may leave nothing of three
            assert set(made.images["plan_row"]) <= set(range(asked))
    assert found.rounds[-1].images <= 5
    assert found.best == min(found.rounds, key=lambda r: r.look.together[0]).number
    if found.recommended is not None:
        images = sum(len(Cohort.open(out / "rounds" / str(k)).subjects) for k in range(1, found.best + 1))
        assert len(Cohort.open(found.recommended).subjects) == images
    assert found.why


def test_a_finished_loop_is_read_again_and_tells_the_same(people: Cohort, looped: tuple[Path, Balanced]) -> None:
    out, found = looped
    page = write_balance(found, people, SETTINGS, out)
    check(page)
    told = json.loads((out / "balance.json").read_text())
    times = {f: f.stat().st_mtime_ns for f in (out / "predictions").iterdir()}
    again = balance(people, out, SETTINGS, None)
    assert {f: f.stat().st_mtime_ns for f in (out / "predictions").iterdir()} == times
    write_balance(again, people, SETTINGS, out)
    assert json.loads((out / "balance.json").read_text()) == told
    assert told["stopped"] in page.read_text()
    assert len(told["rounds"]) == len(found.rounds)
