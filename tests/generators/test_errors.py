"""What generators say of their own errors."""

import numpy as np
import pytest
import torch

from synthcmr.conditioning.condition import Condition, as_tensor, one_hot
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.render import errors, noise, noise_estimates
from synthcmr.generators.families import family
from synthcmr.generators.flow import FlowGenerator, FlowNetwork
from synthcmr.generators.latent import FirstStage
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.sampling.attack_adapter import Answering
from tests.generators.making import FAMILIES, TINY

WORDS = Vocabulary.of([{"sex": "female"}, {"sex": "male"}] * 3, ("sex",))


@pytest.fixture
def some() -> tuple[np.ndarray, list[Condition]]:
    rng = np.random.default_rng(0)
    image = rng.random((3, 2, 64, 64)).astype(np.float32)
    masks = rng.integers(4, size=image.shape).astype(np.uint8)
    return image, [Condition(mask) for mask in masks]


def test_the_mean_square_of_a_flows_errors_is_its_loss(some: tuple[np.ndarray, list[Condition]]) -> None:
    torch.manual_seed(0)
    network = FlowNetwork(TINY.model_copy(update={"heart_weight": 1.0}), WORDS).eval()
    image, conditions = some
    masks = one_hot(as_tensor(np.stack([c.mask for c in conditions])))
    batch = {
        "image": torch.from_numpy(image) * 2 - 1,
        "mask": masks,
        "neighbour": torch.zeros(image.shape),
        "neighbour_mask": torch.zeros_like(masks),
        "shown": torch.zeros(3),
        "text": network.text.prepare([{}] * 3),
        "time": torch.full((3,), 0.4),
        "noise": torch.stack([noise(seed, image.shape[1:]) for seed in range(3)]),
    }
    with torch.no_grad():
        loss, _ = network("flow", batch)
    assert np.square(errors(network, image, conditions, 0.4, [0, 1, 2])).mean() == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.parametrize("name", ["flow", "diffusion", "latent", "vae", "gan"])
def test_every_family_tells_its_errors_and_the_seed_decides(
    name: str, some: tuple[np.ndarray, list[Condition]]
) -> None:
    torch.manual_seed(0)
    kind, settings = FAMILIES[name]
    network = family(kind).network_kind(settings, WORDS).eval()  # type: ignore[attr-defined]
    image, conditions = some
    one, again = (errors(network, image, conditions, 0.5, [1, 2, 3]) for _ in range(2))
    assert one.shape[0] == 3
    assert one.ndim == 4
    assert np.isfinite(one).all()
    assert np.array_equal(one, again)


def test_a_generator_answers(some: tuple[np.ndarray, list[Condition]]) -> None:
    torch.manual_seed(0)
    answering = Answering(FlowGenerator(FlowNetwork(TINY, WORDS), "", {}), SamplerSettings(steps=2))
    image, conditions = some
    assert answering.draw(conditions, [0, 1, 2]).shape == image.shape
    assert answering.errors(image, conditions, 0.5, [0, 1, 2]).shape == image.shape
    assert answering.frames == 2


def test_a_family_that_does_not_tell_says_so() -> None:
    silent = FirstStage(FAMILIES["latent"][1], WORDS)
    with pytest.raises(SettingsError, match="attack this one by its images"):
        silent.error(None, torch.zeros(1), torch.zeros(1), torch.zeros(1))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["flow", "diffusion", "latent"])
def test_the_noise_that_a_family_believes_in_differs_from_the_true_one_by_its_error(
    name: str, some: tuple[np.ndarray, list[Condition]]
) -> None:
    torch.manual_seed(0)
    kind, settings = FAMILIES[name]
    network = family(kind).network_kind(settings, WORDS).eval()  # type: ignore[attr-defined]
    image, conditions = some
    shape = errors(network, image, conditions, 0.4, [1, 2, 3]).shape
    true = np.stack([noise(seed, image.shape[1:]).numpy().reshape(-1)[: np.prod(shape[1:])] for seed in (1, 2, 3)])
    true = true.reshape(shape)
    believed = noise_estimates(network, image, conditions, 0.4, true)
    assert believed is not None
    apart = (believed - true) / errors(network, image, conditions, 0.4, [1, 2, 3])
    expected = -0.4 if name != "diffusion" else 0.4 / np.hypot(0.4, 0.6)
    assert np.median(apart) == pytest.approx(expected, rel=1e-3)


def test_families_that_know_no_time_believe_in_no_noise(some: tuple[np.ndarray, list[Condition]]) -> None:
    kind, settings = FAMILIES["vae"]
    network = family(kind).network_kind(settings, WORDS).eval()  # type: ignore[attr-defined]
    assert noise_estimates(network, *some, 0.5, None) is None
