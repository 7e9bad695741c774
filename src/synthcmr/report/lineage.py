"""What a folder was made from, and what that was made from, as far as the folders still say; and what it means for cards."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import read_record
from synthcmr.cohort.places import current_place, places_of
from synthcmr.cohort.provenance import PROVENANCE_FILE
from synthcmr.errors import SynthcmrError
from synthcmr.evaluation.score import ScoreCard
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.shipped_weights import shipped, shipped_generator
from synthcmr.training.weights import read_header, weights_file

DEEPEST = 8  # steps of a chain
FOLDERS = ("cohort", "run", "plan", "recalibration")  # inputs that have a provenance of their own


@dataclass(frozen=True)
class Step:
    """Something that something else was made from."""

    depth: int
    kind: str
    name: str
    hash: str
    folder: Path
    record: dict[str, Any] = field(
        default_factory=dict
    )  # its provenance.json; empty where that is gone or of another thing

    @property
    def step(self) -> str:
        """The command that made it; empty where that is not known."""
        return str(self.record.get("step", ""))

    @property
    def ships(self) -> bool:
        """Whether it is a generator that comes with the package, whatever it is called."""
        return self.kind == "run" and shipped_generator(self.hash) is not None

    @property
    def settings(self) -> dict[str, Any]:
        """What it was made with."""
        recorded: dict[str, Any] = self.record.get("settings", {})
        return recorded


def chain(folder: Path) -> list[Step]:
    """All that a folder stands on, each followed by what that was made from."""
    return _below(record_of(folder), folder, 0)


def record_of(folder: Path) -> dict[str, Any]:
    """The provenance of a folder; empty where there is none.

    Raises:
        CohortError: it is not as it was written.
    """
    return read_record(folder / PROVENANCE_FILE) if (folder / PROVENANCE_FILE).is_file() else {}


def current_folder(name: str, own_hash: str, near: Path) -> Path | None:
    """Where something lies now that an artefact names: at its old place, or beside the artefact where both were moved."""
    for folder in places_of(name, near):
        if record_of(folder).get("hash") == own_hash:
            return folder
    return None


def _below(record: dict[str, Any], near: Path, depth: int) -> list[Step]:
    steps: list[Step] = []
    for one in record.get("inputs", []) if depth < DEEPEST else []:
        folder = current_folder(one["name"], one["hash"], near) if one["kind"] in FOLDERS else None
        own = record_of(folder) if folder is not None else {}
        place = folder if folder is not None else current_place(one["name"], near)
        steps.append(Step(depth, one["kind"], Path(one["name"]).name, one["hash"][:12], place, own))
        steps += _below(own, place, depth + 1)
    return steps


NOTHING = "nothing"


@dataclass(frozen=True)
class Lineage:
    """Everything that the folders say of a generated cohort: its generator, training data and plan."""

    card: ScoreCard
    steps: list[Step] = field(default_factory=list)  # of the synthetic cohort, itself first

    @classmethod
    def of(cls, card: ScoreCard, out: Path) -> Lineage:
        """Follow the chain of an evaluation's synthetic cohort."""
        steps = chain(out)
        starts = [k for k, s in enumerate(steps) if s.depth == 0]
        return cls(card, steps[starts[1] :] if len(starts) > 1 else [])

    def first(self, kind: str, below: Step | None = None) -> Step | None:
        """The nearest step of a kind, of the whole chain or of what one of its steps was made from."""
        among = self.steps if below is None else self.below(below)
        return next((s for s in among if s.kind == kind), None)

    def below(self, step: Step) -> list[Step]:
        """What a step was made from, directly and indirectly."""
        place = next(k for k, s in enumerate(self.steps) if s is step)
        below = []
        for s in self.steps[place + 1 :]:
            if s.depth <= step.depth:
                break
            below.append(s)
        return below

    @cached_property
    def synthetic(self) -> Cohort | None:
        """The images that were scored."""
        return _opened(self.steps[0]) if self.steps else None

    @cached_property
    def run(self) -> Step | None:
        """What generated them."""
        return self.first("run")

    @cached_property
    def training(self) -> Cohort | None:
        """What the generator learned from."""
        step = self.first("cohort", self.run) if self.run else None
        return _opened(step) if step else None

    @cached_property
    def run_record(self) -> dict[str, Any]:
        """What the generator's weights and run folder say of themselves; empty where neither is there any more."""
        if self.run is None:
            return {}
        if (name := shipped_generator(self.run.hash)) is not None:
            return read_header(shipped(name))
        try:
            weights = weights_file(self.run.folder)
        except SynthcmrError:  # it was moved or removed
            return {}
        # the run's word over the weights': only it knows what it began from
        return read_header(weights) | RunFolder(self.run.folder).record() if self.run.record else {}

    @property
    def earlier(self) -> list[dict[str, Any]]:
        """Parts of the training before the last one, each from the weights of the one before, where the weights list them."""
        parts = self.run_record.get("begun_from")
        return parts if isinstance(parts, list) else []

    @property
    def began_from(self) -> str | None:
        """What the generator went on from: a run, earlier parts, or 'nothing'; None where it is not known."""
        if self.earlier:
            return f"the weights of {len(self.earlier)} earlier parts: {'; '.join(map(_part, self.earlier))}"
        model = self.run_record.get("model", {})
        return (model["start"] or NOTHING) if "start" in model else None

    @property
    def no_real_images(self) -> bool:
        """Whether it is known that no real person's image was learned from, in any part of the training."""
        origin: list[str] = self.run_record.get("origin") or []
        whole = self.began_from == NOTHING or (self.run is not None and self.run.ships)
        return bool(origin) and "real" not in origin and whole

    @cached_property
    def generated(self) -> dict[str, Any]:
        """What the synthetic cohort says of its generation."""
        facts: dict[str, Any] = self.synthetic.info.get("generated", {}) if self.synthetic is not None else {}
        return facts


def _part(part: dict[str, Any]) -> str:
    how = ", ".join(f"{k} {v}" for k, v in part.items() if k != "steps")
    return f"{part['steps']} steps" + (f" ({how})" if how else "")


def _opened(step: Step) -> Cohort | None:
    """A cohort that still is what it was."""
    if not step.record:
        return None
    try:
        return Cohort.open(step.folder)
    except SynthcmrError:
        return None
