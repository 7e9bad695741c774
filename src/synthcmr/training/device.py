"""Where networks compute: a card or a CPU, several processes that train together, or the nodes of a SLURM cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from synthcmr.cohort.parallel import cores
from synthcmr.errors import SettingsError

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from torch import Tensor, nn

    from synthcmr.training.settings import LoopSettings


PER_CARD = 4  # processes: each holds some hundred megabytes of a card before its network does
M = TypeVar("M", bound="nn.Module")
SLURM_HOURS = 24


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


def channels_last(module: M) -> M:
    """Bring a network's kernels to channels-last layout."""
    import torch

    laid_out: M = cast(Any, module).to(memory_format=torch.channels_last)
    return laid_out


def channels_last_batch(batch: Tensor) -> Tensor:
    """Bring a batch of images to channels-last layout."""
    import torch

    return batch.contiguous(memory_format=torch.channels_last)


def on_cpu() -> bool:
    """Whether there is nothing but the CPU; accelerate joins processes on CPUs only where it is set to."""
    import torch

    return not (torch.cuda.is_available() or torch.backends.mps.is_available())


def main_first() -> AbstractContextManager[Any]:
    """The main process runs the block before the others do; alone it simply runs."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return nullcontext()
    from accelerate import PartialState

    return PartialState(cpu=on_cpu()).main_process_first()


def accelerator(settings: LoopSettings, cpu: bool, turns: int) -> Accelerator:
    """What moves networks and batches to where they are computed, in the precision that is set."""
    from accelerate import Accelerator, DistributedDataParallelKwargs
    from accelerate.state import AcceleratorState

    kind = "no" if settings.precision == "fp32" else settings.precision
    # accelerate remembers the first precision of a process; another run in it may want another
    AcceleratorState._reset_state()
    # where losses take turns, each leaves a part of the network out
    handlers = [DistributedDataParallelKwargs(find_unused_parameters=turns > 1)]
    return Accelerator(mixed_precision=kind, cpu=cpu or on_cpu(), kwargs_handlers=handlers)


def images_at_once(settings: LoopSettings, processes: int) -> int:
    """Images that one process puts through the network at once."""
    parts = processes * settings.accumulate
    if settings.batch % parts:
        raise SettingsError(
            f"batch: expected a multiple of {parts} ({processes} process(es) x {settings.accumulate} accumulated parts), "
            f"got {settings.batch}"
        )
    return settings.batch // parts


def submit(partition: str, run: Path, words: list[str]) -> str:
    """Submit the command; it is requeued and continues from its checkpoint when time runs out.

    Raises:
        SettingsError: submitit is not installed.
    """
    try:
        import submitit
    except ImportError as error:
        raise SettingsError("--slurm: needs submitit; pip install 'synthcmr[cluster]'") from error
    executor = submitit.AutoExecutor(folder=run.parent / f"{run.name}-slurm")
    executor.update_parameters(
        slurm_partition=partition, timeout_min=SLURM_HOURS * 60, gpus_per_node=1, tasks_per_node=1
    )
    job = executor.submit(Job(words))
    return f"submitted job {job.job_id}; its log: {run.parent / f'{run.name}-slurm'}"


class Job:
    """What a node runs. Checkpoints belong to the run folder, so that a requeued job only starts the command again."""

    def __init__(self, words: list[str]) -> None:
        """Keep the command."""
        self.words = words

    def __call__(self) -> int:
        """Run the command on all GPUs of the node."""
        import torch

        several = torch.cuda.device_count() > 1
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={torch.cuda.device_count()}"]
        command = [sys.executable, *(launcher if several else []), "-m", "synthcmr", *self.words]
        return subprocess.run(command, check=True).returncode

    def checkpoint(self) -> object:
        """What submitit does when the time limit nears."""
        import submitit

        return submitit.helpers.DelayedSubmission(Job(self.words))
