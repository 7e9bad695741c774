"""Low-rank tuning (Hu et al. 2022): a frozen matrix W becomes W + B A, and only B and A learn."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class LowRank(nn.Module):
    """W -> W + B A, with B zero at the start."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        """Make A and B for a matrix or a kernel.

        Args:
            weight: (out, in, ...).
            rank: rows of A.
        """
        super().__init__()
        out, inner = weight.shape[0], weight[0].numel()
        rank = min(rank, out, inner)
        self.a = nn.Parameter(torch.randn(rank, inner, device=weight.device) / inner**0.5)
        self.b = nn.Parameter(torch.zeros(out, rank, device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        """The tuned weight."""
        return weight + (self.b @ self.a).view(weight.shape)


def tune_low_rank(network: nn.Module, rank: int, whole: tuple[str, ...] = ()) -> None:
    """Freeze a network but for low-rank additions to its matrices and kernels.

    Args:
        network: is changed.
        rank: of the additions.
        whole: beginnings of the names of parts that learn in full.
    """
    frozen = [m for m in network.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    already = {id(p) for p in network.parameters() if not p.requires_grad}  # frozen for another reason: stays so
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(whole) and id(parameter) not in already)
    for module in frozen:
        weight = module.weight
        if parametrize.is_parametrized(module) or weight.requires_grad or id(weight) in already:
            continue
        parametrize.register_parametrization(module, "weight", LowRank(weight.detach(), rank))


def merge_low_rank(network: nn.Module) -> None:
    """Write the additions into the weights, so that the network is an ordinary one again."""
    tuned = [name for name, module in network.named_modules() if isinstance(module, LowRank)]
    for name in tuned:  # ".../parametrizations.weight.0"
        module = network.get_submodule(name.rsplit(".parametrizations.", 1)[0])
        parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
