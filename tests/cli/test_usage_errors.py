"""What is wrong with a command line is one sentence: the flag, what was got, what is allowed."""

import pytest

from tests.journeys.typing_in import run

SAID = {
    "phantom p --size 32.7": "--size: expected a whole number, got '32.7'",
    "phantom p --seed x": "--seed: expected a whole number, got 'x'",
    "generate g --seed=-1": "--seed: expected at least 0, got '-1'",
    "generate g --begin 3": "--begin: expected at most 0.99, got '3'",
    "generate g --guidance nan": "--guidance: expected a finite number, got 'nan'",
    "generate g --subject 3": "--subject: 'synthcmr generate' has no such option; did you mean --subjects?",
    "train refine c r --epsilon 8": "--epsilon: 'synthcmr train' has no such option; 'synthcmr train --help' lists all",
    "export c d --format niftii": "--format: expected 'nnunet', 'nifti',",
    "judge fit nothing c r": "KIND: expected one of segmenter, reader, encoder; got 'nothing'",
    "plan c p equal:sex --target x": "'equal:sex' is one argument too many: expected 'synthcmr plan COHORT PLAN --target TARGET'",
    "plan c p": "--target is missing: expected 'synthcmr plan COHORT PLAN --target TARGET', got 'synthcmr plan c p'",
    "train flow c": "RUN is missing: expected 'synthcmr train FAMILY COHORT RUN', got 'synthcmr train flow c'",
    "evaluate c c out --by": "--by: a value must follow",
    "phantm p": "phantm: synthcmr has no such command; did you mean phantom? expected one of phantom, ingest,",
    "train flow c r --set loop.steps=[": "--set loop.steps: expected YAML, such as 3, true, name or [1, 2], got '['",
}


@pytest.mark.parametrize("line", SAID)
def test_is_said_in_one_sentence(line: str) -> None:
    said = run(*line.split(), ok=False)
    assert said.returncode == 2
    assert said.stderr.startswith(f"Error: {SAID[line]}")
    assert said.stderr.count("\n") == 1
    assert "Usage" not in said.stderr
