"""A score: a number with all that is needed to believe it, or the reason why there is none."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.privacy_judgement import PrivacyResult
from synthcmr.evaluation.verdict_rules import ScoreName, current_name

Word = Literal["good", "acceptable", "not enough evidence", "bad"]
OVERALL = ""  # the group of all subjects


class Score(Settings):
    """One number of one group."""

    name: ScoreName = Field(description="what was measured, e.g. 'FID (cmr)'")
    group: str = Field(OVERALL, description="whom it is of, e.g. 'sex: female'; empty: everybody")
    value: float | None = None
    low: float | None = Field(None, description="lower end of the interval")
    high: float | None = Field(None, description="upper end of the interval")
    n_real: int | None = Field(None, description="real subjects it rests on")
    n_synthetic: int | None = Field(None, description="synthetic subjects it rests on")
    floor: float | None = Field(None, description="the same of real against real, split in halves by subject")
    ceiling: float | None = Field(None, description="the same where images are real: what the judge reaches at best")
    better: Literal["low", "high"] = "low"
    unit: str = ""
    extractor: str | None = Field(None, description="SHA-256 of what turned images into numbers")
    absent: str | None = Field(None, description="why there is no value")

    @model_validator(mode="after")
    def _a_value_or_a_reason(self) -> Self:
        if (self.value is None) == (self.absent is None):
            raise ValueError(f"score '{self.name}': expected either a value or the reason why it is absent")
        return self


class Distribution(Settings):
    """How one quantity lies among real and synthetic subjects: quantiles from 0 to 100 %, evenly spaced."""

    name: str
    unit: str = ""
    real: tuple[float, ...]
    synthetic: tuple[float, ...]


class Line(Settings):
    """One line of a plot."""

    name: str = Field(description="as the key calls it, with its number where it has one: 'black box, AUC 0.61'")
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = Field((), description="lower edge of a band around it")
    high: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _as_many_of_each(self) -> Self:
        sizes = {len(self.x), len(self.y), len(self.low) or len(self.x), len(self.high) or len(self.x)}
        if len(sizes) > 1:
            raise ValueError(f"line '{self.name}': expected as many y, low and high as x, got {sorted(sizes)}")
        return self


class Plot(Settings):
    """Lines in one frame: ROC curves, spectra, a score by the share of real subjects."""

    title: str
    x: str = Field(description="what runs to the right, with its unit")
    y: str
    lines: tuple[Line, ...]
    kind: Literal["lines", "roc"] = Field("lines", description="roc: a square from 0 to 1 with the line of chance")
    note: str = ""


class Table(Settings):
    """Rows for people; what a program reads belongs into scores."""

    title: str
    columns: tuple[str, ...] = Field(description="the first one names rows")
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


class ShownImage(Settings):
    """One image to show, by its id, and why."""

    image_id: str
    cohort: Literal["real", "synthetic"]
    caption: str
    playing: bool = Field(False, description="whether all its frames are shown, one after another")
    beside: ShownImage | None = Field(
        None, description="an image to be seen together with it, e.g. the real one it is near"
    )


class PartResult(Settings):
    """The results of one part."""

    scores: tuple[Score, ...]
    privacy: PrivacyResult | None = Field(None, description="of the part privacy: each attack, with curves and risks")
    notes: tuple[str, ...] = Field((), description="what a reader must know to read the scores")
    distributions: tuple[Distribution, ...] = ()
    plots: tuple[Plot, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: dict[str, tuple[ShownImage, ...]] = Field({}, description="title of a row of images -> images")

    def score(self, name: str, group: str = OVERALL) -> Score | None:
        """One score by its name."""
        return next((s for s in self.scores if s.name == current_name(name) and s.group == group), None)


class Finding(Settings):
    """What one rule says."""

    rule: str
    word: Word
    sentence: str


class PartVerdict(Settings):
    """What a part comes to."""

    word: Word
    sentence: str
    findings: tuple[Finding, ...] = ()


class PartScores(Settings):
    """One part of the card."""

    about: str
    verdict: PartVerdict
    result: PartResult


class Side(Settings):
    """One of the two cohorts."""

    name: str
    hash: str
    subjects: int
    images: int
    split: str | None = None
    origin: tuple[str, ...] = ()


class ScoreCard(Settings):
    """scores.json."""

    schema_version: Literal["synthcmr-scores-1"] = "synthcmr-scores-1"
    made_by: str
    real: Side
    synthetic: Side
    settings: dict[str, Any]
    parts: dict[str, PartScores]
    checksum: str = Field("", exclude=True, description="of all the rest: whether it is as it was written")


def absent(name: str, reason: str, group: str = OVERALL, **known: Any) -> Score:
    """A score that could not be had."""
    return Score(name=name, group=group, absent=reason, **known)


Rows = npt.NDArray[np.intp]
SHOWN = 6  # of each


def extremes(order: Rows, titles: tuple[str, str, str], whole: str) -> dict[str, Rows]:
    """Rows to show by title; one row of all where three would show the same one twice.

    Args:
        order: best first.
        titles: of the best, typical and worst.
        whole: title of the one row.
    """
    if len(order) < 3 * SHOWN:
        return {whole: order}
    middle = len(order) // 2 - SHOWN // 2
    return dict(zip(titles, (order[:SHOWN], order[middle : middle + SHOWN], order[::-1][:SHOWN]), strict=True))
