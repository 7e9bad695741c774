"""Evaluating, debiasing and balancing from Python: a result says what the command prints."""

import shutil
from pathlib import Path

import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from synthcmr.judges.encoder import ImageEncoder
from synthcmr.judges.settings import EncoderSettings
from synthcmr.training.settings import LoopSettings
from tests.evaluation.making import cohort_of, heart
from tests.journeys.typing_in import run
from tests.verbs.test_learning_verbs import flags

SICK = ("DCM", "HCM", "RV")
FEW = {"draws": 20, "fidelity.floor_splits": 1}
ENCODES = EncoderSettings(filters=(8, 8, 16, 16), features=16, attributes=("diagnosis",))
ENCODER_STEPS = LoopSettings(steps=2, batch=4, threads=1, held_out_images=4)
SMALL = {
    "loop.steps": 4,
    "loop.batch": 8,
    "loop.threads": 1,
    "classifier.filters": (4, 4, 4, 4),
    "look_every": 4,
    "min_group": 2,
    "draws": 100,
}


def test_a_score_card_says_what_the_commands_print(tmp_path: Path) -> None:
    real = cohort_of(tmp_path / "real", [heart(k) for k in range(24)])
    synthetic = cohort_of(tmp_path / "synthetic", [heart(k) for k in range(50, 74)])
    scores = synthcmr.evaluate(
        real, synthetic, tmp_path / "scores", parts="fidelity", features=("radiomics",), by="sex", set=FEW
    )
    words = ("--parts", "fidelity", "--features", "radiomics", "--by", "sex", *flags(FEW))
    said = run("evaluate", real.path, synthetic.path, tmp_path / "scores", *words).stdout
    assert said == scores.summary() + "\n"
    assert said == run("report", tmp_path / "scores").stdout
    assert list(scores.card.parts) == ["fidelity"]
    assert scores.to_html() == tmp_path / "scores/report.html"
    assert "Fidelity:" in scores._repr_html_()
    assert scores.table["part"].tolist() == ["fidelity"]
    kept = scores.scores.query("absent.isna()")
    assert kept["value"].notna().all()
    assert set(scores.scores["name"]) == {s.name for s in scores.card.parts["fidelity"].result.scores}


def test_generated_images_on_both_sides_are_noted(tmp_path: Path) -> None:
    one = cohort_of(tmp_path / "one", [heart(k) for k in range(12)], origin="synthetic")
    other = cohort_of(tmp_path / "other", [heart(k) for k in range(50, 62)], origin="synthetic")
    heard: list[str] = []
    few = {**FEW, "min_subjects": 4}
    scores = synthcmr.evaluate(
        one, other, tmp_path / "scores", parts="fidelity", features="radiomics", set=few, say=heard.append
    )
    assert scores.notes == tuple(heard)
    assert "the cohort called real is not real" in heard[0]


def test_remedies_are_compared_as_by_the_command(phantom_cohort: Cohort, tmp_path: Path) -> None:
    chosen = {**SMALL, "remedies": ["oversampling"]}
    compared = synthcmr.debias(
        phantom_cohort,
        tmp_path / "debiased",
        positive=SICK,
        sensitive="sex",
        synthetic=False,
        repeats=1,
        set=chosen,
    )
    words = (
        "--positive",
        ",".join(SICK),
        "--sensitive",
        "sex",
        "--no-synthetic",
        "--repeats",
        1,
        *flags(SMALL),
        "--set",
        "remedies=[oversampling]",
    )
    said = run("debias", phantom_cohort.path, tmp_path / "debiased", *words).stdout
    assert said == compared.summary() + "\n"
    assert {remedy.remedy.name for remedy in compared.results.remedies} == {"nothing", "oversampling"}
    assert (tmp_path / "debiased/scores.json").exists()
    table, rates = compared.table, compared.rates
    assert set(table["remedy"]) == set(rates["remedy"]) == {"nothing", "oversampling"}
    first = compared.results.of("oversampling")
    mine = table[table["remedy"] == "oversampling"].set_index("score")
    assert mine["value"].to_dict() == {name: score.value for name, score in first.scores.items()}
    assert mine["difference"].dropna().to_dict() == {name: score.value for name, score in first.to_nothing.items()}
    assert set(rates["group"]) >= {"female", "male"}
    assert ((rates["refused"] == "") == rates["value"].notna()).all()
    assert compared.to_html(tmp_path / "elsewhere") == tmp_path / "elsewhere/debias.html"
    assert "fairness cannot be judged" in compared._repr_html_(), "so few test subjects say nothing"


def test_the_loop_recommends_as_by_the_command(phantom_cohort: Cohort, tmp_path: Path) -> None:
    chosen = {**SMALL, "min_kind": 2}
    loop = synthcmr.balance(
        phantom_cohort,
        tmp_path / "balanced",
        positive=SICK,
        sensitive=("sex",),
        repeats=1,
        rounds=1,
        round_images=2,
        set=chosen,
    )
    words = (
        "--positive",
        ",".join(SICK),
        "--sensitive",
        "sex",
        "--repeats",
        1,
        "--rounds",
        1,
        "--round-images",
        2,
        *flags(chosen),
    )
    assert run("balance", phantom_cohort.path, tmp_path / "balanced", *words).stdout == loop.summary() + "\n"
    assert loop.table["round"].tolist() == [r.number for r in loop.balanced.rounds]
    assert loop.table["best"].sum() == 1
    assert "remedy" in loop.scores
    assert (loop.recommended is None) == ("Recommended images:" not in loop.summary())


def test_a_selection_is_refused_where_workers_open_the_folder_again(phantom_cohort: Cohort, tmp_path: Path) -> None:
    women = phantom_cohort.select(sex="female")
    with pytest.raises(CohortError, match="expected a whole cohort, got a selection"):
        synthcmr.train("flow", women, tmp_path / "run", slurm="gpu")
    with pytest.raises(CohortError, match=f"expected a whole cohort, got a selection of {len(women)}"):
        synthcmr.debias(women, tmp_path / "debiased", synthetic=False)


def test_an_encoder_that_was_trained_again_in_its_place_scores_anew(tmp_path: Path) -> None:
    """A judge is known by its weights, not by where they lie; what does not ask it is kept."""
    hearts = [heart(k) for k in range(24)]
    real = cohort_of(tmp_path / "real", hearts)
    synthetic = cohort_of(tmp_path / "synthetic", [heart(k) for k in range(50, 74)])
    out, encoder = tmp_path / "scores", tmp_path / "encoder"

    def scored(seed: int) -> dict[str, tuple[float | None, str | None]]:
        shutil.rmtree(encoder, ignore_errors=True)
        ImageEncoder.fit(real, encoder, ENCODES, ENCODER_STEPS.model_copy(update={"seed": seed}))
        features = ("cmr", "radiomics")
        card = synthcmr.evaluate(real, synthetic, out, parts="fidelity", features=features, encoder=encoder, set=FEW)
        return {s.name: (s.value, s.extractor) for s in card.card.parts["fidelity"].result.scores if not s.group}

    first, radiomics = scored(0), {file: file.stat().st_mtime_ns for file in out.glob("features/radiomics-*.npy")}
    second = scored(1)
    assert first["FID (cmr)"][1] != second["FID (cmr)"][1]
    assert first["FID (cmr)"][0] != second["FID (cmr)"][0]
    assert first["FID (radiomics)"] == second["FID (radiomics)"]
    assert radiomics == {file: file.stat().st_mtime_ns for file in out.glob("features/radiomics-*.npy")}
