"""The gradient of a private step before its noise: one clipped gradient per subject, summed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from synthcmr.errors import SettingsError

MIXING = (nn.modules.batchnorm._BatchNorm, nn.SyncBatchNorm)


def check_private(network: nn.Module) -> None:
    """Refuse layers that remember or mix subjects outside of the gradient.

    Raises:
        SettingsError: the network has some.
    """
    found = sorted({type(m).__name__ for m in network.modules() if isinstance(m, MIXING)})
    if found:
        raise SettingsError(
            f"--dp: {', '.join(found)} keeps statistics of the images beside the gradient, which no noise covers; "
            "use a family without it (flow, diffusion, latent, vae, gan)"
        )


def clipped_sum(
    parameters: Sequence[nn.Parameter], losses: Iterable[Callable[[], Tensor]], clip: float
) -> tuple[list[Tensor], int]:
    """The sum of the subjects' gradients, each scaled down to the clipping norm where it exceeds it.

    Args:
        parameters: what is learned.
        losses: computes the loss of one subject, over all of its images that take part.
        clip: the norm.

    Returns:
        The sum, parameter by parameter, and how many subjects were longer than the norm.
    """
    total = [torch.zeros_like(p, dtype=torch.float32) for p in parameters]
    longer = 0
    for loss in losses:
        found = torch.autograd.grad(loss(), parameters, allow_unused=True)
        gradient = [torch.zeros_like(t) if g is None else g.float() for g, t in zip(found, total, strict=True)]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradient]))
        if not torch.isfinite(norm):
            continue  # a subject whose gradient overflows has no say
        longer += int(norm > clip)
        torch._foreach_add_(total, gradient, alpha=float((clip / (norm + 1e-12)).clamp(max=1.0)))
    return total, longer
