"""The subjects of an experiment: their label, split and groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.grouping import grouped, in_order
from synthcmr.errors import SettingsError
from synthcmr.experiments.settings import DebiasSettings, Prevalence

if TYPE_CHECKING:
    import pandas as pd


HEALTHY = ("nor", "normal", "healthy", "control", "none", "no", "false", "0")
UNKNOWN = "unknown"
OWN = ("subject_id", "split", "source")  # columns that are no attributes
SPLITS = ("train", "validation", "test")


def people_of(subjects: pd.DataFrame, settings: DebiasSettings) -> pd.DataFrame:
    """One row per subject that has a label: subject_id, split, label (0 or 1), and the group of each sensitive attribute.

    Raises:
        SettingsError: a column is missing, or the label does not tell two kinds of subjects apart.
    """
    import pandas as pd

    _check_columns(subjects, settings)
    known = subjects[subjects[settings.label].notna()].reset_index(drop=True)
    groups = grouped(known, settings.sensitive).fillna(UNKNOWN).astype(str)
    return pd.DataFrame(
        {
            "subject_id": known["subject_id"].astype(str),
            "split": known["split"].astype(str),
            "label": labels_of(known[settings.label], settings),
            **{name: groups[name] for name in settings.sensitive},
        }
    )


def labels_of(values: pd.Series, settings: DebiasSettings) -> pd.Series:
    """1 for the sick.

    Raises:
        SettingsError: a value of --positive is not there, or all are of one kind.
    """
    described = values.map(lambda v: f"{v:g}" if isinstance(v, float) else str(v))
    there = sorted(described.unique())
    unknown = [p for p in settings.positive if p not in there]
    if unknown:
        raise SettingsError(
            f"--positive: expected values of '{settings.label}', one or more of {', '.join(there)}; got {', '.join(unknown)}"
        )
    sick = described.isin(settings.positive) if settings.positive else ~described.str.lower().isin(HEALTHY)
    if sick.nunique() < 2 and settings.positive:
        raise SettingsError(
            f"--positive: expected some values of '{settings.label}' and not all, so that healthy subjects are left; got "
            f"{', '.join(settings.positive)} of {', '.join(there)}"
        )
    if sick.nunique() < 2:
        raise SettingsError(
            f"--label {settings.label}: expected sick and healthy subjects, got only {', '.join(there)}; "
            "name those that count as sick with --positive"
        )
    return sick.astype(int)


def at_prevalence(people: pd.DataFrame, wanted: Prevalence, seed: int) -> pd.DataFrame:
    """Leave out sick or healthy subjects at random until every split has the wanted share of the sick."""
    kept = np.ones(len(people), dtype=bool)
    for k, split in enumerate(SPLITS):
        share = getattr(wanted, split)
        if share is None:
            continue
        mine = (people["split"] == split).to_numpy()
        sick, well = (np.flatnonzero(mine & (people["label"] == value).to_numpy()) for value in (1, 0))
        rng = np.random.default_rng([seed, k])
        fewer = min(len(sick), round(len(well) * share / (1 - share)))
        other = min(len(well), round(fewer * (1 - share) / share))
        for rows, count in ((sick, fewer), (well, other)):
            kept[rng.permutation(rows)[count:]] = False
    return people[kept].reset_index(drop=True)


def check_scored(people: pd.DataFrame) -> None:
    """Make sure that the splits that are learned from and scored have sick and healthy subjects.

    Raises:
        SettingsError: one of them has only one kind.
    """
    for split in ("train", "test"):
        label = people.loc[people["split"] == split, "label"]
        if label.nunique() < 2:
            raise SettingsError(
                f"expected sick and healthy subjects in the split '{split}', got {int(label.sum())} sick and "
                f"{int((1 - label).sum())} healthy; use a larger cohort, or name the values that count as sick, as in --positive DCM,HCM"
            )


def thin_validation(people: pd.DataFrame, least: int) -> str:
    """A note on a validation split that has few subjects of one kind; nothing where it has enough."""
    label = people.loc[people["split"] == "validation", "label"]
    sick, well = int(label.sum()), int((1 - label).sum())
    if min(sick, well) >= least:
        return ""
    return (
        f"The validation split has {sick} sick and {well} healthy subjects: which network is kept, and which remedy is called the "
        "best, rests on them."
    )


def cells(people: pd.DataFrame, sensitive: tuple[str, ...]) -> pd.Series:
    """The crossing of label and groups that each subject belongs to."""
    return people[["label", *sensitive]].astype(str).agg("|".join, axis=1)


def _check_columns(subjects: pd.DataFrame, settings: DebiasSettings) -> None:
    there = [c for c in subjects.columns if c not in OWN and subjects[c].notna().any()]
    for flag, names in (("--label", (settings.label,)), ("--sensitive", settings.sensitive)):
        missing = [n for n in names if n not in there]
        if missing:
            raise SettingsError(f"{flag}: the cohort has no {', '.join(missing)}; it has {', '.join(map(str, there))}")
    if settings.label in settings.sensitive:
        raise SettingsError(f"--sensitive: expected attributes other than the label, got '{settings.label}'")
    splits = set(subjects["split"].dropna()) if "split" in subjects else set()
    lacking = [s for s in SPLITS if s not in splits]
    if lacking:
        raise SettingsError(
            f"the cohort has no subjects of split {', '.join(lacking)}; an experiment learns on 'train', chooses on "
            "'validation' and is scored on 'test'. Ingest gives each a share: --settings FILE with "
            "split: {train: 0.6, validation: 0.2, test: 0.2}"
        )


@dataclass(frozen=True)
class SubjectGroup:
    """Some test subjects."""

    name: str
    member: npt.NDArray[np.bool_]
    sick: int
    healthy: int
    refused: str = ""  # why it is not scored


@dataclass(frozen=True)
class Grouping:
    """The groups of one attribute, or of a crossing."""

    name: str
    groups: tuple[SubjectGroup, ...]

    @property
    def scored(self) -> tuple[SubjectGroup, ...]:
        """Groups with enough subjects."""
        return tuple(g for g in self.groups if not g.refused)


def groupings(people: pd.DataFrame, sensitive: tuple[str, ...], min_group: int) -> tuple[Grouping, ...]:
    """Each attribute by itself, and, where there are several, the crossing of all."""
    results = [_grouping((name,), people, min_group) for name in sensitive]
    if len(sensitive) > 1:
        results.append(_grouping(sensitive, people, min_group))
    return tuple(results)


def _grouping(names: tuple[str, ...], people: pd.DataFrame, min_group: int) -> Grouping:
    label = people["label"].to_numpy()
    known = (people[list(names)] != UNKNOWN).all(axis=1).to_numpy()
    key = people[list(names)].agg(", ".join, axis=1).to_numpy()
    order = in_order(set(key[known])) if len(names) == 1 else sorted(set(key[known]))
    groups = []
    for name in order:
        member = known & (key == name)
        sick, healthy = int(label[member].sum()), int((1 - label[member]).sum())
        few = min(sick, healthy) < min_group
        why = f"{sick} sick and {healthy} healthy; at least {min_group} of each are needed" if few else ""
        groups.append(SubjectGroup(name, member, sick, healthy, why))
    return Grouping(" x ".join(names), tuple(groups))
