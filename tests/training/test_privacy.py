"""Differential privacy: the unit, the accounts, and what is refused."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.generators.fingerprints import NAME
from synthcmr.generators.flow import FlowGenerator
from synthcmr.generators.latent import LatentGenerator
from synthcmr.training.loop import Progress
from synthcmr.training.privacy import check_private, clipped_sum, promise
from synthcmr.training.run_folder import CHECKPOINT, WEIGHTS, load_checkpoint
from synthcmr.training.secret_noise import Secret, grid_of
from synthcmr.training.settings import PrivacySettings, read_privacy
from synthcmr.training.weights import read_header
from tests.generators.making import FAMILIES, LOOP, TINY

PRIVATE = LOOP.model_copy(update={"dp": PrivacySettings(epsilon=8.0, subjects=4, slices=2)})


def losses(network: nn.Module, people: list[Tensor]) -> list[Callable[[], Tensor]]:
    return [partial(lambda x: network(x).square().mean() * 100, x) for x in people]


def test_one_subject_more_changes_the_sum_by_at_most_the_clipping_norm() -> None:
    """The unit of privacy is the subject, however many slices it brings."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
    parameters = list(network.parameters())
    people = [torch.randn(slices, 5) * 10 for slices in (1, 20, 3, 7)]
    for clip in (0.1, 1.0):
        full, _ = clipped_sum(parameters, losses(network, people), clip)
        for k in range(len(people)):
            without, _ = clipped_sum(parameters, losses(network, people[:k] + people[k + 1 :]), clip)
            change = torch.cat([(a - b).flatten() for a, b in zip(full, without, strict=True)])
            assert float(change.norm()) <= clip * (1 + 1e-4)


def test_short_gradients_are_left_as_they_are() -> None:
    network = nn.Linear(3, 1)
    people = [torch.randn(4, 3) for _ in range(3)]
    total, longer = clipped_sum(list(network.parameters()), losses(network, people), 1e9)
    expected = torch.autograd.grad(sum(f() for f in losses(network, people)), list(network.parameters()))
    assert longer == 0
    for found, wanted in zip(total, expected, strict=True):
        assert torch.allclose(found, wanted, rtol=1e-4)


def noise_of(key: int, step: int = 0, shape: tuple[int, ...] = (200, 200)) -> Tensor:
    total = [torch.zeros(shape)]
    Secret(key).add_noise(total, 2.5, step, 0)
    return total[0]


def test_noise_is_gaussian_with_the_promised_spread_and_the_same_on_every_process() -> None:
    from scipy.stats import kstest

    assert torch.equal(noise_of(7), noise_of(7))
    assert float(noise_of(7).std()) == pytest.approx(2.5, rel=0.02)
    assert kstest((noise_of(7) / 2.5).numpy().ravel(), "norm").pvalue > 0.001


@pytest.mark.parametrize("bit", [0, 31, 32, 63, 64, 127, 255])
def test_every_bit_of_the_key_changes_all_of_the_noise(bit: int) -> None:
    one, other = noise_of(7).ravel(), noise_of(7 ^ (1 << bit)).ravel()
    assert abs(float(torch.corrcoef(torch.stack([one, other]))[0, 1])) < 0.03
    assert Secret(7).taking_part(0, 0, 400, 0.5) != Secret(7 ^ (1 << bit)).taking_part(0, 0, 400, 0.5)


def test_noise_of_different_steps_and_parameters_is_independent() -> None:
    steps = torch.stack([noise_of(7, step).ravel() for step in range(4)])
    assert (torch.corrcoef(steps) - torch.eye(4)).abs().max() < 0.03
    both = [torch.zeros(100, 200), torch.zeros(100, 200)]
    Secret(7).add_noise(both, 1.0, 0, 0)
    assert abs(float(torch.corrcoef(torch.stack([b.ravel() for b in both]))[0, 1])) < 0.03


def test_the_last_bits_of_a_noisy_sum_say_nothing_of_the_sum() -> None:
    values = [torch.full((50, 50), start) for start in (0.0, 1e-9, 0.3)]
    Secret(7).add_noise(values, 1.3, 0, 0)
    for value in values:
        steps = value.double() / grid_of(1.3)
        assert torch.equal(steps, steps.round())


@pytest.mark.parametrize("epsilon", [1.0, 3.0, 10.0])
def test_epsilon_is_what_another_accountant_says(epsilon: float) -> None:
    from dp_accounting import dp_event
    from dp_accounting.rdp import RdpAccountant

    kept = promise(PrivacySettings(epsilon=epsilon, delta=1e-4, subjects=10), people=200, releases=500)
    accountant = RdpAccountant()
    step = dp_event.PoissonSampledDpEvent(kept.q, dp_event.GaussianDpEvent(kept.sigma))
    accountant.compose(dp_event.SelfComposedDpEvent(step, 500))
    other = accountant.get_epsilon(1e-4)
    assert kept.spent(500) - kept.count_epsilon == pytest.approx(other, rel=0.03)
    assert 0.97 * epsilon <= kept.spent(500) <= epsilon + 1e-6
    assert kept.spent(0) == kept.count_epsilon == pytest.approx(0.1 * epsilon)
    assert kept.spent(100) < kept.spent(400) < kept.spent(500)


def test_each_subject_takes_part_by_itself_at_the_promised_rate() -> None:
    secret = Secret(5)
    counts = np.zeros(40)
    for step in range(2000):
        counts[secret.taking_part(step, 0, 40, 0.25)] += 1
    assert np.abs(counts / 2000 - 0.25).max() < 0.05
    assert Secret().key != Secret().key
    assert max(Secret().key for _ in range(20)) > 2**200


def test_a_private_run_states_its_price_and_leaves_no_fingerprints(phantom_cohort: Cohort, tmp_path: Path) -> None:
    generator = FlowGenerator.fit(phantom_cohort, tmp_path / "run", TINY, PRIVATE)
    told = read_header(tmp_path / "run" / WEIGHTS)["privacy"]
    assert told["unit"] == "subject"
    assert told["accountant"] == "rdp"
    assert 0 < told["epsilon"] <= 8.0
    assert told["releases"] == LOOP.steps
    assert generator.facts["privacy"] == told
    assert not (tmp_path / "run" / NAME).exists()
    assert generator.facts["scanners"] == []  # nobody stated any
    assert load_checkpoint(tmp_path / "run" / CHECKPOINT)["privacy"]["key"] is None


def test_a_resumed_private_run_never_reports_less_than_it_spent(phantom_cohort: Cohort, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def stop(progress: Progress) -> None:
        if progress.step == 3:
            raise Killed

    with pytest.raises(Killed):
        FlowGenerator.fit(phantom_cohort, tmp_path / "run", TINY, PRIVATE, stop)
    halfway = load_checkpoint(tmp_path / "run" / CHECKPOINT)
    spent = halfway["privacy"]["spent"]["epsilon"]
    assert halfway["step"] == 2
    resumed = FlowGenerator.fit(phantom_cohort, tmp_path / "run", TINY, PRIVATE)
    told = resumed.facts["privacy"]
    assert told["releases"] == LOOP.steps  # type: ignore[index]
    assert told["epsilon"] > spent > 0  # type: ignore[index]


def test_steps_that_a_resumed_private_run_takes_again_have_the_very_same_noise(
    phantom_cohort: Cohort, tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    def stop_at(step: int) -> Callable[[Progress], None]:
        def stop(progress: Progress) -> None:
            if progress.step == step:
                raise Killed

        return stop

    once, twice, other = tmp_path / "once", tmp_path / "twice", tmp_path / "other"
    with pytest.raises(Killed):
        FlowGenerator.fit(phantom_cohort, once, TINY, PRIVATE, stop_at(3))
    shutil.copytree(once, twice)
    with pytest.raises(Killed):  # takes step 3 once more
        FlowGenerator.fit(phantom_cohort, twice, TINY, PRIVATE, stop_at(3))
    first = FlowGenerator.fit(phantom_cohort, once, TINY, PRIVATE)
    again = FlowGenerator.fit(phantom_cohort, twice, TINY, PRIVATE)
    assert first.hash == again.hash
    # another run has another key, so that the comparison above can fail
    assert FlowGenerator.fit(phantom_cohort, other, TINY, PRIVATE).hash != first.hash


def test_every_family_can_be_trained_with_privacy_or_says_why_not(phantom_cohort: Cohort, tmp_path: Path) -> None:
    from synthcmr.generators.families import family

    loop = PRIVATE.model_copy(update={"steps": 2, "sheet_every": 100})
    for name in ("diffusion", "vae", "gan"):
        kind, model = FAMILIES[name]
        made = family(kind).fit(phantom_cohort, tmp_path / name, model, loop)
        assert made.facts["privacy"]["releases"] == 2 * (2 if name == "gan" else 1)  # type: ignore[index]
    with pytest.raises(SettingsError, match="its first stage first, which would need a budget of its own"):
        LatentGenerator.fit(phantom_cohort, tmp_path / "latent", FAMILIES["latent"][1], loop)


def test_what_cannot_be_private_is_refused() -> None:
    with pytest.raises(SettingsError, match="BatchNorm2d keeps statistics"):
        check_private(nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)))
    with pytest.raises(SettingsError, match="expected epsilon=NUMBER"):
        read_privacy("eps=8")
    with pytest.raises(SettingsError, match="'epsilon'"):
        read_privacy("epsilon=-1")
    assert read_privacy("epsilon=3, delta=1e-5").delta == 1e-5
