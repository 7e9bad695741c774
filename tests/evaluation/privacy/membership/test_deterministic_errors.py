"""PIA and SecMI in closed form: what a model knows by heart it gives back, step by step, on either kind of path."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from synthcmr.conditioning.condition import Condition
from synthcmr.evaluation.privacy.membership.deterministic_errors import deterministic_errors
from tests.evaluation.privacy.making import Memory


@dataclass
class Believer(Memory):
    """Believes at first that every image is a given one, and later what it sees: the noise follows."""

    image: np.ndarray = field(default_factory=lambda: np.zeros(0))  # 0 to 1
    blur: float = 0.0  # share of the truth in what it believes

    def noise_estimates(
        self, images: np.ndarray, conditions: Sequence[Condition], time: float, noise: np.ndarray | None
    ) -> np.ndarray | None:
        x_1 = images * 2.0 - 1
        x_t = time * x_1 + (1 - time) * (0 if noise is None else noise)
        expected = time * x_1 + (1 - time) * (self.image * 2.0 - 1)
        believed = self.blur * x_1 + (1 - self.blur) * expected
        estimate: np.ndarray = ((x_t - time * believed) / (1 - time)).astype(np.float32)
        return estimate


class Timeless(Memory):
    """Knows no time."""

    def noise_estimates(self, *question: object) -> None:
        return None


def test_what_is_known_by_heart_has_no_error_and_strangers_have() -> None:
    rng = np.random.default_rng(0)
    known, stranger = rng.random((2, 1, 2, 8, 8)).astype(np.float32)
    model, conditions = Believer({}, image=known), [Condition(np.zeros((2, 8, 8), dtype=np.uint8))]
    own, other = (deterministic_errors(image, conditions, model) for image in (known, stranger))
    assert own is not None
    assert other is not None
    assert own.proximal[0] < other.proximal[0] - 10
    assert own.step[0] < other.step[0] - 10


def test_the_better_a_stranger_is_known_the_smaller_both_errors() -> None:
    rng = np.random.default_rng(1)
    image, stranger = rng.random((2, 1, 2, 8, 8)).astype(np.float32)
    conditions = [Condition(np.zeros((2, 8, 8), dtype=np.uint8))]
    errors = [deterministic_errors(stranger, conditions, Believer({}, image=image, blur=b)) for b in (0.0, 0.5, 0.9)]
    for name in ("proximal", "step"):
        sizes = [float(getattr(one, name)[0]) for one in errors]
        assert sizes == sorted(sizes, reverse=True)


def test_models_that_tell_no_noise_are_left_out() -> None:
    image = np.zeros((1, 2, 8, 8), dtype=np.float32)
    conditions = [Condition(np.zeros((2, 8, 8), dtype=np.uint8))]
    assert deterministic_errors(image, conditions, Memory({})) is None
    assert deterministic_errors(image, conditions, Timeless({})) is None
