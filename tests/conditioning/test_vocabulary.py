"""What a generator has seen, and what lies far from it."""

from synthcmr.conditioning.vocabulary import CategoryWord, NumberWord, Vocabulary


def test_numbers_far_outside_of_what_was_seen_are_named() -> None:
    vocabulary = Vocabulary((NumberWord("age", 50.0, 10.0), CategoryWord("sex", ("female",))))
    assert vocabulary.far({"age": 79.0, "sex": "female"}) == []
    assert vocabulary.far({"sex": "female"}) == []
    (said,) = vocabulary.far({"age": 98.0})
    assert "age 98" in said
    assert "50" in said
