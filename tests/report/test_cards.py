"""Model card and data sheet: what folders tell, and what nobody told is said not to be known."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import Input, write_provenance
from synthcmr.errors import counted
from synthcmr.evaluation.evaluate import SCORES
from synthcmr.evaluation.score import PartResult, PartScores, Score, ScoreCard, Side
from synthcmr.evaluation.verdict import verdict
from synthcmr.evaluation.verdict_rules import Rule
from synthcmr.report.lineage import chain
from synthcmr.report.score_card_page import write_report
from synthcmr.training.run_folder import RUN_FILE
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import file_hash
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


def test_one_is_not_many(told: Path, made: Cohort) -> None:
    assert [counted(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    page = (made.path / "generated.html").read_text()
    assert f"<p>2 synthetic subjects, {len(made)} images. " in page
    assert "2 subjects, " in (told / "report.html").read_text()


def test_the_model_card_says_what_the_run_says(told: Path, phantom_cohort: Cohort) -> None:
    text = (told / "model_card.md").read_text()
    training = phantom_cohort.subjects[phantom_cohort.subjects["split"] == "train"]
    assert f"**Training subjects**: {len(training)}" in text
    assert "**Family**: flow" in text
    assert "**Began from**: nothing" in text
    assert "| sex | female, male |" in text
    assert "None: trained without differential privacy." in text
    assert "| fidelity | Are they near? | bad | Bad: near. |" in text
    assert "Groups without any score:\n\n- sex: male" in text
    assert "Not evaluated: adherence" in text
    assert "**Licence of the weights**: Not known" in text


def reports(real: Cohort, made: Cohort, folder: Path, generator: Input) -> dict[str, str]:
    """What is written of images by a generator, which only the provenance names."""
    images = Cohort.open(shutil.copytree(made.path, folder / "images"))
    write_provenance(images.path, "generate", images.hash, [generator], {})
    write_report(card_of(real, images, folder / "scores"), folder / "scores")
    return {name: (folder / "scores" / name).read_text() for name in ("model_card.md", "data_sheet.md", "report.html")}


@pytest.mark.parametrize("name", ["shipped weights", "elsewhere/flow.safetensors"])
def test_the_weights_that_ship_are_told_in_full(
    phantom_cohort: Cohort, made: Cohort, tmp_path: Path, name: str
) -> None:
    told = reports(phantom_cohort, made, tmp_path, Input(name, "run", file_hash(shipped("flow"))))
    card = told["model_card.md"]
    assert "**Steps**: 7850 in 4 parts (2250, 1500, 1600, 2500), each from the weights of the one before" in card
    assert "**Began from**: the weights of 3 earlier parts: 2250 steps (predict image); 1500 steps" in card
    assert "**Images per step**: 16" in card
    root = Path(__file__).parents[2]
    assert "**Trained by**: synthcmr contributors" in card
    assert 'name: "synthcmr contributors"' in (root / "CITATION.cff").read_text()
    licence = tomllib.loads((root / "pyproject.toml").read_text())["project"]["license"]
    assert f"**Licence of the weights**: {licence}, like the package" in card
    assert "**Cohort**: phantoms of the preset 'everyone' alone" in card
    assert "**Who they are**: digital phantoms, not people" in card
    assert "which comes with synthcmr" in card
    assert "how it was made is not known" not in card + told["data_sheet.md"]
    assert "comes with synthcmr" in told["report.html"]
    assert "without images of real subjects" in told["data_sheet.md"]


def test_weights_that_are_gone_did_not_begin_from_nothing(phantom_cohort: Cohort, made: Cohort, tmp_path: Path) -> None:
    told = reports(phantom_cohort, made, tmp_path, Input("shipped weights", "run", "0" * 64))
    for fact in ("Began from", "Steps", "Trained by", "Licence of the weights"):
        assert f"**{fact}**: Not known" in told["model_card.md"]
    assert "how it was made is not known" in told["model_card.md"]


def test_a_run_that_does_not_say_did_not_begin_from_nothing(
    phantom_cohort: Cohort, made: Cohort, tiny_run: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(tiny_run, tmp_path / "run")
    record = json.loads((run / RUN_FILE).read_text())
    del record["model"]["start"]
    del record["checksum"]  # which runs of before it said had none of
    (run / RUN_FILE).write_text(json.dumps(record))
    own = json.loads((run / "provenance.json").read_text())["hash"]
    told = reports(phantom_cohort, made, tmp_path, Input(str(run), "run", own))
    assert "**Family**: flow" in told["model_card.md"]
    assert "**Began from**: Not known" in told["model_card.md"]
    assert "without images of real subjects" not in told["data_sheet.md"]


def test_the_data_sheet_has_every_heading_and_its_facts(told: Path, made: Cohort) -> None:
    text = (told / "data_sheet.md").read_text()
    drawn = next(line for line in text.splitlines() if "Sampled (not in the request)" in line)
    assert "height\\_cm" in drawn
    assert "sex" not in drawn, "a woman of 60 was asked for"
    assert "age" not in drawn
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings[:3] == ["Motivation", "Composition", "Collection"]
    assert headings[3:] == ["Preprocessing, cleaning, labelling", "Uses", "Distribution", "Maintenance"]
    assert f"**How many**: {len(made)} images of 2 subjects" in text
    assert "without images of real subjects" in text
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
