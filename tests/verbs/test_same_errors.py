"""What cannot be combined is refused from Python as from the command line, in the same words, and nothing is made."""

from pathlib import Path
from typing import Any

import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError, SynthcmrError
from tests.journeys.typing_in import run

# verb, its positional inputs, its options, and the same as somebody types it; C is a cohort, R a run, X does not exist
REFUSED: list[tuple[str, tuple[str, ...], dict[str, Any], str]] = [
    ("train", ("flow", "C", "X"), {"rank": 4}, "train flow C X --rank 4"),
    ("train", ("flow", "C", "X"), {"preset": "huge"}, "train flow C X --preset huge"),
    ("train", ("flow", "C", "X"), {"balance": ("sexx",)}, "train flow C X --balance sexx"),
    ("train", ("flow", "C", "X"), {"dp": "epsilon=-1"}, "train flow C X --dp epsilon=-1"),
    ("train", ("flow", "C", "X"), {"set": {"loop.stepps": 5}}, "train flow C X --set loop.stepps=5"),
    ("train", ("flow", "C", "X"), {"set": "loop.steps"}, "train flow C X --set loop.steps"),
    (
        "train",
        ("flow", "C", "R"),
        {"init_from": "R", "overwrite": True},
        "train flow C R --init-from R --overwrite",
    ),
    ("evaluate", ("C", "C", "X"), {"reference": "R"}, "evaluate C C X --reference R"),
    ("evaluate", ("C", "C", "X"), {"fit_encoder": True, "encoder": "R"}, "evaluate C C X --fit-encoder --encoder R"),
    ("evaluate", ("C", "C", "X"), {}, "evaluate C C X"),
    (
        "fit_recalibration",
        ("C", "X"),
        {"dp": "epsilon=1", "method": "shr"},
        "recalibrate fit C X --dp epsilon=1 --method shr",
    ),
    ("fit_recalibration", ("C", "X"), {"dp": "delta=1"}, "recalibrate fit C X --dp delta=1"),
    ("fit_recalibration", ("C", "X"), {"by": "shoe"}, "recalibrate fit C X --by shoe"),
    ("compare_spectra", ("C", "C", "X"), {"set": ("ring=3",)}, "spectrum C C X --set ring=3"),
    ("debias", ("C", "X"), {"synthetic": False, "planned": "C"}, "debias C X --no-synthetic --planned C"),
    ("debias", ("C", "X"), {"synthetic": False, "synthetic_copy": "C"}, "debias C X --no-synthetic --copy C"),
    ("debias", ("C", "X"), {"target": ("a:b", "c:d")}, "debias C X --target a:b --target c:d"),
    ("balance", ("C", "R"), {"overwrite": True}, "balance C R --overwrite"),
]


@pytest.mark.parametrize(("verb", "inputs", "options", "typed"), REFUSED, ids=lambda value: str(value)[:50])
def test_python_and_the_command_line_refuse_in_the_same_words(
    verb: str,
    inputs: tuple[str, ...],
    options: dict[str, Any],
    typed: str,
    phantom_cohort: Cohort,
    tiny_run: Path,
    tmp_path: Path,
) -> None:
    places = {"C": phantom_cohort.path, "R": tiny_run, "X": tmp_path / "x"}

    def placed(value: Any) -> Any:
        return places.get(value, value) if isinstance(value, str) else value

    with pytest.raises(SynthcmrError) as refused:
        getattr(synthcmr, verb)(*map(placed, inputs), **{name: placed(value) for name, value in options.items()})
    told = run(*map(placed, typed.split()), ok=False).stderr
    assert told == f"Error: {refused.value}\n"
    assert not (tmp_path / "x").exists()


def test_an_option_that_a_verb_does_not_have_is_refused_with_those_that_it_has(phantom_cohort: Cohort) -> None:
    with pytest.raises(SettingsError, match=r"train: unknown key 'steps'; allowed: preset, settings, set, balance"):
        synthcmr.train("flow", phantom_cohort, "runs/x", steps=5)
    with pytest.raises(SettingsError, match=r"debias: 'workers': expected at least 1, got 0"):
        synthcmr.debias(phantom_cohort, "debiased", workers=0)


def test_a_judge_is_not_trained_over_the_weights_that_it_goes_on_from(phantom_cohort: Cohort, tmp_path: Path) -> None:
    judge = synthcmr.Judge("reader")
    with pytest.raises(SettingsError, match="--init-from nowhere: expected 'shipped'"):
        judge.fit(phantom_cohort, tmp_path / "x", init_from="nowhere")
    assert judge.run is None


def test_recalibrating_takes_nothing_that_the_model_says(phantom_cohort: Cohort, tmp_path: Path) -> None:
    words = ("recalibrate", "apply", phantom_cohort.path, tmp_path / "m", tmp_path / "x", "--method", "shr")
    assert "expected without --method: the model says it" in run(*words, ok=False).stderr
    with pytest.raises(SettingsError, match="recalibrate: unknown key 'method'; allowed: spacing, overwrite"):
        synthcmr.recalibrate(phantom_cohort, tmp_path / "m", tmp_path / "x", method="shr")
