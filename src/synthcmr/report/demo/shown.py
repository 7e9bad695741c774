"""What the demo's page shows: people, images before and after, spectra, groups."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.evaluation.score import Line, Plot
from synthcmr.report.demo.demo_results import Measured, main_grouping, measured
from synthcmr.report.pictures import heart_picture, plain_picture

ALIKE = ("diagnosis", "sex", "vendor")  # what a real subject shares with the synthetic one it stands beside
WHO, TRIOS = 6, 4


@dataclass(frozen=True)
class Shown:
    """A picture and what it says."""

    data: str
    caption: str


@dataclass(frozen=True)
class Trio:
    """The same kind of person: real, generated, recalibrated."""

    who: str
    real: Shown | None
    generated: Shown
    recalibrated: Shown


@dataclass(frozen=True)
class GroupRow:
    """One group's balanced accuracy under each remedy, or why it has none."""

    name: str
    people: str
    scores: Mapping[str, Measured]
    refused: str


def phantoms(cohort: Cohort) -> list[Shown]:
    """One training subject of each of the largest kinds, outlined."""
    middle = _middle(cohort)
    middle = middle[middle["split"] == "train"]
    kinds = middle.groupby(list(ALIKE), observed=True)
    rows = [next(iter(kinds.indices[k])) for k in kinds.size().sort_values(ascending=False).index[:WHO]]
    found = []
    for place in rows:
        row = middle.iloc[place]
        index = int(row.name)
        found.append(Shown(heart_picture(cohort.image(index)[0], cohort.mask(index)[0]), _said(row)))
    return found


def trios(real: Cohort, generated: Cohort, recalibrated: Cohort) -> list[Trio]:
    """Some synthetic people, of as many kinds as there are, before and after, each beside another real one of its kind."""
    made = _middle(generated)
    after = _middle(recalibrated).reset_index().set_index("subject_id")["index"]
    made = made[made["subject_id"].isin(after.index)]
    turn = made.groupby(list(ALIKE), observed=True, dropna=False).cumcount()
    chosen, known = made.loc[turn.sort_values(kind="stable").index[:TRIOS]], _middle(real)
    return [
        Trio(
            _said(row),
            _like(row, known, real, int(turn[index])),
            Shown(plain_picture(generated.image(int(index))[0]), "generated"),
            Shown(plain_picture(recalibrated.image(int(after[row["subject_id"]]))[0]), "recalibrated"),
        )
        for index, row in chosen.iterrows()
    ]


def gaps(out: Path) -> Plot:
    """How far log power is from that of real images, ring by ring."""
    told = json.loads((out / "spectrum/spectrum.json").read_text())
    x = tuple(told["frequency"]["rings"])
    real = np.array(told["real_set"]["log_power"]["mean"])
    lines = [Line(name="real", x=x, y=(0.0,) * len(x))]
    for name, one in told["sets"].items():
        lines.append(Line(name=name, x=x, y=tuple((np.array(one["log_power"]["mean"]) - real).tolist())))
    return Plot(
        title="Synthetic less real", x=told["frequency"]["unit"], y="difference in log power", lines=tuple(lines)
    )


def groups(debiased: Mapping[str, Any]) -> list[GroupRow]:
    """Everyone, then each group of the crossing that is compared; where none is, of every attribute."""
    remedies = debiased["remedies"]
    whole = {name: one for name, r in remedies.items() if (one := measured(r["scores"].get("balanced accuracy")))}
    found = [GroupRow("everyone", f"{debiased['test_subjects']} subjects", whole, "")]
    main = main_grouping(debiased)
    for grouping in [main] if main else list(debiased["groups"]):
        for name, group in debiased["groups"][grouping].items():
            found.append(_group(grouping, name, group, remedies))
    return found


def _group(grouping: str, name: str, group: Mapping[str, Any], remedies: Mapping[str, Any]) -> GroupRow:
    people = f"{group['sick']} sick, {group['healthy']} healthy"
    if "refused" in group:
        return GroupRow(name, people, {}, group["refused"])
    scores = {r: measured(told["groups"][grouping][name]["balanced accuracy"]) for r, told in remedies.items()}
    return GroupRow(name, people, {r: s for r, s in scores.items() if s is not None}, "")


def counts(cohort: Cohort, label: str, attributes: Sequence[str]) -> dict[str, dict[str, dict[str, int]]]:
    """Training subjects by label and each attribute: attribute -> label -> group -> how many."""
    train = cohort.subjects[cohort.subjects["split"] == "train"]
    found: dict[str, dict[str, dict[str, int]]] = {}
    for name in attributes:
        table = train.groupby([label, name], observed=True).size().unstack(fill_value=0)
        found[name] = {str(k): {str(g): int(n) for g, n in row.items()} for k, row in table.iterrows()}
    return found


def _middle(cohort: Cohort) -> Any:
    """The middle slice of each subject, with its attributes; the index is the image's row."""
    table = cohort.table
    rows = [int(places[len(places) // 2]) for places in table.groupby("subject_id", sort=False).indices.values()]
    return table.iloc[rows].set_index(np.array(rows))


def _like(row: Any, known: Any, real: Cohort, turn: int) -> Shown | None:
    """A real subject of the same kind; another one for every synthetic one, as long as there are any."""
    same = known[np.all([known[name] == row[name] for name in ALIKE], axis=0)]
    if not len(same):
        return None
    return Shown(plain_picture(real.image(int(same.index[turn % len(same)]))[0]), "real")


def _said(row: Any) -> str:
    words = [str(row[name]) for name in ALIKE if row[name] == row[name] and row[name] is not None]
    return ", ".join(words)
