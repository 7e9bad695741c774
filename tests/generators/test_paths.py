"""The two ways from noise to image, against closed forms."""

import subprocess
import sys

import pytest
import torch

from synthcmr.generators.conditional.noise_paths import (
    LinearPath,
    ProbabilityPath,
    VariancePreservingPath,
    wiener_prediction,
)
from synthcmr.generators.conditional.spectrum import BINS, power
from synthcmr.generators.sampler import SamplerSettings

PATHS = {"straight": LinearPath(), "arc": VariancePreservingPath()}


@pytest.fixture(params=sorted(PATHS))
def path(request: pytest.FixtureRequest) -> ProbabilityPath:
    return PATHS[str(request.param)]


@pytest.mark.parametrize("k", range(4))
def test_the_best_linear_guess_alone_turns_noise_into_gaussian_images(path: ProbabilityPath, k: int) -> None:
    """For Gaussian images nothing is left to the network: the path multiplies each frequency of the noise by the root of their power."""
    if k >= len(path.samplers):
        pytest.skip("this path has fewer samplers")
    sampler = path.samplers[k]
    steps = 500 if sampler == "ddpm" else 100
    spectrum = torch.linspace(2.0, -3.0, BINS).exp()
    x_0 = torch.randn(64, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    settings = SamplerSettings(sampler=sampler, steps=steps)

    def guessed(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return path.field(lambda line: wiener_prediction(line, t, spectrum)[0], x, t)

    x_1 = path.follow(guessed, x_0, settings)
    assert power(x_0).mean() == pytest.approx(1.0, rel=0.05)
    held = slice(2, 40)  # the first ring is one frequency, the last are corners of the plane
    expected = spectrum if sampler == "ddpm" else spectrum * power(x_0)
    assert torch.allclose(power(x_1)[held].log(), expected[held].log(), atol=0.25 if sampler == "ddpm" else 0.1)


def test_the_spread_of_what_is_left_is_that_of_the_error_of_the_guess() -> None:
    rng = torch.Generator().manual_seed(1)
    smooth = torch.nn.functional.avg_pool2d(torch.randn(400, 1, 36, 36, generator=rng), 5, 1)
    images = smooth / smooth.std()
    for when in (0.0, 0.1, 0.5, 0.9):
        noise, t = torch.randn(images.shape, generator=rng), torch.full((len(images),), when)
        x_t, target = LinearPath().mix(noise, images, t)
        guess, spread = wiener_prediction(x_t, t, power(images))
        assert float((target - guess).std()) == pytest.approx(float(spread[0]), rel=0.1)


def test_both_paths_show_the_same_share_of_image_and_noise_at_the_same_time() -> None:
    one, zero, t = torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4), torch.tensor([0.3])
    shares = [float((p.mix(zero, one, t)[0] / p.mix(one, zero, t)[0]).mean()) for p in PATHS.values()]
    assert shares == pytest.approx([0.3 / 0.7] * 2)


def test_a_field_that_knows_image_and_noise_says_what_either_path_asks(path: ProbabilityPath) -> None:
    rng = torch.Generator().manual_seed(2)
    x_0, x_1 = torch.randn(2, 3, 1, 8, 8, generator=rng)
    t = torch.tensor([0.01, 0.4, 0.98])
    x_t, target = path.mix(x_0, x_1, t)
    on_the_line, _ = LinearPath().mix(x_0, x_1, t)

    def velocity(x: torch.Tensor) -> torch.Tensor:
        assert torch.allclose(x, on_the_line, atol=1e-5)
        return x_1 - x_0

    assert torch.allclose(path.field(velocity, x_t, t), target, atol=1e-5)


TWO_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from synthcmr.generators.conditional.noise_paths import COSINE, scheduler_of
together = Barrier(2)
def ask(name):
    together.wait()
    return type(scheduler_of(name, **COSINE)).__name__
with ThreadPoolExecutor(2) as threads:
    print(*threads.map(ask, ["unipc", "ddpm"]))
"""


def test_two_threads_of_a_new_process_get_their_schedulers() -> None:
    found = subprocess.run([sys.executable, "-c", TWO_AT_ONCE], capture_output=True, text=True, check=False)
    assert found.stdout.split() == ["UniPCMultistepScheduler", "DDPMScheduler"], found.stderr
