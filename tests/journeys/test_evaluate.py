"""Scoring images, as a user types it."""

import json
from pathlib import Path

from tests.evaluation.making import cohort_of, heart
from tests.journeys.typing_in import run

QUICK = ("--set", "draws=20", "--set", "fidelity.floor_splits=1", "--by", "sex")


def test_one_part_its_page_and_what_is_wrong_in_a_sentence(tmp_path: Path) -> None:
    real, made, out = (tmp_path / name for name in ("real", "made", "scores"))
    cohort_of(real, [heart(k) for k in range(24)])
    cohort_of(made, [heart(k) for k in range(50, 74)])
    said = run("evaluate", real, made, out, "--parts", "fidelity", "--features", "radiomics", *QUICK).stdout
    assert "Fidelity:" in said
    assert "report.html" in said
    card = json.loads((out / "scores.json").read_text())
    assert card["schema_version"] == "synthcmr-scores-1"
    assert list(card["parts"]) == ["fidelity"]
    page = (out / "report.html").read_text()
    (out / "report.html").unlink()
    run("report", out)
    assert (out / "report.html").read_text() == page
    assert "there are no scores yet; run 'synthcmr evaluate" in run("report", tmp_path, ok=False).stderr
    assert "no image of split 'exam'" in run("evaluate", real, made, out, "--split", "exam", ok=False).stderr
    wrong = run("evaluate", real, made, out, "--set", "rules.fidelity.realism.goood=1", ok=False).stderr
    assert "goood" in wrong


def test_the_same_cohort_twice_and_swapped_sides_are_refused(tmp_path: Path) -> None:
    real, made, out = (tmp_path / name for name in ("real", "made", "scores"))
    cohort_of(real, [heart(k) for k in range(2)])
    cohort_of(made, [heart(k) for k in range(50, 52)], origin="synthetic")
    assert "got the same one twice" in run("evaluate", real, real, out, ok=False).stderr
    assert "swap them" in run("evaluate", made, real, out, ok=False).stderr
    assert not out.exists()
