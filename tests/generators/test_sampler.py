"""Samplers against closed forms: for Gaussian data the velocity of the rectified flow is known."""

import numpy as np
import pytest
import torch
from torch import Tensor

from synthcmr.generators.sampler import SOLVERS, adams, euler, guided, heun, times

MEAN, SD = 2.0, 0.5


def velocity(x: Tensor, t: Tensor) -> Tensor:
    """E[x_1 - x_0 | x_t] for x_0 ~ N(0, 1), x_1 ~ N(MEAN, SD^2)."""
    at = t.view(-1, 1, 1, 1)
    variance = (1 - at) ** 2 + at**2 * SD**2
    residual = (x - at * MEAN) / variance
    return MEAN + (at * SD**2 - (1 - at)) * residual


def exact(x_0: Tensor) -> Tensor:
    """The flow of that velocity moves quantiles to quantiles."""
    return MEAN + SD * x_0


@pytest.fixture
def x_0() -> Tensor:
    return torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("name", list(SOLVERS))
def test_samplers_reach_the_data(name: str, x_0: Tensor) -> None:
    x_1 = SOLVERS[name](velocity, x_0, times(1000, 1.0, x_0.device).double())
    assert torch.allclose(x_1, exact(x_0), atol=5e-3)


@pytest.mark.parametrize(("solver", "order"), [(euler, 1), (adams, 2), (heun, 2)])
def test_errors_fall_with_the_order_of_the_method(solver: object, order: int, x_0: Tensor) -> None:
    errors = [
        float((solver(velocity, x_0, times(n, 1.0, x_0.device).double()) - exact(x_0)).abs().max())
        for n in (20, 40, 80)
    ]  # type: ignore[operator]
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert rates[-1] > order - 0.35


def test_times_run_from_noise_to_image_and_a_shift_lingers_at_noise() -> None:
    plain, shifted = (times(10, s, torch.device("cpu")) for s in (1.0, 3.0))
    assert plain[0] == shifted[0] == 0
    assert plain[-1] == shifted[-1] == 1
    assert bool((shifted[1:-1] < plain[1:-1]).all())


def test_guidance_of_one_is_the_asked_velocity_and_rescale_keeps_its_spread() -> None:
    asked, without = torch.randn(2, 2, 1, 16, 16).unbind(0)
    assert torch.allclose(guided(asked, without, 1.0, 0.0), asked, atol=1e-6)
    strong = guided(asked, without, 4.0, 1.0)
    assert torch.allclose(strong.std(dim=(1, 2, 3)), asked.std(dim=(1, 2, 3)), rtol=1e-4)
