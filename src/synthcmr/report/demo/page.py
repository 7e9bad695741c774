"""The demo as one offline HTML page that leads through its steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from synthcmr import __version__
from synthcmr.cohort import Cohort
from synthcmr.evaluation.evaluate import read_card
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.report.demo.demo_results import Measured, main_grouping
from synthcmr.report.demo.shown import GroupRow, counts, gaps, groups, phantoms, trios
from synthcmr.report.offline_page import write_page
from synthcmr.report.plots import plot_svg
from synthcmr.report.score_card_page import COLOURS, after_word

PAGE = "index.html"


def write_demo_page(
    out: Path, sentences: Sequence[str], steps: Mapping[str, str], seconds: Mapping[str, float]
) -> Path:
    """Write OUT/index.html.

    Args:
        out: folder of the demo.
        sentences: what was found.
        steps: name of each step and what it asks, in order.
        seconds: that each took.
    """
    real, generated, recalibrated = (Cohort.open(out / name) for name in ("cohort", "synthetic", "recalibrated"))
    debiased = json.loads((out / "debiased/scores.json").read_text())
    audit = json.loads((out / "audit/audit.json").read_text())
    plan, rows = Plan.read(out / "plan"), groups(debiased)
    return write_page(
        out / PAGE,
        "demo",
        version=__version__,
        sentences=sentences,
        steps=steps,
        seconds=seconds,
        cohort=real,
        audit=audit,
        counts=counts(real, audit["label"], [n for n in plan.attributes if n != plan.label]),
        plan=plan,
        largest=max(c.real + c.planned for c in plan.cells),
        generated=generated,
        phantoms=phantoms(real),
        trios=trios(real, generated, recalibrated),
        gaps=plot_svg(gaps(out)),
        spectra=json.loads((out / "spectrum/spectrum.json").read_text())["sentences"],
        debiased=debiased,
        grouping=main_grouping(debiased),
        groups=rows,
        place=Place(rows),
        card=read_card(out / "scores"),
        colour=COLOURS,
        after_word=after_word,
    )


class Place:
    """Where a score lies on the line of the group plot, in percent."""

    def __init__(self, rows: Sequence[GroupRow]) -> None:
        """From the lowest end of any interval to 1."""
        lows = [s.low for row in rows for s in row.scores.values()]
        self.least = max(0.0, min(lows, default=0.5) - 0.02)

    def __call__(self, value: float) -> float:
        """In percent from the left."""
        return round(100 * (value - self.least) / (1 - self.least), 2)

    def width(self, e: Measured) -> float:
        """Of an interval."""
        return round(self(e.high) - self(e.low), 2)
