"""Training on a SLURM cluster through submitit; the job runs the same command."""

import subprocess
import sys
from pathlib import Path

from synthcmr.errors import SettingsError

HOURS = 24


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
    executor.update_parameters(slurm_partition=partition, timeout_min=HOURS * 60, gpus_per_node=1, tasks_per_node=1)
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
