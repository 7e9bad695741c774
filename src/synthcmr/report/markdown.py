"""Pieces of the cards in Markdown: tables, facts, provenance, verdicts, and who a cohort holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from synthcmr.cohort.attributes import ATTRIBUTES, DRAWN
from synthcmr.errors import counted
from synthcmr.evaluation.score import ScoreCard
from synthcmr.report.lineage import Step

if TYPE_CHECKING:
    import pandas as pd


UNKNOWN = "Not known"


def plain(value: object) -> str:
    """Text from data, which must not become Markdown or HTML."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", " ".join(str(value).split()))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table; cells are taken as plain text."""
    lines = [f"| {' | '.join(columns)} |", f"| {' | '.join('---' for _ in columns)} |"]
    return [*lines, *(f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows), ""]


def facts(known: dict[str, object]) -> list[str]:
    """What is known, a line each; what is None is said not to be known."""
    return [*(f"- **{name}**: {UNKNOWN if v is None else plain(v)}" for name, v in known.items()), ""]


def chain_lines(steps: Sequence[Step]) -> list[str]:
    """A provenance chain as a nested list."""
    return (
        [*(f"{'  ' * s.depth}- {_step_text(s)}" for s in steps), ""] if steps else [f"{UNKNOWN}: no folder says.", ""]
    )


def _step_text(s: Step) -> str:
    origin = (
        f", made by `{s.step}`"
        if s.step
        else ""
        if s.kind in ("files", "phantom")
        else ", which comes with synthcmr"
        if s.ships
        else f", how it was made is {UNKNOWN.lower()}"
    )
    when = f" on {str(s.record['created'])[:10]}" if s.record.get("created") else ""
    version = s.record.get("software", {}).get("synthcmr")
    return f"{s.kind} {plain(s.name)} (`{s.hash}`){origin}{when}" + (f" with synthcmr {version}" if version else "")


def verdict_lines(card: ScoreCard) -> list[str]:
    """What the evaluation came to: part by part, then finding by finding."""
    split = f", split {card.real.split}" if card.real.split else ""
    lines = [
        f"{counted(card.synthetic.subjects, 'synthetic subject')} ({plain(card.synthetic.name)}, `{card.synthetic.hash[:12]}`) against "
        f"{counted(card.real.subjects, 'real one')} ({plain(card.real.name)}{split}, `{card.real.hash[:12]}`), by {card.made_by}.",
        "",
    ]
    lines += table(
        ("part", "question", "verdict", "in a sentence"),
        ((name, p.about, p.verdict.word, p.verdict.sentence) for name, p in card.parts.items()),
    )
    findings = [(name, f.rule, f.word, f.sentence) for name, p in card.parts.items() for f in p.verdict.findings]
    return [*lines, *table(("part", "rule", "finding", "figures"), findings)] if findings else lines


MOST_VALUES = 8  # of an attribute that is counted; of more, the rest is summed up


def people(subjects: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Attribute, how it is distributed, and how many subjects do not tell it."""
    rows = []
    for name in subjects.columns:
        if name not in ATTRIBUTES:
            continue
        known = subjects[name].dropna()
        if len(known):
            rows.append((name.replace("_", " "), _distribution(known), len(subjects) - len(known)))
    return rows


def drawn(subjects: pd.DataFrame) -> str:
    """Attributes that were sampled for some of them, because they were not requested; empty where there are none."""
    lists = subjects[DRAWN].dropna() if DRAWN in subjects else []
    names = {name for text in lists for name in text.split(",")}
    return ", ".join(name for name in ATTRIBUTES if name in names)


def _distribution(known: pd.Series) -> str:
    if known.dtype.kind in "fiu":
        low, middle, high = np.percentile(known.to_numpy(dtype=float), (5, 50, 95))
        return f"median {middle:.4g}, 90 % between {low:.4g} and {high:.4g}"
    counts = known.astype(str).value_counts()
    shown = ", ".join(f"{value} {count}" for value, count in counts.head(MOST_VALUES).items())
    return shown + (f", {len(counts) - MOST_VALUES} others" if len(counts) > MOST_VALUES else "")
