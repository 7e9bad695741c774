"""Several processes that train together: who goes first where all would write the same file."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from synthcmr.errors import SettingsError

if TYPE_CHECKING:
    from accelerate import Accelerator

    from synthcmr.training.settings import LoopSettings


def on_cpu() -> bool:
    """Whether there is nothing but the CPU; accelerate joins processes on CPUs only where it is told so."""
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
