"""What few labelled patients buy: judges fine-tuned from the shipped weights against judges trained from nothing.

    python -m benchmarks.fine_tuning --acdc FOLDER ... [--sunnybrook FOLDER ...] [--judge segmenter|reader] [--patients 5 10 20 70]
        [--minutes 6] [--work FOLDER]

Fine-tuning is what `judge fit segmenter --init-from shipped` does, with its defaults. From nothing the same network learns with the same
augmentation for --budget steps, more of them. Both see the same patients: nested sets, as many of each of ACDC's five groups.
Tested are the other 30 ACDC patients (15-20, 35-40, 55-60, 75-80, 95-100), and Sunnybrook, another vendor's, by `segmentation_on_patients`.
A reader is tested on the 30 alone: AUC of the diagnosis (each group against the rest), correlation of the BMI.
Core-minutes are the processor's time for the whole `fit`. After --minutes the script stops; the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.segmentation_on_patients import cached, scores, summary
from synthcmr.cohort import Cohort
from synthcmr.cohort.ingest import ingest, plan_ingest
from synthcmr.cohort.joining import records, storage
from synthcmr.cohort.raw_subject import RawSubject
from synthcmr.cohort.writer import COHORT_FILE, CohortWriter
from synthcmr.config import IngestSettings
from synthcmr.judges.fitting import SHIPPED, starting_weights
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.scores import score_reader
from synthcmr.judges.segmenter import Segmenter
from synthcmr.judges.settings import (
    READER_LOOP,
    READER_TUNING,
    SEGMENTER_LOOP,
    SEGMENTER_TUNING,
    ReaderSettings,
    SegmenterSettings,
)
from synthcmr.training.loop import Progress
from synthcmr.training.run_folder import WEIGHTS
from synthcmr.training.settings import LoopSettings
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import file_hash

TEST = tuple(f"patient{number:03d}" for number in range(1, 101) if (number - 1) % 20 >= 14)
GROUPS = 5
BEGINS = (SHIPPED, "nothing")
NEVER = 10**6
OFTEN = {"held_out_every": NEVER, "checkpoint_every": 20}  # so that a piece loses little
LOOPS: dict[str, dict[str, LoopSettings]] = {
    "segmenter": {
        SHIPPED: SEGMENTER_TUNING.model_copy(update=OFTEN),
        "nothing": SEGMENTER_LOOP.model_copy(
            update={**OFTEN, "steps": 250, "learning_rate": 2e-3, "warmup": 20, "ema": 0.98}
        ),
    },
    "reader": {
        SHIPPED: READER_TUNING.model_copy(update=OFTEN),
        "nothing": READER_LOOP.model_copy(update={**OFTEN, "steps": 400, "warmup": 20, "ema": 0.98}),
    },
}


@dataclass(frozen=True)
class Arm:
    """One training."""

    judge: str  # "segmenter" or "reader"
    begins: str  # "shipped" or "nothing"
    patients: int
    loop: LoopSettings

    @property
    def name(self) -> str:
        """Of its folder."""
        begins = shipped_name(self.judge) if self.begins == SHIPPED else self.begins
        return f"{self.judge}-{begins}-{self.patients}-{self.loop.steps}"


def shipped_name(judge: str) -> str:
    """With the hash of the weights, so that those of another version are not taken for them."""
    return f"{SHIPPED}-{file_hash(shipped(judge))[:8]}"


class OutOfTimeError(Exception):
    """The time is over; a checkpoint is on disk."""


class Clock:
    """Stops a training that has used its wall time."""

    def __init__(self, minutes: float) -> None:
        self.ends = time.monotonic() + 60 * minutes

    def observe(self, progress: Progress) -> None:
        """Stop at the first step after the end."""
        if time.monotonic() > self.ends and progress.step < progress.steps:
            raise OutOfTimeError


def training_cohort(work: Path, folders: Sequence[Path]) -> list[Cohort]:
    """The patients of all folders, ingested once."""
    cohorts = []
    for k, folder in enumerate(folders):
        out = work / f"acdc-{k}"
        if not (out / COHORT_FILE).exists():
            ingest(plan_ingest(folder, IngestSettings(format="acdc")), out)
        cohorts.append(Cohort.open(out))
    return cohorts


def subset(work: Path, cohorts: Sequence[Cohort], name: str, chosen: Sequence[str]) -> Cohort:
    """A cohort of some patients, all of them to train on, or to test."""
    out = work / name
    if (out / COHORT_FILE).exists():
        return Cohort.open(out)
    kind, rows, columns = storage(cohorts[0])
    manifest = {"step": "subset", "patients": list(chosen), "settings": cohorts[0].info["settings"]}
    with CohortWriter(out, manifest, kind, (rows, columns)) as writer:
        for cohort in cohorts:
            for record in records(cohort):
                if record.subject_id in chosen and record.case_id not in writer.done:
                    writer.add(replace(record, attributes={**record.attributes, "split": "train"}))
        writer.finish(None, [])
    return Cohort.open(out)


def nested(cohorts: Sequence[Cohort], patients: int, seed: int) -> list[str]:
    """The first patients of each group in an order that does not depend on how many are wanted."""
    table = pd.concat([cohort.subjects for cohort in cohorts])
    by_group: dict[str, list[str]] = defaultdict(list)
    for name, group in sorted(zip(table["subject_id"], table["diagnosis"], strict=True)):
        if name not in TEST:
            by_group[group].append(name)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(by_group[group]) for group in sorted(by_group)]
    return sorted(str(name) for order in orders for name in order[: patients // GROUPS])


def trained(work: Path, cohort: Cohort, arm: Arm, clock: Clock) -> Path:
    """The weights of an arm; what the processor spent is kept beside them, over all pieces."""
    run, spent = work / "arms" / arm.name, work / "arms" / f"{arm.name}.json"
    if (run / WEIGHTS).exists():
        return run / WEIGHTS
    start = starting_weights(arm.judge, SHIPPED)
    before = json.loads(spent.read_text())["seconds"] if spent.exists() else 0.0
    began = time.process_time()
    try:
        init_from = SHIPPED if arm.begins == SHIPPED else None
        if arm.judge == "segmenter":
            outlines = start.settings(SegmenterSettings)
            Segmenter.fit(cohort, run, outlines, arm.loop, clock.observe, init_from=init_from)
        else:
            reads = start.settings(ReaderSettings)
            AttributeReader.fit(cohort, run, reads, arm.loop, clock.observe, init_from=init_from)
    finally:
        spent.parent.mkdir(parents=True, exist_ok=True)
        spent.write_text(json.dumps({"seconds": before + time.process_time() - began}))
    return run / WEIGHTS


def scored(work: Path, name: str, weights: Path, patients: dict[str, list[RawSubject]], clock: Clock) -> pd.DataFrame:
    """Pixels of every slice of every test patient, kept once counted."""
    parts = []
    for cohort, people in patients.items():
        file = work / "scores" / f"{name}-{cohort}.parquet"
        if not file.exists():
            if time.monotonic() > clock.ends:
                raise OutOfTimeError
            segmenter = Segmenter.load(weights)
            table = pd.concat([scores(name, segmenter, cohort, one, (0.0,)) for one in people], ignore_index=True)
            table["phase"] = table["phase"].replace("", "other")
            file.parent.mkdir(parents=True, exist_ok=True)
            table.to_parquet(file, index=False)
        parts.append(pd.read_parquet(file))
    return pd.concat(parts, ignore_index=True)


def outlined(table: pd.DataFrame) -> dict[str, object]:
    """Dice of each structure with its interval, for the result."""
    return {
        f"{one['cohort']} {one['structure']}": f"{one['dice']:.3f} [{one['low']:.3f}, {one['high']:.3f}], n {one['patients']}"
        for one in summary(table).to_dict("records")
        if one["cohort"] == "acdc" or one["structure"] == "lv"
    }


class Bench:
    """Trains and tests arms of one judge."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.judge, self.work, self.seed = options.judge, options.work, options.seed
        self.clock = Clock(options.minutes)
        self.cohorts = training_cohort(options.work, options.acdc)
        self.tested: dict[str, list[RawSubject]] = {}
        if self.judge == "segmenter":
            self.tested["acdc"] = cached(options.work, "acdc", options.acdc, options.every, TEST)
            if options.sunnybrook:
                self.tested["sunnybrook"] = cached(
                    options.work, "sunnybrook-png", options.sunnybrook, options.every, ()
                )

    def untouched(self) -> dict[str, object]:
        """The row of the weights as they ship."""
        name = f"{self.judge}-{shipped_name(self.judge)}-0"
        return self._row(SHIPPED, 0, 0, 0.0, name, shipped(self.judge))

    def row(self, arm: Arm) -> dict[str, object]:
        """The row of an arm, which is trained where it is not."""
        chosen = nested(self.cohorts, arm.patients, self.seed)
        weights = trained(
            self.work, subset(self.work, self.cohorts, f"patients-{arm.patients}", chosen), arm, self.clock
        )
        seconds = json.loads((self.work / "arms" / f"{arm.name}.json").read_text())["seconds"]
        return self._row(arm.begins, arm.patients, arm.loop.steps, seconds, arm.name, weights)

    def _row(
        self, begins: str, patients: int, steps: int, seconds: float, name: str, weights: Path
    ) -> dict[str, object]:
        facts = {"begins from": begins, "patients": patients, "steps": steps, "core-minutes": round(seconds / 60, 1)}
        if self.judge == "segmenter":
            return facts | outlined(scored(self.work, name, weights, self.tested, self.clock))
        tested = score_reader(subset(self.work, self.cohorts, "tested", TEST), weights, None)
        return facts | {name: round(value, 3) for name, value in tested.scores.items()} | {"n": tested.subjects}


def main() -> None:
    """Train every arm, test it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acdc", type=Path, nargs="+", required=True, help="folders of ACDC patients")
    parser.add_argument("--sunnybrook", type=Path, nargs="*", default=[], help="folders with manifest.csv")
    parser.add_argument("--judge", choices=sorted(LOOPS), default="segmenter")
    parser.add_argument("--patients", type=int, nargs="+", default=[5, 10, 20, 70], help="multiples of 5")
    parser.add_argument("--begins", nargs="+", choices=BEGINS, default=list(BEGINS), help="which trainings")
    parser.add_argument("--budget", type=int, help="steps from nothing [default: 250, a reader 400]")
    parser.add_argument("--steps", type=int, help="steps of fine-tuning [default: as judge fit --init-from]")
    parser.add_argument("--minutes", type=float, default=1e6, help="wall time of this piece")
    parser.add_argument("--every", type=int, default=1, help="test every k-th patient alone")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of patients")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/fine_tuning"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    bench, rows = Bench(options), []
    steps = {SHIPPED: options.steps, "nothing": options.budget}
    loops = {
        begins: loop if steps[begins] is None else loop.model_copy(update={"steps": steps[begins]})
        for begins, loop in LOOPS[options.judge].items()
    }
    try:
        if SHIPPED in options.begins:
            rows.append(bench.untouched())
        for begins in options.begins:
            for count in options.patients:
                rows.append(bench.row(Arm(options.judge, begins, count, loops[begins])))
    except OutOfTimeError:
        print("stopped in time; the same command goes on")
    print(pd.DataFrame(rows).to_string(index=False))
    (options.work / f"{options.judge}.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
