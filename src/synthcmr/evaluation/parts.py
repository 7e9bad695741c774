"""The table of parts: what an evaluation can ask. A further part is a function and a row here."""

from __future__ import annotations

from collections.abc import Callable

from synthcmr.evaluation.adherence.part import adherence
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.fidelity.part import fidelity
from synthcmr.evaluation.privacy.part import privacy
from synthcmr.evaluation.score import PartResult

# name -> (what it answers, function); each has settings, and rules, of its name in EvaluateSettings where it needs any
PARTS: dict[str, tuple[str, Callable[[Comparison], PartResult]]] = {
    "fidelity": ("Are the images like real ones?", fidelity),
    "adherence": ("Did the images get what was asked?", adherence),
    "privacy": ("Do the images, or what made them, give away whom they were learned from?", privacy),
}
