"""Comparing remedies, as a user types it."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.journeys.typing_in import run
from tests.report.accessible import check

SOME = ["group-DRO", "thresholds", "synthetic only", "real + planned", "pre-training", "planned + best cheap"]
CHANGED = [
    f"remedies={json.dumps(SOME)}",
    "loop.steps=8",
    "loop.batch=8",
    "loop.threads=1",
    "look_every=4",
    "min_group=2",
    "draws=100",
]
FAST = ("--repeats", 2, *(word for one in CHANGED for word in ("--set", one)))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("debias") / "people"
    run("phantom", out, "--preset", "biased", "--subjects", 30, "--seed", 2, "--size", 64, "--spacing", 3)
    return out


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for synthetic images: other phantoms."""
    out = tmp_path_factory.mktemp("debias") / "others"
    run("phantom", out, "--preset", "biased", "--subjects", 8, "--size", 64, "--spacing", 3, "--seed", 5)
    return out


def test_remedies_are_compared_and_the_page_says_what_was_found(people: Path, others: Path, tmp_path: Path) -> None:
    out = tmp_path / "debiased"
    given = ("debias", people, out, "--sensitive", "sex", "--copy", others, "--planned", others, *FAST)
    said = run(*given).stdout
    assert "Without a remedy, the classifier reaches a balanced accuracy of" in said
    assert "synthetic data" in said
    scores = json.loads((out / "scores.json").read_text())
    assert {"nothing", "group-DRO", "thresholds", "synthetic only", "real + planned", "planned + best cheap"} <= set(
        scores["remedies"]
    )
    nothing = scores["remedies"]["nothing"]["scores"]
    assert nothing["AUROC"]["low"] <= nothing["AUROC"]["value"] <= nothing["AUROC"]["high"]
    assert scores["groups"]["sex"]["female"]["sick"] > 0
    page = (out / "debias.html").read_text()
    check(out / "debias.html")
    assert "Which remedy makes the classifier fairer?" in page
    assert "http" not in page.replace("http-equiv", "")
    before = {f.name: f.stat().st_mtime_ns for f in (out / "predictions").iterdir()}
    (out / "predictions/nothing-1.parquet").unlink()
    kept = pd.read_parquet(out / "predictions/nothing-0.parquet")
    again = json.loads((out / "scores.json").read_text())
    assert run(*given).stdout == said  # what was lost is trained again, and comes out the same
    after = {f.name: f.stat().st_mtime_ns for f in (out / "predictions").iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"nothing-1.parquet", "nothing-1.crc32"}
    assert json.loads((out / "scores.json").read_text()) == again
    assert set(kept.columns) == {"subject_id", "split", "label", "probability", "decision", "step", "loss"}


def test_what_cannot_be_compared_is_said_in_one_sentence(people: Path, tmp_path: Path) -> None:
    refused = run("debias", people, tmp_path / "x", "--sensitive", "race", "--no-synthetic", ok=False).stderr
    assert "--sensitive: the cohort has no race" in refused
    leak = run("debias", people, tmp_path / "y", "--planned", people, ok=False).stderr
    assert "images of test subjects" in leak
    wrong = run("debias", people, tmp_path / "z", "--set", "loop.stops=3", ok=False).stderr
    assert "unknown key 'loop.stops'" in wrong
