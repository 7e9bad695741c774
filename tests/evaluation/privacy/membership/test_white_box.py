"""Attacks on errors: scores in closed form, whom models are asked about, and the bands of an error."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.membership.black_box import sample_attacked
from synthcmr.evaluation.privacy.membership.error_power import log_power
from synthcmr.evaluation.privacy.membership.model_errors import ModelErrors, SideErrors, complexity
from synthcmr.evaluation.privacy.membership.white_box import error_scores, mid_path, white_box
from tests.evaluation.privacy.making import QUICK, Memory, divided, pixels_of


@dataclass
class Listening(Memory):
    """Remembers what it was asked about."""

    heard: set[bytes] = field(default_factory=set)

    def errors(self, images: np.ndarray, *more: object) -> np.ndarray:
        self.heard |= {image.tobytes() for image in images}
        return super().errors(images, *more)  # type: ignore[arg-type]


def test_the_population_of_rmia_are_those_who_calibrate(cohort: Cohort, tmp_path: Path) -> None:
    split, model = divided(cohort), Listening({})
    white_box(sample_attacked(split, QUICK, tmp_path, None), split, model, [Memory({})], QUICK)
    for side in (split.members, split.judged, split.calibrating):
        asked = [image.tobytes() in model.heard for image in pixels_of(side)]
        assert np.mean(asked) == pytest.approx(2 / 3), "two of three images of everybody"


def test_scores_of_errors_in_closed_form() -> None:
    """Of four images, the model is less wrong than the references by 0, 1, 2 and 3; of the population by 0.5 and 1.5."""

    def side(less: list[float], names: tuple[str, ...]) -> SideErrors:
        usual = np.array([1.0, 2.0, 3.0, 4.0][: len(less)])[:, None]
        references = tuple(ModelErrors(usual + k, usual) for k in (-1.0, 1.0))
        model = ModelErrors(usual - np.array(less)[:, None], usual)
        return SideErrors(np.array(names), np.array([0.5]), np.zeros((len(less), 2)), model, references)

    scores = error_scores(side([0, 1, 2, 3], ("a", "a", "b", "b")), side([0.5, 1.5], ("x", "y")))
    assert scores["RMIA"].tolist() == [0.25, 1.0]
    assert scores["error, against reference models"].tolist() == [0.5, 2.5]
    assert scores["error"].tolist() == [-1.0, -1.0]
    assert scores["mid-band error"].tolist() == [-1.5, -3.5]
    assert scores["LiRA, offline"] == pytest.approx(np.array([0.5, 2.5]) / np.sqrt(2), rel=1e-2)


def test_an_error_counts_in_its_own_band() -> None:
    x = np.arange(64)
    waves = {radius: np.cos(2 * np.pi * x * radius * 32 / 64) for radius in (1 / 16, 0.5)}
    low, middle = (np.broadcast_to(w, (1, 1, 64, 64)) for w in waves.values())
    band = (0.15, 0.85)
    assert log_power(middle, band)[0] > log_power(low, band)[0] + 10
    assert np.isclose(log_power(middle)[0], log_power(low)[0])
    noise = np.random.default_rng(0).normal(size=(1, 2, 64, 64))
    assert np.isclose(log_power(noise, band)[0], log_power(noise)[0], atol=0.1)


def test_what_is_hard_for_anybody_is_no_sign_of_a_stranger() -> None:
    """Errors that follow complexity alone say nothing once it is known; what is left of a member's error does."""
    rng = np.random.default_rng(0)

    def side(names: str, better: float, rough: float) -> SideErrors:
        hardness = rng.normal(rough, 1.0, (len(names), 2))
        errors = hardness.sum(axis=1, keepdims=True) + rng.normal(0, 0.1, (len(names), 3)) - better
        return SideErrors(np.array(list(names)), np.array([0.1, 0.5, 0.9]), hardness, ModelErrors(errors, errors))

    population, stranger = side("pqrstuvw" * 5, 0.0, 0.0), side("aabbccdd", 0.0, -3.0)
    member = side("eeffgghh", 1.0, 3.0)
    name = "error at mid-path, calibrated by complexity"
    easy, known = (error_scores(one, population) for one in (stranger, member))
    assert known["error"].max() < easy["error"].min()  # members are the harder ones
    assert known[name].min() > easy[name].max() + 5


def test_the_middle_of_the_path_counts_most_and_the_ends_nothing() -> None:
    assert mid_path(np.array([0.0, 0.25, 0.5, 0.75, 1.0])) == pytest.approx(np.array([0, 3, 4, 3, 0]) / 10)


def test_a_rougher_image_is_more_complex() -> None:
    rng = np.random.default_rng(0)
    smooth = np.outer(np.linspace(0, 1, 32), np.linspace(0, 1, 32))[None, None]
    slopes, _ = complexity(np.concatenate([smooth, smooth + rng.normal(0, 0.1, smooth.shape)]).astype(np.float32)).T
    assert slopes[1] > slopes[0] + 1
