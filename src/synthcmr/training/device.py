"""Where networks compute, and the memory that they take there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthcmr.cohort.parallel import cores

if TYPE_CHECKING:
    import torch

PER_CARD = 4  # processes: each holds some hundred megabytes of a card before its network does


def best_device() -> torch.device:
    """The first CUDA card, where there is one. `CUDA_VISIBLE_DEVICES=` (empty) hides cards, as it does everywhere."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def networks_at_once() -> int:
    """Processes that compute networks beside each other: one a core, or a few a card, as they share its memory."""
    import torch

    cards = torch.cuda.device_count()
    return min(cores(), PER_CARD * cards) if cards else cores()


def peak_memory_mb(device: torch.device) -> int | None:
    """Most memory that was held so far: of the card, or of this process; None where the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device) / 2**20)
    try:
        import resource
    except ImportError:  # Windows
        return None
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
