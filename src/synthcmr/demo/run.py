"""Running the demo: step after step, each once, with what remains said before it begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from synthcmr.cohort.parallel import NETWORKS, cores, share
from synthcmr.demo.demo_paths import Bar, Demo
from synthcmr.demo.record import PAGE, Record
from synthcmr.demo.settings import QUICK, DemoSettings
from synthcmr.demo.steps import STEPS
from synthcmr.demo.time_left import FULL_S, QUICK_S, in_words, seconds_left

REPORT = "report"
IN_WORKERS = (  # of all steps
    "synthcmr.phantom.render",
    "synthcmr.experiments.classifier_job",
    "synthcmr.evaluation.utility.segmentation.job",
    NETWORKS,
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """How a demo ended."""

    page: Path
    sentences: tuple[str, ...]


def run_demo(out: Path, settings: DemoSettings, bar: Bar, say: Say) -> Outcome:
    """Run every step that is not finished yet, then write the page that tells them all.

    Args:
        out: folder of the demo.
        settings: how large it is.
        bar: gives a function to report progress to, by the name of what goes on.
        say: told each step, and what remains.

    Raises:
        CohortError: the folder holds something else.
    """
    record = Record(out, settings)
    demo = Demo(out, settings, cores(), bar)
    expected = QUICK_S if settings.subjects <= QUICK.subjects else FULL_S
    total, spent = len(STEPS) + 1, dict[str, float]()
    names = [s.name for s in STEPS] + [REPORT]
    there = {s.name for s in STEPS if s.name in record.seconds and (out / s.makes).exists()}
    for k, step in enumerate(STEPS, 1):
        if step.name in there:
            say(f"{k}/{total} {step.name}: is there already")
            continue
        todo = [name for name in names[k - 1 :] if name not in there]
        left = in_words(seconds_left(todo, spent, expected, cores()))
        say(f"{k}/{total} {step.name}: {step.about} ({left} left in all)")
        if step.spread and demo.workers > 1:
            share(*IN_WORKERS)
        spent[step.name] = _timed(partial(step.run, demo))
        record.finish(step.name, spent[step.name])
    return _told(demo, record, anew=bool(spent), say=say)


def _told(demo: Demo, record: Record, anew: bool, say: Say) -> Outcome:
    """The page and its sentences; taken as they are where no step ran."""
    from synthcmr.report.demo.demo_results import read_found
    from synthcmr.report.demo.page import write_demo_page
    from synthcmr.report.demo.sentences import sentences

    total, page = len(STEPS) + 1, demo.out / PAGE
    if not anew and page.exists() and record.sentences:
        say(f"{total}/{total} {REPORT}: is there already")
        return Outcome(page, record.sentences)
    say(f"{total}/{total} {REPORT}: one page that tells it all")
    told = sentences(read_found(demo.out))
    steps = {step.name: step.about for step in STEPS}
    write_demo_page(demo.out, told, steps, record.seconds)
    record.tell(told)
    return Outcome(page, told)


def _timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
