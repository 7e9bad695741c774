"""The settings file of the seed paper's protocol."""

from pathlib import Path

from synthcmr.config import settings_from_yaml
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.fairness.debias.remedies import COPY, ON_TOP, PLANNED, chosen, needed

PAPER = Path(__file__).parents[3] / "examples" / "fairness_paper.yaml"


def test_the_papers_protocol_is_one_settings_file() -> None:
    told = settings_from_yaml(PAPER, DebiasSettings)
    assert (told.prevalence.train, told.prevalence.validation, told.prevalence.test) == (0.25, 0.1, 0.01)
    assert told.repeats == 8
    assert told.classifier.network == "resnet18"
    names = [r.name for r in chosen(told.remedies, frozenset({COPY, PLANNED}))]
    assert names == ["nothing", "oversampling", "synthetic only", "real + copy", "real + planned"]


def test_only_the_sets_that_are_needed_are_made() -> None:
    assert needed(()) == {COPY, PLANNED}
    assert needed(("cropping",)) == frozenset()
    assert needed(("cropping", ON_TOP)) == {PLANNED}
    assert needed(("synthetic only",)) == {COPY}
