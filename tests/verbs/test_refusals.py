"""What cannot be done is refused in the same words from Python and from the command line."""

from collections.abc import Callable
from pathlib import Path

import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.training.shipped_weights import shipped
from tests.journeys.typing_in import run

Call = Callable[[Cohort, Path], object]
REFUSED: dict[str, tuple[Call, str, str]] = {  # from Python, typed, what both say
    "judge without label": (
        lambda c, out: synthcmr.ingest(".", out, judge="j"),
        "ingest . OUT --judge j",
        "--judge j: expected only with --label",
    ),
    "spacing": (
        lambda c, out: synthcmr.ingest(".", out, spacing="fine"),
        "ingest . OUT --spacing fine",
        "--spacing: expected a number or 'native', got 'fine'",
    ),
    "crop of ingest": (
        lambda c, out: synthcmr.ingest(".", out, size="wide"),
        "ingest . OUT --size wide",
        "--size: expected a whole number or 'full', got 'wide'",
    ),
    "crop too small": (
        lambda c, out: synthcmr.ingest(".", out, size=4),
        "ingest . OUT --size 4",
        "'preprocess.size': expected at least 16, got 4",
    ),
    "reader": (
        lambda c, out: synthcmr.ingest(".", out, format="acdcc"),
        "ingest . OUT --format acdcc",
        "got 'acdcc'",
    ),
    "preset": (
        lambda c, out: synthcmr.make_phantoms(out, preset="everybody"),
        "phantom OUT --preset everybody",
        "--preset: expected one of population",
    ),
    "nobody": (
        lambda c, out: synthcmr.make_phantoms(out, subjects=0),
        "phantom OUT --subjects 0",
        "--subjects: expected at least 1, got 0",
    ),
    "too many frames": (
        lambda c, out: synthcmr.make_phantoms(out, frames=61),
        "phantom OUT --frames 61",
        "--frames: expected 1 (ED), 2 (ED and ES) or up to 60 phases of a cine, got 61",
    ),
    "crop of label": (
        lambda c, out: synthcmr.label(c, out, size="wide"),
        "label COHORT OUT --size wide",
        "--size: expected a whole number or 'full', got 'wide'",
    ),
    "crop of label too small": (
        lambda c, out: synthcmr.label(c, out, size=4),
        "label COHORT OUT --size 4",
        "'size': expected at least 16, got",
    ),
    "attribute": (lambda c, out: synthcmr.audit(c, by="sexx"), "audit COHORT --by sexx", "sexx"),
    "weights without copy": (
        lambda c, out: synthcmr.plan(c, out, target="equal:sex", weights="cell"),
        "plan COHORT OUT -t equal:sex --weights cell",
        "--weights cell: expected with --target copy only; got --target equal:sex",
    ),
    "by without copy": (
        lambda c, out: synthcmr.plan(c, out, target="equal:sex", by=("sex",)),
        "plan COHORT OUT -t equal:sex --by sex",
        "--by: expected with --target copy only",
    ),
    "cap": (
        lambda c, out: synthcmr.plan(c, out, target="equal:sex", cap=0),
        "plan COHORT OUT -t equal:sex --cap 0",
        "plan: 'cap': expected more than 0, got 0",
    ),
    "option of another layout": (
        lambda c, out: synthcmr.export(c, out, format="nifti", bits=8),
        "export COHORT OUT --format nifti --bits 8",
        "--format nifti: unknown option bits; it has: none",
    ),
    "no image": (
        lambda c, out: synthcmr.export(c, out, format="png", where="age > 200"),
        "export COHORT OUT --format png --where age>200",
        "--where: no image of",
    ),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_python_and_the_command_line_refuse_alike(case: str, phantom_cohort: Cohort, tmp_path: Path) -> None:
    call, typed, told = REFUSED[case]
    with pytest.raises(SettingsError) as refused:
        call(phantom_cohort, tmp_path / "out")
    assert told in str(refused.value)
    words = [{"COHORT": phantom_cohort.path, "OUT": tmp_path / "out"}.get(word, word) for word in typed.split()]
    said = run(*words, ok=False).stderr
    assert told in said
    assert list(tmp_path.iterdir()) == []


def test_what_must_be_given_and_what_is_unknown_is_named() -> None:
    with pytest.raises(SettingsError, match="plan: 'target': expected a value"):
        synthcmr.PlanOptions.of(None, {})
    with pytest.raises(SettingsError, match="ingest: 'split': expected 'auto', 'official' or 'random', got 'theirs'"):
        synthcmr.IngestOptions.of(None, {"split": "theirs"})
    with pytest.raises(SettingsError, match="export: unknown key 'layout'"):
        synthcmr.ExportOptions.of(None, {"format": "png", "layout": "png"})
    with pytest.raises(SettingsError, match="join: expected a list of cohorts, got 'one'"):
        synthcmr.join("out", "one")


def test_fields_go_over_options() -> None:
    chosen = synthcmr.PhantomOptions.of(synthcmr.PhantomOptions(subjects=3, seed=1), {"seed": 2})
    assert (chosen.subjects, chosen.seed) == (3, 2)


def test_a_generator_that_ships_is_named_and_a_folder_of_that_name_means_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert synthcmr.GenerateOptions(run="flow").run == shipped("flow")
    assert synthcmr.GenerateOptions(run="mine").run == Path("mine")
    (tmp_path / "flow").mkdir()
    assert synthcmr.GenerateOptions(run="flow").run == Path("flow")
