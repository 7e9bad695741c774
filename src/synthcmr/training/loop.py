"""The training loop: one for every generator and judge, on a laptop, on several GPUs, or on several machines.

Under `torchrun` (or accelerate's or SLURM's launcher) the same call trains on all processes together.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from synthcmr.privacy.ledger import LedgerEntry
from synthcmr.training.batches import Ahead, Batch, Order, held_out_draws
from synthcmr.training.device import accelerator, images_at_once, peak_memory_mb
from synthcmr.training.kept_weights import BestLook, Ema
from synthcmr.training.privacy import PrivateRun, clipped_sum, private_run
from synthcmr.training.run_folder import (
    CHECKPOINT,
    RunFolder,
    load_checkpoint,
    random_state,
    save_checkpoint,
    set_random_state,
)
from synthcmr.training.settings import LoopSettings
from synthcmr.training.training_task import Trainee

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LOG_EVERY = 10
FLOOR = 0.05  # of the learning rate, at the end
FALL = 0.3  # share of the steps over which a rate that is held falls
HELD_OUT_BATCH = 16
BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class Progress:
    """What a run tells while it goes on."""

    step: int
    steps: int
    loss: float
    held_out: float | None
    seconds_left: float
    part: str = ""  # what comes before the run itself, such as a first stage; empty: the run


Observer = Callable[[Progress], None]


def as_part(observe: Observer | None, part: str) -> Observer | None:
    """An observer that receives which part of a run goes on."""
    if observe is None:
        return None
    return lambda progress: observe(replace(progress, part=part))


class Loop:
    """Trains one model in one run folder; continues where an earlier call, however it ended, left a checkpoint."""

    def __init__(
        self,
        trainee: Trainee,
        settings: LoopSettings,
        run: RunFolder,
        observe: Observer | None = None,
        weights: npt.NDArray[np.float64] | None = None,
        cpu: bool = False,
        keep: Callable[[nn.Module, int], None] | None = None,
        score: Callable[[nn.Module], dict[str, float] | None] | None = None,
    ) -> None:
        """Set everything up, and load the checkpoint where there is one.

        Args:
            trainee: what is trained.
            settings: of the loop.
            run: folder of the run.
            observe: receives how far the run is.
            weights: how often each row is drawn.
            cpu: not on a card.
            keep: is given the averaged network and the step at every checkpoint.
            score: scores samples of the averaged network, at every sheet; a run that is private has none, as no account covers it.
        """
        self._keep = keep
        self._score = score if settings.scored_frames and settings.dp is None else None
        self._best = BestLook(run.path)
        self.trainee, self.settings, self.run, self.observe = trainee, settings, run, observe
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        torch.manual_seed(settings.seed)
        self._accelerator = accelerator(settings, cpu, len(trainee.optimizer_phases))
        self._part = images_at_once(settings, self._accelerator.num_processes)
        self._training_rows, self._held_out_rows = trainee.sizes()
        self._order = Order(self._training_rows, settings.seed, weights)
        self.step = self.step_of_weights = 0
        self._held_out: float | None = None
        self._known: float | None = None
        self._private = private_run(trainee, settings)
        self._prepare()
        self._resume()

    @property
    def privacy(self) -> dict[str, Any] | None:
        """What has been spent so far, where the run is private."""
        if self._private is None:
            return None
        return self._private.promise.statement(self.step * len(self.trainee.optimizer_phases))

    @property
    def mechanisms(self) -> tuple[LedgerEntry, ...]:
        """What the run does to subjects, as a ledger has it; nothing where it is not private."""
        return () if self._private is None else self._private.promise.entries(self._private.token)

    @property
    def main(self) -> bool:
        """Whether this process writes the files."""
        return bool(self._accelerator.is_main_process)

    def fit(self, until: int | None = None) -> nn.Module:
        """Train to the end, or to a step.

        Returns:
            The network with averaged weights; once the run is over those of the best look, where they beat the last ones.
        """
        started, first = time.monotonic(), self.step
        last = min(until or self.settings.steps, self.settings.steps)
        with (
            self.run.lock() if self.main else nullcontext(),
            Ahead(self._making, self.settings.accumulate, last, self._accelerator.device.type != "cpu") as ahead,
        ):
            self._train(ahead, last, started, first)
        if self.step == self.settings.steps and self._score is not None and self.main:
            self.step_of_weights = self._best.restore(self._ema.network, self.run.metrics()) or self.step
        return self._ema.network

    def _train(self, ahead: Ahead, last: int, started: float, first: int) -> None:
        while self.step < last:
            numbers = self._one_step(ahead)
            self.step += 1
            self._ema.update(self._bare, self.step)
            looked, scores = self._look(), self._look_at_samples()
            if self.step % LOG_EVERY == 0 or looked or scores or self.step == last:
                self._tell(numbers, time.monotonic() - started, first, looked, scores)
            elif self.step == first + 1:  # so that no user waits in silence where steps are long
                self._show(numbers, time.monotonic() - started, first)
            if self.step % self.settings.checkpoint_every == 0 or self.step == last:
                self._save()

    def _prepare(self) -> None:
        network = self.trainee.network.to(self._accelerator.device)
        self._bare = network
        self._ema = Ema(network, self.settings.ema)
        self._optimisers = {
            turn: torch.optim.AdamW(
                self.trainee.parameters(turn),
                lr=self.settings.learning_rate,
                weight_decay=self.settings.weight_decay,
                betas=self._wishes(turn).get("betas", BETAS),
            )
            for turn in self.trainee.optimizer_phases
        }
        self._network, *prepared = self._accelerator.prepare(network, *self._optimisers.values())
        self._prepared = dict(zip(self._optimisers, prepared, strict=True))

    def _wishes(self, turn: str) -> dict[str, Any]:
        """How a turn is to be optimised, where the network says so: betas, and rate as a multiple of the learning rate."""
        options: dict[str, Any] = getattr(self.trainee.network, "optimiser", {}).get(turn, {})
        return options

    def _one_step(self, ahead: Ahead) -> dict[str, float]:
        """One optimiser step of every turn, over the whole batch."""
        torch.manual_seed(hash((self.settings.seed, self.step, self._accelerator.process_index)) % 2**31)
        rate = self._rate()
        numbers: dict[str, torch.Tensor] = {}
        for turn, optimiser in self._prepared.items():
            for group in optimiser.param_groups:
                group["lr"] = rate * self._wishes(turn).get("rate", 1.0)
            self._bare.zero_grad(set_to_none=True)  # also what the other turn left behind
            if self._private is not None:
                numbers |= self._private_gradient(turn, self._private)
            else:
                numbers |= self._gradient(turn, ahead)
            optimiser.step()
        return {name: float(self._accelerator.reduce(value, "mean")) for name, value in numbers.items()}

    def _gradient(self, turn: str, ahead: Ahead) -> dict[str, torch.Tensor]:
        """The gradient of a batch, in parts; the numbers to log."""
        numbers: dict[str, torch.Tensor] = {}
        for part in range(self.settings.accumulate):
            batch, last = self._moved(ahead.batch(self.step, part)), part == self.settings.accumulate - 1
            with self._together(last):
                loss, extra = self._network(turn, batch)
                self._accelerator.backward(loss / self.settings.accumulate)
            for name, value in {f"loss_{turn}": loss, **extra}.items():
                numbers[name] = numbers.get(name, 0.0) + value.detach() / self.settings.accumulate
        self._accelerator.clip_grad_norm_(self.trainee.parameters(turn), self.settings.clip_norm)
        return numbers

    def _private_gradient(self, turn: str, private: PrivateRun) -> dict[str, torch.Tensor]:
        """The noisy sum of the clipped gradients of the subjects that take part, over how many do on average."""
        parameters = self.trainee.parameters(turn)
        which, mechanism = self.trainee.optimizer_phases.index(turn), private.promise
        chosen = private.secret.taking_part(self.step, which, len(private.rows), mechanism.q)
        mine = chosen[self._accelerator.process_index :: self._accelerator.num_processes]
        seen: list[torch.Tensor] = []

        def loss_of(person: int) -> torch.Tensor:
            source = private.secret.image_source(self.step, which, person)
            batch = self._moved(self.trainee.batch(private.draws(person, source)))
            with self._accelerator.autocast():
                loss: torch.Tensor = self._bare(turn, batch)[0]
            seen.append(loss.detach().float())
            return loss

        total, longer = clipped_sum(parameters, [partial(loss_of, person) for person in mine], mechanism.clip)
        total = [self._accelerator.reduce(value, "sum") for value in total]
        private.secret.add_noise(total, mechanism.sigma * mechanism.clip, self.step, which)
        for parameter, value in zip(parameters, total, strict=True):
            parameter.grad = (value / (mechanism.q * mechanism.people)).to(parameter.dtype)
        device = self._accelerator.device
        return {
            f"loss_{turn}": torch.stack(seen).mean() if seen else torch.zeros((), device=device),
            f"clipped_{turn}": torch.tensor(longer / max(len(mine), 1), device=device),
        }

    def _together(self, last: bool) -> AbstractContextManager[Any]:
        """Processes exchange gradients after the last part of a step alone."""
        return nullcontext() if last else self._accelerator.no_sync(self._network)

    def _making(self, step: int, part: int) -> Callable[[], Batch]:
        """What makes a part of this process's share of a step's batch; its draws are taken at once, as they come in order."""
        start = (self._accelerator.process_index * self.settings.accumulate + part) * self._part
        draws = list(self._order.draws(step, self.settings.batch, range(start, start + self._part)))
        return partial(self.trainee.batch, draws)

    def _moved(self, batch: Batch) -> Batch:
        device = self._accelerator.device
        return {k: v.to(device, non_blocking=True) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}

    def _rate(self) -> float:
        s = self.settings
        if self.step < s.warmup:
            return s.learning_rate * (self.step + 1) / s.warmup
        done = (self.step - s.warmup) / max(s.steps - s.warmup, 1)
        left = min(1.0, (1 - done) / FALL) if s.schedule == "hold" else 0.5 * (1 + math.cos(math.pi * done))
        return s.learning_rate * (FLOOR + (1 - FLOOR) * left)

    def _look(self) -> bool:
        """Held-out loss and sheets, when they are due."""
        s = self.settings
        due = self.step % s.held_out_every == 0 or self.step == s.steps
        if due and self._held_out_rows:
            self._held_out = self._loss_on(self._held_out_rows, held_out=True)
            if self._private is None:  # whose training images are not read outside of the accounts
                self._known = self._loss_on(self._training_rows, held_out=False)
        if self.main and (self.step % s.sheet_every == 0 or self.step == s.steps):
            self._sheet()
        return due and self._held_out_rows > 0

    def _look_at_samples(self) -> dict[str, float] | None:
        """Samples scored, when they are due; the averaged weights of the best look are kept."""
        due = self.step % self.settings.sheet_every == 0 or self.step == self.settings.steps
        if self._score is None or not due or not self.main:
            return None
        state = random_state()  # samples have seeds of their own, yet no draw of a scorer may shift what is learned
        scores = self._score(self._ema.network)
        set_random_state(state)
        if scores is not None:
            self._best.keep(self._ema.network, self.step, scores)
        return scores

    @torch.no_grad()
    def _loss_on(self, rows: int, held_out: bool) -> float:
        """Loss of the averaged weights on some held-out, or training, images; the same ones at every look."""
        draws = held_out_draws(rows, self.settings.held_out_images, self.settings.seed)
        mine = draws[self._accelerator.process_index :: self._accelerator.num_processes]
        total = torch.zeros(2, device=self._accelerator.device)
        for k in range(0, len(mine), HELD_OUT_BATCH):
            part = mine[k : k + HELD_OUT_BATCH]
            with self._accelerator.autocast():
                loss, _ = self._ema.network(
                    self.trainee.optimizer_phases[-1], self._moved(self.trainee.batch(part, held_out=held_out))
                )
            total += torch.stack([loss.float() * len(part), torch.tensor(float(len(part)), device=total.device)])
        total = self._accelerator.reduce(total, "sum")
        return float(total[0] / total[1])

    def _sheet(self) -> None:
        show = getattr(self.trainee, "sheet", None)
        if show is None:
            return
        from PIL import Image

        with self._accelerator.autocast():
            picture = show(self._ema.network)
        file = self.run.path / "sheets" / f"step_{self.step:06d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((picture.clip(0, 1) * 255).astype("uint8")).save(file)

    def _tell(
        self, numbers: dict[str, float], seconds: float, first: int, looked: bool, scores: dict[str, float] | None
    ) -> None:
        if not self.main:
            return
        entry: dict[str, Any] = {
            "step": self.step,
            **numbers,
            "learning_rate": self._rate(),
            "seconds": round(seconds, 1),
            "peak_mb": peak_memory_mb(self._accelerator.device),
        }
        if looked:
            entry["held_out"] = self._held_out
            if self._known is not None:
                entry["known"] = self._known
        if scores:
            entry["samples"] = scores
        self.run.log(entry)
        self._show(numbers, seconds, first)

    def _show(self, numbers: dict[str, float], seconds: float, first: int) -> None:
        if self.observe is not None and self.main:
            per_step = seconds / (self.step - first)
            loss = numbers[f"loss_{self.trainee.optimizer_phases[-1]}"]
            left = per_step * (self.settings.steps - self.step)
            self.observe(Progress(self.step, self.settings.steps, loss, self._held_out, left))

    def _save(self) -> None:
        self._accelerator.wait_for_everyone()
        if not self.main:
            return
        state = {
            "step": self.step,  # also the position in the data: see draws.py
            "network": self._bare.state_dict(),
            "ema": self._ema.network.state_dict(),
            "optimisers": {turn: optimiser.state_dict() for turn, optimiser in self._optimisers.items()},
            "random": random_state(),
            "scaler": None if self._accelerator.scaler is None else self._accelerator.scaler.state_dict(),
            "held_out": self._held_out,
            "privacy": self._private_state(),
            "record": self.run.record() if self.run.exists() else {},
        }
        save_checkpoint(self.run.path / CHECKPOINT, state)
        if self._keep is not None:
            self._keep(self._ema.network, self.step)

    def _share_key(self) -> None:
        """All processes take the key of the first."""
        if self._private is not None and self._accelerator.num_processes > 1:
            from accelerate.utils import broadcast_object_list

            self._private = self._private.with_key(broadcast_object_list([self._private.secret.key])[0])

    def _private_state(self) -> dict[str, Any] | None:
        """Accounts and key of a private run; no key once it is over."""
        if self._private is None:
            return None
        return self._private.state(self.step * len(self.trainee.optimizer_phases), self.step == self.settings.steps)

    def _resume(self) -> None:
        file = self.run.path / CHECKPOINT
        if not file.exists():
            self._forget_after(0)
            if self._private is not None:  # so that every later start takes the same steps with the same noise
                self._share_key()
                self._save()
            return
        state = load_checkpoint(file)
        self._bare.load_state_dict(state["network"])
        self._ema.network.load_state_dict(state["ema"])
        for turn, optimiser in self._optimisers.items():
            optimiser.load_state_dict(state["optimisers"][turn])
        if self._accelerator.scaler is not None and state["scaler"]:
            self._accelerator.scaler.load_state_dict(state["scaler"])
        set_random_state(state["random"])
        self.step, self._held_out = state["step"], state["held_out"]
        if self._private is not None:
            self._private = self._private.resumed(state["privacy"])
        self._forget_after(self.step)

    def _forget_after(self, step: int) -> None:
        """What an earlier start left of steps that will be taken again."""
        if self.main:
            self.run.forget_after(step)
            self._best.forget_after(step)
