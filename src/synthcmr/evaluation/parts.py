"""The table of parts: what an evaluation can ask. A further part is a function and a row here."""

from __future__ import annotations

from collections.abc import Callable

from synthcmr.evaluation.adherence.part import adherence
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.fairness.part import fairness
from synthcmr.evaluation.fidelity.part import fidelity
from synthcmr.evaluation.privacy.privacy_part import privacy
from synthcmr.evaluation.score import PartResult
from synthcmr.evaluation.utility.part import utility

# name -> (what it answers, function); each has settings, and rules, of its name in EvaluateSettings where it needs any
PARTS: dict[str, tuple[str, Callable[[Comparison], PartResult]]] = {
    "fidelity": ("Are the images like real ones?", fidelity),
    "adherence": ("Did the images get what was asked?", adherence),
    "utility": ("Can networks learn from the images?", utility),
    "fairness": ("Are groups served alike by networks that learn from the images?", fairness),
    "privacy": ("Do the images, or what made them, give away whom they were learned from?", privacy),
}
USES = {"fairness": ("utility",)}  # part -> other parts whose settings it looks at
