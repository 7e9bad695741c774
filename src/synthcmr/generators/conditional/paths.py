r"""Two ways from noise x_0 to an image x_1: a straight line (rectified flow), or an arc of constant variance (diffusion).

Both are told by one time t, how far the image is on its way: t = 0 is noise, t = 1 is the image. For diffusion
t = alpha / (alpha + sigma), so that the same t means the same share of image and noise on both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.spectrum import filtered, spread_of
from synthcmr.generators.sampler import SOLVERS, SamplerSettings, times

Field = Callable[[Tensor, Tensor], Tensor]  # (x_t, t) -> what the network says there
STEPS = 1000  # of a diffusion
COSINE = {"num_train_timesteps": STEPS, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"}
SCHEDULERS = ("dpm++", "unipc", "ddim", "ddpm")


class Path(Protocol):
    """How noise becomes an image, and what a network is asked about it."""

    samplers: tuple[str, ...]  # the first is the usual one

    def mix(self, x_0: Tensor, x_1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t, and what the network shall say there."""
        ...

    def guess(self, x_t: Tensor, t: Tensor, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """The best linear guess of that, and the spread of what is left."""
        ...

    def follow(self, field: Field, x_0: Tensor, settings: SamplerSettings) -> Tensor:
        """From noise to image."""
        ...


class Straight:
    """x_t = (1 - t) x_0 + t x_1; the network says x_1 - x_0."""

    samplers: tuple[str, ...] = tuple(SOLVERS)

    def mix(self, x_0: Tensor, x_1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t and the velocity."""
        at = t[:, None, None, None]
        return (1 - at) * x_0 + at * x_1, x_1 - x_0

    def guess(self, x_t: Tensor, t: Tensor, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """(t S - (1 - t)) / (t^2 S + (1 - t)^2) at power S; S / (t^2 S + (1 - t)^2) is left."""
        return _linear(x_t, spectrum, t, 1 - t, lambda s, a, b: a * s - b)

    def follow(self, field: Field, x_0: Tensor, settings: SamplerSettings) -> Tensor:
        """A solver of differential equations."""
        return SOLVERS[settings.sampler or self.samplers[0]](
            field, x_0, times(settings.steps, settings.shift, x_0.device)
        )


class Arc:
    """x_t = alpha x_1 + sigma x_0, alpha^2 + sigma^2 = 1, on the cosine schedule; the network says v = alpha x_0 - sigma x_1."""

    samplers: tuple[str, ...] = SCHEDULERS

    def mix(self, x_0: Tensor, x_1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t and v."""
        alpha, sigma = (value[:, None, None, None] for value in _arc(t))
        return alpha * x_1 + sigma * x_0, alpha * x_0 - sigma * x_1

    def guess(self, x_t: Tensor, t: Tensor, spectrum: Tensor) -> tuple[Tensor, Tensor]:
        """Alpha sigma (1 - S) / (alpha^2 S + sigma^2) at power S; S / (alpha^2 S + sigma^2) is left."""
        alpha, sigma = _arc(t)
        return _linear(x_t, spectrum, alpha, sigma, lambda s, a, b: a * b * (1 - s))

    def follow(self, field: Field, x_0: Tensor, settings: SamplerSettings) -> Tensor:
        """A scheduler of diffusers."""
        scheduler = scheduler_of(settings.sampler or self.samplers[0], **COSINE)
        scheduler.set_timesteps(settings.steps)
        kept = scheduler.alphas_cumprod.sqrt(), (1 - scheduler.alphas_cumprod).sqrt()
        rest = {"generator": generators_of(x_0)} if settings.sampler == "ddpm" else {}
        x = x_0.float()
        for step in scheduler.timesteps:
            alpha, sigma = (float(value[int(step)]) for value in kept)
            t = torch.full((len(x),), alpha / (alpha + sigma), device=x.device)
            x = scheduler.step(field(x, t).float(), step, x, **rest).prev_sample
        return x


def check_sampler(settings: SamplerSettings, path: Path, family: str) -> None:
    """Refuse samplers of the other path.

    Raises:
        SettingsError: it is one.
    """
    if settings.sampler is not None and settings.sampler not in path.samplers:
        raise SettingsError(f"--sampler: family '{family}' takes {', '.join(path.samplers)}; got '{settings.sampler}'")


def _linear(
    x_t: Tensor, spectrum: Tensor, share: Tensor, noise: Tensor, above: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """The linear filter above(S) / (share^2 S + noise^2), and the spread of what is left."""
    a, b = (value.float()[:, None, None, None] for value in (share, noise))
    guess = filtered(x_t, spectrum, lambda s: above(s, a, b) / (a.square() * s + b.square()))
    left = spectrum / (share.float()[:, None].square() * spectrum + noise.float()[:, None].square())
    return guess, spread_of(left, *x_t.shape[2:])[:, None, None, None]


def _arc(t: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha and sigma of variance 1 with t = alpha / (alpha + sigma)."""
    length = (t.square() + (1 - t).square()).sqrt()
    return t / length, (1 - t) / length


def scheduler_of(name: str, **schedule: Any) -> Any:
    """A scheduler of diffusers.

    Args:
        name: one of `SCHEDULERS`.
        schedule: of the noise, as diffusers names it.
    """
    import diffusers

    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "dpm++": (diffusers.DPMSolverMultistepScheduler, {"final_sigmas_type": "zero"}),
        "unipc": (diffusers.UniPCMultistepScheduler, {"final_sigmas_type": "zero"}),
        "ddim": (diffusers.DDIMScheduler, {"clip_sample": False, "timestep_spacing": "trailing"}),
        "ddpm": (diffusers.DDPMScheduler, {"clip_sample": False, "timestep_spacing": "trailing"}),
    }
    kind, options = kinds[name]
    return kind.from_config({**schedule, **options})


def generators_of(x_0: Tensor) -> list[torch.Generator]:
    """One source of further noise per image, decided by the noise it starts from."""
    seeds = x_0.flatten(1)[:, :2].float().contiguous().cpu().view(torch.int64)[:, 0].tolist()
    return [torch.Generator().manual_seed(seed & (2**63 - 1)) for seed in seeds]
