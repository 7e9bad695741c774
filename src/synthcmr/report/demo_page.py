"""The demo as one offline HTML page that leads through its steps: subjects, images before and after, spectra, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr import __version__
from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import read_record
from synthcmr.evaluation.evaluate import read_card
from synthcmr.evaluation.score import Line, Plot
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.report.demo_results import Measured, main_grouping, measured, read_results, sentences
from synthcmr.report.pictures import heart_picture, plain_picture
from synthcmr.report.plots import plot_svg
from synthcmr.report.score_card_page import COLOURS, after_word
from synthcmr.report.single_file_page import write_page

PAGE = "index.html"
ALIKE = ("diagnosis", "sex", "vendor")  # what a real subject shares with the synthetic one beside it
LARGEST, TRIOS = 6, 4


@dataclass(frozen=True)
class CaptionedPicture:
    """A picture and its caption."""

    data: str
    caption: str


@dataclass(frozen=True)
class Trio:
    """Subjects with the same attributes: real, generated, recalibrated."""

    who: str
    real: CaptionedPicture | None
    generated: CaptionedPicture
    recalibrated: CaptionedPicture


@dataclass(frozen=True)
class GroupRow:
    """One group's balanced accuracy under each remedy, or why it has none."""

    name: str
    people: str
    scores: Mapping[str, Measured]
    refused: str


class ScoreAxis:
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


def write_demo_page(
    out: Path, steps: Mapping[str, str], seconds: Mapping[str, float]
) -> tuple[tuple[str, str, str], Path]:
    """Write OUT/index.html.

    Args:
        out: folder of the demo.
        steps: name of each step and what it asks, in order.
        seconds: of each.

    Returns:
        The results in three sentences, and the page.
    """
    real, generated, recalibrated = (Cohort.open(out / name) for name in ("cohort", "synthetic", "recalibrated"))
    debiased = read_record(out / "debiased/scores.json")
    audit = read_record(out / "audit/audit.json")
    results, plan, rows = sentences(read_results(out)), Plan.read(out / "plan"), groups(debiased)
    page = write_page(
        out / PAGE,
        "demo",
        version=__version__,
        sentences=results,
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
        spectra=read_record(out / "spectrum/spectrum.json")["sentences"],
        debiased=debiased,
        grouping=main_grouping(debiased),
        groups=rows,
        place=ScoreAxis(rows),
        card=read_card(out / "scores"),
        colour=COLOURS,
        after_word=after_word,
    )
    return results, page


def phantoms(cohort: Cohort) -> list[CaptionedPicture]:
    """One training subject of each of the largest groups, with its mask."""
    middle = _middle(cohort)
    middle = middle[middle["split"] == "train"]
    kinds = middle.groupby(list(ALIKE), observed=True)
    places = [next(iter(kinds.indices[k])) for k in kinds.size().sort_values(ascending=False).index[:LARGEST]]
    pictures = []
    for place in places:
        row = middle.iloc[place]
        index = int(row.name)
        pictures.append(CaptionedPicture(heart_picture(cohort.image(index)[0], cohort.mask(index)[0]), _caption(row)))
    return pictures


def trios(real: Cohort, generated: Cohort, recalibrated: Cohort) -> list[Trio]:
    """Some synthetic subjects of as many kinds as there are, before and after, each beside another real one of its kind."""
    before = _middle(generated)
    after = _middle(recalibrated).reset_index().set_index("subject_id")["index"]
    before = before[before["subject_id"].isin(after.index)]
    turn = before.groupby(list(ALIKE), observed=True, dropna=False).cumcount()
    chosen, known = before.loc[turn.sort_values(kind="stable").index[:TRIOS]], _middle(real)
    return [
        Trio(
            _caption(row),
            _alike(row, known, real, int(turn[index])),
            CaptionedPicture(plain_picture(generated.image(int(index))[0]), "generated"),
            CaptionedPicture(plain_picture(recalibrated.image(int(after[row["subject_id"]]))[0]), "recalibrated"),
        )
        for index, row in chosen.iterrows()
    ]


def gaps(out: Path) -> Plot:
    """Difference in log power to real images, ring by ring."""
    spectrum = read_record(out / "spectrum/spectrum.json")
    x = tuple(spectrum["frequency"]["rings"])
    real = np.array(spectrum["real_set"]["log_power"]["mean"])
    lines = [Line(name="real", x=x, y=(0.0,) * len(x))]
    for name, one in spectrum["sets"].items():
        lines.append(Line(name=name, x=x, y=tuple((np.array(one["log_power"]["mean"]) - real).tolist())))
    return Plot(
        title="Synthetic less real", x=spectrum["frequency"]["unit"], y="difference in log power", lines=tuple(lines)
    )


def groups(debiased: Mapping[str, Any]) -> list[GroupRow]:
    """Everyone, then each group of the crossing that is compared; where none is, of every attribute."""
    remedies = debiased["remedies"]
    whole = {name: one for name, r in remedies.items() if (one := measured(r["scores"].get("balanced accuracy")))}
    rows = [GroupRow("everyone", f"{debiased['test_subjects']} subjects", whole, "")]
    main = main_grouping(debiased)
    for grouping in [main] if main else list(debiased["groups"]):
        for name, group in debiased["groups"][grouping].items():
            rows.append(_group(grouping, name, group, remedies))
    return rows


def _group(grouping: str, name: str, group: Mapping[str, Any], remedies: Mapping[str, Any]) -> GroupRow:
    people = f"{group['sick']} sick, {group['healthy']} healthy"
    if "refused" in group:
        return GroupRow(name, people, {}, group["refused"])
    scores = {r: measured(one["groups"][grouping][name]["balanced accuracy"]) for r, one in remedies.items()}
    return GroupRow(name, people, {r: s for r, s in scores.items() if s is not None}, "")


def counts(cohort: Cohort, label: str, attributes: Sequence[str]) -> dict[str, dict[str, dict[str, int]]]:
    """Training subjects by label and each attribute: attribute -> label -> group -> how many."""
    train = cohort.subjects[cohort.subjects["split"] == "train"]
    by_attribute: dict[str, dict[str, dict[str, int]]] = {}
    for name in attributes:
        table = train.groupby([label, name], observed=True).size().unstack(fill_value=0)
        by_attribute[name] = {str(k): {str(g): int(n) for g, n in row.items()} for k, row in table.iterrows()}
    return by_attribute


def _middle(cohort: Cohort) -> Any:
    """The middle slice of each subject, with its attributes; the index is the image's row."""
    table = cohort.table
    rows = [int(places[len(places) // 2]) for places in table.groupby("subject_id", sort=False).indices.values()]
    return table.iloc[rows].set_index(np.array(rows))


def _alike(row: Any, known: Any, real: Cohort, turn: int) -> CaptionedPicture | None:
    """A real subject of the same kind; another one for every synthetic one, as long as there are any."""
    same = known[np.all([known[name] == row[name] for name in ALIKE], axis=0)]
    if not len(same):
        return None
    return CaptionedPicture(plain_picture(real.image(int(same.index[turn % len(same)]))[0]), "real")


def _caption(row: Any) -> str:
    words = [str(row[name]) for name in ALIKE if row[name] == row[name] and row[name] is not None]
    return ", ".join(words)
