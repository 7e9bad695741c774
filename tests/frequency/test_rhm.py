"""RHM: networks, their loss, and a training that goes on where it stopped."""

from pathlib import Path

import numpy as np
import pytest
import torch

from synthcmr.frequency.recalibration import Recalibration
from synthcmr.frequency.rhm import Mapper, ring_power, spectral_loss
from synthcmr.frequency.settings import LOOP, MappingSettings, RecalibrationSettings, ReplacementSettings
from synthcmr.training.loop import Loop
from tests.frequency.making import blurred, clouds

TINY = MappingSettings(channels=(8, 8), crop=32)
RESTORMER = MappingSettings(network="restormer", dim=8, blocks=(1, 1, 1, 1), heads=(1, 1, 1, 1), refinement=1)
SHORT = LOOP.model_copy(update={"steps": 6, "batch": 2, "warmup": 2, "checkpoint_every": 3, "held_out_every": 3})


@pytest.mark.parametrize("settings", [TINY, RESTORMER])
def test_a_network_begins_as_the_identity_at_any_size_and_can_learn(settings: MappingSettings) -> None:
    torch.manual_seed(0)
    network = Mapper(settings)
    for shape in ((64, 64), (41, 58)):
        image = torch.from_numpy(clouds(2, shape).astype(np.float32))[:, None]
        np.testing.assert_allclose(network.map(image).detach(), image, atol=1e-6)
    target = image + 0.1
    loss, numbers = network("map", {"perturbed": image, "image": target})
    loss.backward()
    assert set(numbers) == {"pixel", "spectral"}
    assert sum(float(p.grad.abs().sum()) for p in network.parameters() if p.grad is not None) > 0


def test_the_printed_spectral_loss_is_the_first_part_again_and_ours_is_not() -> None:
    a, b = (torch.from_numpy(clouds(2, seed=s).astype(np.float32))[:, None] for s in (0, 1))
    squared = float((a - b).square().mean())
    assert float(spectral_loss(a, b, "complex")) == pytest.approx(squared, rel=1e-5)  # Parseval
    for kind in ("log", "rings"):
        assert float(spectral_loss(a, b, kind)) != pytest.approx(squared, rel=0.5)


@pytest.mark.parametrize("shape", [(64, 64), (41, 58)])
def test_twice_the_amplitude_is_four_times_the_power_in_every_ring(shape: tuple[int, int]) -> None:
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 1, *shape)).astype(np.float32))
    more = ring_power(2 * image) - ring_power(image)
    np.testing.assert_allclose(more, np.log(4), atol=1e-4)


def fitted(run: Path, method: str = "frerec") -> Recalibration:
    told = RecalibrationSettings(method=method, replacement=ReplacementSettings(radius=0.5, neighbours=5))  # type: ignore[arg-type]
    return Recalibration(told).fit(clouds(12), run, (TINY, SHORT), clouds(4, seed=3))


def test_training_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(tmp_path / "whole")
    fit = Loop.fit
    monkeypatch.setattr(Loop, "fit", lambda self, until=None: (fit(self, 3), (_ for _ in ()).throw(KeyboardInterrupt)))
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "cut")
    monkeypatch.undo()
    again = fitted(tmp_path / "cut")
    made = blurred(clouds(3, seed=7))
    np.testing.assert_array_equal(whole.transform(made), again.transform(made))


@pytest.mark.parametrize("method", ["rhm", "frerec"])
def test_a_trained_model_is_the_same_after_it_was_saved(tmp_path: Path, method: str) -> None:
    model = fitted(tmp_path / "model/network", method)
    model.save(tmp_path / "model")
    made = blurred(clouds(3, seed=7))
    again = np.asarray(Recalibration.load(tmp_path / "model").transform(made))
    np.testing.assert_allclose(again, model.transform(made), atol=2e-3)  # weights are stored in half precision
