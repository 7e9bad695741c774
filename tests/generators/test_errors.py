"""What generators say of their own errors."""

from pathlib import Path

import numpy as np
import pytest
import torch

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.masks import as_tensor, one_hot
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.render import errors, noise
from synthcmr.generators.families import family
from synthcmr.generators.flow.network import FlowNetwork
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.sampling.answering import Answering
from synthcmr.training.images import load_images
from tests.generators.making import FAMILIES, TINY


@pytest.fixture
def some(phantom_cohort: Cohort) -> tuple[np.ndarray, list[Condition]]:
    images = load_images(phantom_cohort, "test")
    return images.image[:3].astype(np.float32), [Condition(m) for m in images.mask[:3]]


def test_the_mean_square_of_a_flows_errors_is_its_loss(some: tuple[np.ndarray, list[Condition]]) -> None:
    torch.manual_seed(0)
    network = FlowNetwork(TINY.model_copy(update={"heart_weight": 1.0}), Vocabulary(())).eval()
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
    network = family(kind).network_kind(settings, Vocabulary(())).eval()  # type: ignore[attr-defined]
    image, conditions = some
    one, again = (errors(network, image, conditions, 0.5, [1, 2, 3]) for _ in range(2))
    assert one.shape[0] == 3
    assert one.ndim == 4
    assert np.isfinite(one).all()
    assert np.array_equal(one, again)


def test_a_run_answers(tiny_run: Path, some: tuple[np.ndarray, list[Condition]]) -> None:
    from synthcmr.generators.families import load_generator

    answering = Answering(load_generator(tiny_run), SamplerSettings(steps=2))
    image, conditions = some
    assert answering.draw(conditions, [0, 1, 2]).shape == image.shape
    assert answering.errors(image, conditions, 0.5, [0, 1, 2]).shape == image.shape
    assert answering.frames == 2
