"""Several processes that train together: who goes first where all would write the same file."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any


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
