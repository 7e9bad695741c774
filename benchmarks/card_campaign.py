"""Training campaign for a machine with one card that is lent for a short time, in slices that go on from one another.

    python -m benchmarks.card_campaign --out slice1 --minutes 8.5
    python -m benchmarks.card_campaign --from slice1 --out slice2 --minutes 8.5
    python -m benchmarks.card_campaign --out trial --tiny --steps 20        the whole of it on a CPU

A slice makes the phantoms on all cores (their seed decides them, so that they need not travel), trains `refine`, then every other
family, and stops when its minutes are over. Each run has a share of the --total minutes of all slices, from which its steps follow
once, by a trial. Every minute --out is written anew: at most eight files of less than 15 MiB (`benchmarks/campaign_files.py`).

Images lie on the card, masks as bytes; batches are made there, in bf16 by a compiled network. `manifest.json` says of each run how many
images a second it learned from, and which share of the machine's own bf16 matrix products that is.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.campaign_files import restore, save
from synthcmr.cohort import Cohort
from synthcmr.cohort.joining import join_cohorts
from synthcmr.cohort.parallel import cores
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.config import PreprocessSettings
from synthcmr.evaluation.sample_scores import sample_scores
from synthcmr.generators.conditional.training_task import ResidentTrainee
from synthcmr.generators.conditional.warm_start import PHANTOM, start_file, started
from synthcmr.generators.families import family
from synthcmr.generators.refine.training_task import ResidentRefineTrainee
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.training.device import best_device
from synthcmr.training.loop import Progress
from synthcmr.training.run_folder import RUN_FILE, WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.verdict import verdict

# run -> family, and what differs from its preset; a start that names no weights that ship is an earlier run
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "refine": ("refine", {}),
    "flow": ("flow", {}),
    "few-step": ("few-step", {"start": "flow"}),
    "vae": ("vae", {}),
    "gan": ("gan", {"start": "vae"}),
    "latent": ("latent", {}),
    "diffusion": ("diffusion", {"start": PHANTOM}),
    "controlnet": ("diffusion", {"start": PHANTOM, "mask": "controlnet"}),
}
NET = {"channels": (32, 32), "attention": (False, True), "head_channels": 16, "token_width": 16, "planes": 4}
SPADE = {
    "channels": (16, 16, 16, 16),
    "encoder": (16, 16, 16),
    "token_width": 16,
    "label_channels": 8,
    "latent_channels": 2,
}
FLOW = {**NET, "patch": 4}
TINY: dict[str, dict[str, Any]] = {
    "refine": {"channels": (16, 16, 16), "fine": 8, "token_width": 16, "crop": 48},
    "flow": FLOW,
    "few-step": FLOW,
    "vae": SPADE,
    "gan": {**SPADE, "judge_channels": 8, "judge_layers": 2},
    "latent": {**FLOW, "first_channels": (16, 16), "latent_channels": 4},
    "diffusion": {**NET, "start": None},
    "controlnet": {**NET, "start": None},
}
SAVE_EVERY_S, CHECKPOINT_EVERY_S = 60.0, 10.0
TRIAL, WARM = 60, 20  # steps of a trial, and those of them that are not timed
LOOKS, TINY_LOOKS = 12, 4  # at samples and held-out loss, of a run
TINY_SUBJECTS = 10  # of which one is held out
MATRIX = {"cuda": 8192, "cpu": 768}


class TimeIsUpError(Exception):
    """A slice is over."""


class Clock:
    """When a slice is over, and when its files are due."""

    def __init__(self, minutes: float) -> None:
        """Start."""
        self._end, self._next = time.monotonic() + 60 * minutes, time.monotonic() + SAVE_EVERY_S

    def over(self) -> bool:
        """Whether the slice is over."""
        return time.monotonic() > self._end

    def due(self) -> bool:
        """Whether files are due; once a minute."""
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + SAVE_EVERY_S
        return True


@dataclass
class Campaign:
    """What is trained where, and what was told of it so far."""

    work: Path
    out: Path
    clock: Clock
    names: tuple[str, ...]
    total_minutes: float
    refine_share: float
    preset: str
    tiny: bool = False
    steps: int | None = None
    subjects: int = 400
    cohort: Path | None = None
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> Path:
        """Folder of the runs. It must have the same path in every slice: runs that begin from others name them."""
        return self.work / "runs"

    def go(self) -> bool:
        """Train until everything is done, or time is up.

        Returns:
            Whether everything is done.
        """
        self.told |= {"device": device_name(), "matrix_tflops": round(matrix_rate() / 1e12, 3)}
        try:
            data = self._data()
            for name in self.names:
                if not (self.runs / name / WEIGHTS).exists():
                    self._train(name, data)
                    self._keep()
        except TimeIsUpError:
            self._keep()
            return False
        return True

    def _data(self) -> Cohort:
        """Phantoms, and beside them a cohort of people where one was given."""
        began, done_before = time.monotonic(), [0]

        def progress(done: int, total: int, _: str) -> None:
            if self.clock.over():
                raise TimeIsUpError
            done_before[0] += 1
            if self.clock.due():
                self._keep()

        grid = PreprocessSettings(spacing_mm=3.0, size=64) if self.tiny else None
        phantoms = finished(self.work / "phantoms") or make_phantoms(
            self.work / "phantoms",
            "varied",
            self.subjects,
            seed=22,
            preprocess=grid,
            workers=cores(),
            progress=progress,
        )
        if done_before[0]:
            rate = done_before[0] / (time.monotonic() - began)
            self.told["phantoms"] = {"subjects": self.subjects, "a_second": round(rate, 2), "cores": cores()}
        if self.cohort is None:
            return phantoms
        both = self.work / "both"
        return finished(both) or join_cohorts(both, [Cohort.open(self.cohort), phantoms])

    def _train(self, name: str, data: Cohort) -> None:
        """One run, from nothing or from where it was cut short."""
        kind, model, loop = self._chosen(name)
        loop = self._planned(name, partial(kind.fit, data), model, loop)
        seen: list[tuple[int, float]] = []

        def observe(progress: Progress) -> None:
            if not progress.part:
                seen.append((progress.step, time.monotonic()))
                self._tell(name, loop, seen)
            if self.clock.due():
                self._keep()
            if self.clock.over():
                raise TimeIsUpError

        kind.fit(data, self.runs / name, model, loop, observe, sample_scores)
        judged = verdict(RunFolder(self.runs / name).metrics())
        self._of(name)["verdict"] = None if judged is None else judged.sentence
        print(f"{name}: {json.dumps(self._of(name))}", flush=True)

    def _chosen(self, name: str) -> tuple[type[Any], Any, LoopSettings]:
        """Family, on images that lie on the card, with the settings of its network and of its training."""
        known, changes = RUNS[name]
        base = family(known)
        trainee = ResidentRefineTrainee if known == "refine" else ResidentTrainee
        kind = type(f"Resident{base.__name__}", (base,), {"trainee_kind": trainee})
        preset = self.preset if known == "refine" and not self.tiny else "cpu"
        model, loop = base.settings(preset)
        values = model.model_dump() | (TINY[name] if self.tiny else {})
        start = changes.get("start")
        if start == PHANTOM and self.tiny:
            start = None
        elif start not in (None, PHANTOM):
            start = str(self.runs / start)
        if start is not None:
            file = start_file(start, kind.begins_from(model))  # type: ignore[attr-defined]
            values = values if file is None else started(values | {"start": start}, file)
        values |= changes | {"start": start}
        return kind, type(model).model_validate(values), loop

    def _planned(self, name: str, fit: Callable[..., Any], model: Any, loop: LoopSettings) -> LoopSettings:
        """Steps that fit into the run's share of the time, and how often it is kept; decided once for all slices."""
        told = self._of(name)
        if "loop" in told:
            return LoopSettings.model_validate(told["loop"])
        changes: dict[str, Any] = {"threads": None if torch.cuda.is_available() else 1}
        if self.tiny:
            changes |= {"batch": 4, "warmup": 2, "held_out_images": 8, "scored_frames": 16}
        if self.steps is not None:
            steps, every = self.steps, max(1, self.steps // 5)
        else:
            seconds = self._trial(name, fit, model, loop.model_copy(update=changes))
            steps = max(TRIAL, int(60 * self._minutes(name) / seconds))
            every = max(10, int(CHECKPOINT_EVERY_S / seconds))
        looks = max(1, steps // (TINY_LOOKS if self.tiny else LOOKS))
        changes |= {"steps": steps, "checkpoint_every": every, "held_out_every": looks, "sheet_every": looks}
        changes["warmup"] = min(loop.warmup, steps // 4)
        planned = loop.model_copy(update=changes)
        told["loop"] = planned.model_dump(mode="json")
        return planned

    def _minutes(self, name: str) -> float:
        others = len(self.names) - 1
        share = self.refine_share if name == "refine" or not others else (1 - self.refine_share) / others
        return self.total_minutes * share

    def _trial(self, name: str, fit: Callable[..., Any], model: Any, loop: LoopSettings) -> float:
        """Seconds a step takes, first stages included, as if they were as long as the run."""
        times: dict[str, list[tuple[int, float]]] = {}

        def observe(progress: Progress) -> None:
            times.setdefault(progress.part, []).append((progress.step, time.monotonic()))
            if self.clock.over():
                raise TimeIsUpError

        never = {"held_out_every": 10**6, "sheet_every": 10**6, "checkpoint_every": 10**6, "steps": TRIAL}
        fit(self.work / "trials" / f"{name}-{time.time_ns()}", model, loop.model_copy(update=never), observe)
        return sum(_rate(seen) for seen in times.values() if seen[-1][0] > WARM)

    def _tell(self, name: str, loop: LoopSettings, seen: list[tuple[int, float]]) -> None:
        """How fast a run learns; its first steps warm up, and looks are part of it."""
        first = seen[0][0]
        warm = [one for one in seen if one[0] >= first + min(WARM, (loop.steps - first) // 2)]
        if len(warm) < 2:
            return
        images = loop.batch / _rate(warm, first=0)
        told = self._of(name) | {"step": seen[-1][0], "images_a_second": round(images, 1)}
        flops = told.get("flops_an_image") or flops_an_image(self.runs / name)
        if flops:
            share = images * flops / (self.told["matrix_tflops"] * 1e12)
            told |= {"flops_an_image": flops, "share_of_matrix_rate": round(share, 4)}
        self.told["runs"][name] = told

    def _of(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.told.setdefault("runs", {}).setdefault(name, {})
        return found

    def _keep(self) -> None:
        self.runs.mkdir(parents=True, exist_ok=True)
        level = save(self.runs, self.out, self.told)
        print(f"kept in {self.out}, checkpoints {level}", flush=True)


def finished(folder: Path) -> Cohort | None:
    """A cohort that an earlier slice made on the same machine."""
    return Cohort.open(folder) if (folder / COHORT_FILE).exists() else None


def _rate(seen: list[tuple[int, float]], first: int = WARM) -> float:
    """Seconds a step, without the first ones."""
    warm = [one for one in seen if one[0] >= first]
    (before, then), (after, now) = warm[0], warm[-1]
    return (now - then) / max(after - before, 1)


def flops_an_image(run: Path) -> float | None:
    """Multiply-adds, counted twice, that learning from an image of a refining network takes: forward, and backward as twice that."""
    from torch.utils.flop_counter import FlopCounterMode

    from synthcmr.generators.conditional.condition_batch import channels_around
    from synthcmr.generators.family_settings import RefineSettings
    from synthcmr.generators.refine.network import Unet

    record = json.loads((run / RUN_FILE).read_text())
    if record["family"] != "refine":
        return None
    settings = RefineSettings.model_validate(record["model"])
    side, seen = settings.crop or 128, (1 if settings.predict == "image" else 2) + channels_around(1)
    unet = Unet(settings, seen, settings.token_width)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        unet(torch.zeros(1, seen, side, side), torch.zeros(1, settings.token_width))
    return 3.0 * counter.get_total_flops()


def matrix_rate() -> float:
    """Operations a second of a large matrix product in bf16."""
    device = best_device()
    n, repeats = MATRIX[device.type], 10
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))

    def some(count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            product = a @ b
        float(product[0, 0])  # waits for the card
        return time.perf_counter() - began

    some(3)
    return 2.0 * n**3 * repeats / some(repeats)


def device_name() -> str:
    """The card, or the CPU's threads."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} CPU thread(s)"


def options(arguments: Iterable[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--from", dest="start", type=Path, help="what an earlier slice left in its --out")
    parser.add_argument("--work", type=Path, default=Path("/tmp/card_campaign"), help="the same in every slice")
    parser.add_argument("--minutes", type=float, default=8.5, help="of this slice, files included")
    parser.add_argument("--total", type=float, default=25.0, help="minutes of training of all slices together")
    parser.add_argument("--refine-share", type=float, default=0.6)
    parser.add_argument("--families", default=",".join(RUNS))
    parser.add_argument(
        "--preset", default="8g", help="of refine; the others take `cpu`, as they begin from weights of that shape"
    )
    parser.add_argument("--subjects", type=int, default=400, help="phantoms")
    parser.add_argument("--cohort", type=Path, help="people to learn from beside phantoms")
    parser.add_argument("--steps", type=int, help="of each run, instead of its share of the time")
    parser.add_argument("--tiny", action="store_true", help="small networks and images, to try everything on a CPU")
    return parser.parse_args(None if arguments is None else list(arguments))


def campaign(asked: argparse.Namespace, clock: Clock) -> Campaign:
    """A campaign, from nothing or from an earlier slice."""
    made = Campaign(
        asked.work, asked.out, clock, tuple(asked.families.split(",")), asked.total, asked.refine_share, asked.preset,
        asked.tiny, asked.steps, min(asked.subjects, TINY_SUBJECTS) if asked.tiny else asked.subjects, asked.cohort,
    )  # fmt: skip
    if asked.start is not None:
        made.told = {k: v for k, v in restore(asked.start, made.runs).items() if k not in ("checkpoints", "parts")}
    return made


def main() -> None:
    """One slice."""
    asked = options()
    done = campaign(asked, Clock(asked.minutes)).go()
    print("done" if done else f"time is up; go on with --from {asked.out}", flush=True)


if __name__ == "__main__":
    main()
