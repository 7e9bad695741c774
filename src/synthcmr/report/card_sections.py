"""What a part shows on the score card beyond what every part shows (findings, pictures, plots, tables, groups, scores)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthcmr.evaluation.score import PartResult

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    body: Markup  # HTML that is safe as it is


# part -> its own sections, from its result and the folder of the evaluation. A part whose plots, tables and pictures say all
# needs no row here: the card draws those of any part.
SECTIONS: dict[str, Callable[[PartResult, Path], list[Section]]] = {}
