"""Model card and data sheet: what folders tell, and what nobody told is said not to be known."""

from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import Input, write_provenance
from synthcmr.evaluation.evaluate import SCORES
from synthcmr.evaluation.rules import Rule
from synthcmr.evaluation.score import PartResult, PartScores, Score, ScoreCard, Side
from synthcmr.evaluation.verdict import verdict
from synthcmr.report.provenance_chain import chain
from synthcmr.report.report_folder import write_report
from tests.journeys.typing_in import run
from tests.report.accessible import check

RULE = Rule(score="distance", says="Images are near", good=0.1, acceptable=0.2)


def card_of(real: Cohort, made: Cohort, out: Path) -> ScoreCard:
    """A card as an evaluation writes it, of one score that is bad and a group that was refused."""
    scores = (
        Score(name="distance", value=0.5, low=0.4, high=0.6, n_real=20, n_synthetic=2, floor=0.01, ceiling=0.9),
        Score(name="distance", group="sex: female", value=0.3, low=0.1, high=0.6, n_real=12, n_synthetic=1),
        Score(name="distance", group="sex: male", absent="8 real subjects; at least 10 are needed"),
    )
    result = PartResult(scores=scores)
    part = PartScores(about="Are they near?", verdict=verdict(result, {"near": RULE}), result=result)
    sides = [
        Side(name=c.path.name, hash=c.hash, subjects=len(c.subjects), images=len(c), origin=tuple(c.info["origin"]))
        for c in (real, made)
    ]
    settings = {"rules": {"fidelity": {"near": RULE.model_dump(mode="json")}}}
    card = ScoreCard(made_by="synthcmr", real=sides[0], synthetic=sides[1], settings=settings, parts={"fidelity": part})
    out.mkdir()
    (out / SCORES).write_text(card.model_dump_json())
    write_provenance(out, "evaluate", "x", [Input(str(c.path), "cohort", c.hash) for c in (real, made)], settings)
    return card


@pytest.fixture(scope="module")
def made(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    out = tmp_path_factory.mktemp("made") / "images"
    given = ("--subjects", 2, "--size", 64, "--steps", 2, "--no-screen")
    run("generate", out, "--run", tiny_run, "--prompt", "woman, 60", *given)
    return Cohort.open(out)


@pytest.fixture(scope="module")
def told(phantom_cohort: Cohort, made: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("told") / "scores"
    write_report(card_of(phantom_cohort, made, out), out)
    return out


def test_the_chain_leads_to_the_training_data(told: Path, phantom_cohort: Cohort, made: Cohort) -> None:
    steps = [(s.depth, s.kind, s.hash) for s in chain(told)]
    assert (0, "cohort", made.hash[:12]) in steps
    assert [kind for depth, kind, _ in steps if depth == 1] == ["phantom", "run"]
    assert (2, "cohort", phantom_cohort.hash[:12]) in steps


def test_the_model_card_says_what_the_run_says(told: Path, phantom_cohort: Cohort) -> None:
    text = (told / "model_card.md").read_text()
    training = phantom_cohort.subjects[phantom_cohort.subjects["split"] == "train"]
    assert f"**Subjects learned from**: {len(training)}" in text
    assert "**Family**: flow" in text
    assert "**Began from**: nothing" in text
    assert "| sex | female, male |" in text
    assert "None: it was trained without." in text
    assert "| fidelity | Are they near? | bad | Bad: near. |" in text
    assert "Groups of which nothing could be scored:\n\n- sex: male" in text
    assert "Not evaluated: adherence" in text
    assert "**Licence of the weights**: Not known" in text


def test_the_data_sheet_has_every_heading_and_its_facts(told: Path, made: Cohort) -> None:
    text = (told / "data_sheet.md").read_text()
    drawn = next(line for line in text.splitlines() if "Drawn, because nobody asked for it" in line)
    assert "height\\_cm" in drawn
    assert "sex" not in drawn, "a woman of 60 was asked for"
    assert "age" not in drawn
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings[:3] == ["Motivation", "Composition", "Collection"]
    assert headings[3:] == ["Preprocessing, cleaning, labelling", "Uses", "Distribution", "Maintenance"]
    assert f"**How many**: {len(made)} images of 2 subjects" in text
    assert "no real person's images" in text
    assert "**After generation**: none recorded" in text
    assert made.hash in text


def test_the_page_shows_groups_with_their_marks_and_the_rule(told: Path) -> None:
    check(told / "report.html")
    page = (told / "report.html").read_text()
    assert 'class="floor"' in page
    assert 'class="ceiling"' in page
    assert "8 real subjects; at least 10 are needed" in page
    assert "at most 0.2" in page


def test_images_of_nobody_knows_whom(phantom_cohort: Cohort, tmp_path: Path) -> None:
    out = tmp_path / "scores"
    card = card_of(phantom_cohort, phantom_cohort, out)
    side = card.synthetic.model_copy(update={"name": "their <b>images</b>", "hash": "0" * 64})
    write_provenance(out, "evaluate", "x", [Input(str(phantom_cohort.path), "cohort", phantom_cohort.hash)], {})
    write_report(card.model_copy(update={"synthetic": side}), out)
    model, sheet = ((out / name).read_text() for name in ("model_card.md", "data_sheet.md"))
    assert "**Family**: Not known" in model
    assert "**Who they are**: Not known" in model
    assert "Not known: no folder says." in sheet
    assert "<b>" not in model + sheet
    check(out / "report.html")
