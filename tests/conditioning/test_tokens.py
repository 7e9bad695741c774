import numpy as np
import pytest
import torch

from synthcmr.conditioning.condition import drop_some, without_metadata
from synthcmr.conditioning.text_encoders import TokenEncoder
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError

ROWS = [
    {"sex": "female", "age": 40.0, "vendor": "Siemens", "slice_level": "mid"},
    {"sex": "male", "age": 60.0, "vendor": "GE", "slice_level": "basal"},
    {"age": 80.0},
]


@pytest.fixture
def encoder() -> TokenEncoder:
    torch.manual_seed(0)
    return TokenEncoder(Vocabulary.of(ROWS, ("sex", "age", "vendor", "slice_level", "bmi")), 32)


def test_attributes_nobody_has_are_no_words(encoder: TokenEncoder) -> None:
    assert encoder.vocabulary.names == ("sex", "age", "vendor", "slice_level")


def test_every_attribute_has_a_token_also_where_nothing_is_said(encoder: TokenEncoder) -> None:
    tokens = encoder(encoder.prepare([{}, {"age": 50.0}, ROWS[0]]))
    assert tokens.shape == (3, 4, 32)
    assert torch.equal(tokens[0, 0], tokens[1, 0])  # sex: not said in either
    assert not torch.equal(tokens[0, 1], tokens[1, 1])


def test_a_number_enters_as_a_value_so_that_what_lies_between_is_between(encoder: TokenEncoder) -> None:
    ages = [{"age": a} for a in (66.0, 71.0, 76.0, 30.0)]
    token = encoder(encoder.prepare(ages))[:, 1]
    near = (token[1] - token[0]).norm(), (token[1] - token[2]).norm()
    assert max(near) < (token[0] - token[2]).norm() < (token[0] - token[3]).norm()


def test_an_unseen_category_is_refused_with_the_known_ones(encoder: TokenEncoder) -> None:
    with pytest.raises(SettingsError, match="it knows GE, Siemens"):
        encoder.prepare([{"vendor": "Fuji"}])


def test_the_vocabulary_survives_storage(encoder: TokenEncoder) -> None:
    assert Vocabulary.from_json(encoder.vocabulary.to_json()) == encoder.vocabulary


def test_dropping_leaves_every_part_out_sometimes_and_nothing_in_between_is_invented() -> None:
    rng = np.random.default_rng(0)
    seen = [drop_some(ROWS[0], rng) for _ in range(400)]
    assert all(part.items() <= ROWS[0].items() for part in seen)
    share = lambda wanted: np.mean([part == wanted for part in seen])  # noqa: E731
    assert 0.06 < share({}) < 0.25
    assert 0.05 < share(without_metadata(ROWS[0])) < 0.25
    assert share(ROWS[0]) > 0.3


def test_without_metadata_leaves_view_and_scanner() -> None:
    assert without_metadata(ROWS[0]) == {"vendor": "Siemens", "slice_level": "mid"}
