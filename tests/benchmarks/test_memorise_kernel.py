"""A generator that memorises a part of what it says is caught with few members and with more; an innocent one is left alone."""

from dataclasses import replace

import pytest
from benchmarks.memorise_kernel import SLICES, Population, judged


@pytest.mark.parametrize("members", [10, 30])
@pytest.mark.parametrize("references", [0, 2])
def test_memorising_is_caught_and_innocence_is_not_accused(members: int, references: int) -> None:
    for seed in range(2):
        people = Population.of(members, seed)
        guilty = {f.rule: f.word for f in judged(people, people.members, 0.3, references, seed).findings}
        assert guilty["exposed, weights"] == guilty["identified, weights"] == "bad"
        innocent = judged(people, people.strangers, 0.3, references, seed)
        assert innocent.word == "not enough evidence"  # so few members cannot acquit


def test_a_hundred_members_are_enough_to_acquit() -> None:
    people = Population.of(100, 0)
    words = {f.rule: f.word for f in judged(people, people.strangers, 0.3, 0, 0).findings}
    assert words["exposed, weights"] == "good"
    assert words["identified, weights"] in ("good", "acceptable", "not enough evidence")
    assert "bad" not in words.values()


def test_of_a_few_people_known_by_heart_the_rules_find_some() -> None:
    """Ten of a hundred members were learned: the area hardly moves."""
    people = Population.of(100, 1)
    some = replace(people.members, image=people.members.image[: 10 * SLICES])
    words = {f.rule: f.word for f in judged(people, some, 0.3, 0, 1).findings}
    assert words["exposed, weights"] == "bad"
    assert words["membership, weights"] != "bad"
