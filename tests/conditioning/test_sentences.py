"""Every sentence of the corpus yields what a reader of it would draw, or is refused with a reason that helps."""

import pytest

from synthcmr.conditioning.prompt import read_prompt
from synthcmr.conditioning.prompt_words import TERMS
from synthcmr.errors import SettingsError
from tests.conditioning.sentences import HINTS, REFUSED, UNDERSTOOD


@pytest.mark.parametrize(("text", "expected"), UNDERSTOOD)
def test_a_sentence_yields_what_it_says_and_nothing_else(text: str, expected: dict[str, object]) -> None:
    understood = read_prompt(text)
    result: dict[str, object] = {**understood.attributes, **understood.numbers}
    for name in ("slice_level", "phases", "denied", "ignored"):
        if getattr(understood, name):
            result[name] = getattr(understood, name)
    assert result == expected


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_a_sentence_that_cannot_be_followed_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_prompt(text)
    assert str(refused.value).startswith(f"--prompt: {reason}")


@pytest.mark.parametrize(("text", "hint"), HINTS)
def test_what_was_assumed_or_cannot_be_had_is_noted(text: str, hint: str) -> None:
    assert any(hint in note for note in read_prompt(text).notes)


def test_no_phrase_stands_for_two_values_of_one_attribute() -> None:
    values: dict[tuple[str, str], set[object]] = {}
    for name, terms in TERMS:
        for term in terms:
            for words in term.phrases:
                values.setdefault((name, words), set()).add(term.value)
    assert {key: several for key, several in values.items() if len(several) > 1} == {}
