r"""Two ways from noise x_0 to an image x_1: a straight line (rectified flow), or an arc of constant variance (diffusion).

Both are indexed by one time t, how far the image is on its way: t = 0 is noise, t = 1 is the image. For diffusion
t = alpha / (alpha + sigma), so that the same t means the same share of image and noise on both, and a point of the arc is one of the
line but for its length: what a network knows of the one it knows of the other. So a diffusion can begin from the weights of a flow, and
either can be drawn from with the samplers of both.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Protocol

import torch
from torch import Tensor

from synthcmr.generators.conditional.spectrum import filtered, spread_of
from synthcmr.generators.sampler import SOLVERS, SamplerSettings, times

Field = Callable[[Tensor, Tensor], Tensor]  # (x_t, t) -> what the network says there
Velocity = Callable[[Tensor], Tensor]  # a point of the straight line -> x_1 - x_0
STEPS = 1000  # of a diffusion
COSINE = {"num_train_timesteps": STEPS, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"}
SCHEDULERS = ("unipc", "dpm++", "ddim", "ddpm")
_IMPORTING = Lock()


class ProbabilityPath(Protocol):
    """How noise becomes an image, and what a network is asked about it."""

    samplers: tuple[str, ...]  # the first is the usual one

    def mix(self, x_0: Tensor, x_1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t, and what the network shall say there."""
        ...

    def field(self, velocity: Velocity, x_t: Tensor, t: Tensor) -> Tensor:
        """That, from the velocity on the straight line."""
        ...

    def noise(self, prediction: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The noise at x_t that follows from what the network says."""
        ...

    def follow(self, field: Field, x_0: Tensor, settings: SamplerSettings) -> Tensor:
        """From noise to image."""
        ...


class LinearPath:
    """x_t = (1 - t) x_0 + t x_1; the network says x_1 - x_0."""

    samplers: tuple[str, ...] = tuple(SOLVERS)

    def mix(self, x_0: Tensor, x_1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t and the velocity."""
        at = t[:, None, None, None]
        return (1 - at) * x_0 + at * x_1, x_1 - x_0

    def field(self, velocity: Velocity, x_t: Tensor, t: Tensor) -> Tensor:
        """The velocity."""
        return velocity(x_t)

    def noise(self, prediction: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """x_0 = x_t - t (x_1 - x_0)."""
        return x_t - t[:, None, None, None] * prediction

    def follow(self, field: Field, x_0: Tensor, settings: SamplerSettings) -> Tensor:
        """A solver of differential equations."""
        return SOLVERS[settings.sampler or self.samplers[0]](
            field, x_0, times(settings.steps, settings.shift, x_0.device)
        )


class VariancePreservingPath:
    """x_t = alpha x_1 + sigma x_0, alpha^2 + sigma^2 = 1, on the cosine schedule; the network says v = alpha x_0 - sigma x_1."""

    samplers: tuple[str, ...] = SCHEDULERS

    def mix(self, x_0: Tensor, x_1: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t and v."""
        at, length = t[:, None, None, None], _length(t)
        alpha, sigma = at / length, (1 - at) / length
        return alpha * x_1 + sigma * x_0, alpha * x_0 - sigma * x_1

    def field(self, velocity: Velocity, x_t: Tensor, t: Tensor) -> Tensor:
        """V = (2 t - 1) x_t - L (x_1 - x_0), where L x_t is the point of the straight line."""
        length = _length(t)
        return (2 * t.float() - 1)[:, None, None, None] * x_t.float() - length * velocity(x_t * length).float()

    def noise(self, prediction: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """x_0 = sigma x_t + alpha v."""
        at, length = t[:, None, None, None], _length(t)
        return (1 - at) / length * x_t + at / length * prediction

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


PATHS: tuple[ProbabilityPath, ...] = (LinearPath(), VariancePreservingPath())


def path_of(sampler: str) -> ProbabilityPath:
    """The path that a sampler follows."""
    return next(path for path in PATHS if sampler in path.samplers)


def wiener_prediction(x_t: Tensor, t: Tensor, spectrum: Tensor) -> tuple[Tensor, Tensor]:
    """The best linear guess of the velocity on the straight line, and the spread of what is left.

    It is (t S - (1 - t)) / (t^2 S + (1 - t)^2) at power S; S / (t^2 S + (1 - t)^2) is left.
    """
    a, b = t.float()[:, None, None, None], (1 - t.float())[:, None, None, None]
    guess = filtered(x_t, spectrum, lambda s: (a * s - b) / (a.square() * s + b.square()))
    left = spectrum / (t.float()[:, None].square() * spectrum + (1 - t.float())[:, None].square())
    return guess, spread_of(left, *x_t.shape[2:])[:, None, None, None]


def _length(t: Tensor) -> Tensor:
    """Of (t, 1 - t): what a point of the straight line is divided by to lie on the arc."""
    return (t.square() + (1 - t).square()).sqrt()[:, None, None, None]


def scheduler_of(name: str, **schedule: Any) -> Any:
    """A scheduler of diffusers.

    Args:
        name: one of `SCHEDULERS`.
        schedule: of the noise, as diffusers names it.
    """
    kind, options = _scheduler_kinds()[name]
    return kind.from_config({**schedule, **options})


def _scheduler_kinds() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Class and options by name. Batches are drawn by several threads, and diffusers' lazy imports are not for several at once."""
    with _IMPORTING:
        import diffusers

        return {
            "dpm++": (diffusers.DPMSolverMultistepScheduler, {"final_sigmas_type": "zero"}),
            "unipc": (diffusers.UniPCMultistepScheduler, {"final_sigmas_type": "zero"}),
            "ddim": (diffusers.DDIMScheduler, {"clip_sample": False, "timestep_spacing": "trailing"}),
            "ddpm": (diffusers.DDPMScheduler, {"clip_sample": False, "timestep_spacing": "trailing"}),
        }


def generators_of(x_0: Tensor) -> list[torch.Generator]:
    """One source of further noise per image, decided by the noise it starts from."""
    seeds = x_0.flatten(1)[:, :2].float().contiguous().cpu().view(torch.int64)[:, 0].tolist()
    return [torch.Generator().manual_seed(seed & (2**63 - 1)) for seed in seeds]
