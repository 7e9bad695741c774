"""Label stacks whose truth is known, and put beside it what was drawn, how sure the judge was, and what was measured."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES, Mask
from synthcmr.cohort.raw_subject import Stack
from synthcmr.judges.segmenter import Segmenter
from synthcmr.labelling.labeller import label_stack
from synthcmr.labelling.measures import Spread, spreads_of, values_of
from synthcmr.labelling.quality import Formula, signs_of

FAILED = 0.7  # Dice of a slice below which it counts as failed
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Studied:
    """One stack: slices in rows, and measures of the whole."""

    subject: str
    dice: Numbers  # (frames, slices); NaN where neither truth nor judge has a heart
    structure_dice: dict[str, Numbers]  # the same of each structure
    signs: Numbers  # (frames, slices, signs)
    empty: npt.NDArray[np.bool_]
    quality: Numbers
    volume_dice: dict[str, float]  # of whole stacks, averaged over frames
    measures: dict[str, float]
    truth: dict[str, float]
    spreads: dict[str, Spread]
    phases: tuple[str, ...]


def study(judge: Segmenter, subject: str, stack: Stack, formula: Formula | None = None) -> Studied | None:
    """Label a stack without showing its masks; None where no heart was found."""
    from synthcmr.errors import ReadError

    assert stack.mask is not None
    try:
        found = label_stack(judge, replace(stack, mask=None, labelled=()), formula=formula)
    except ReadError:
        return None
    assert found.segmentation is not None
    assert found.place is not None
    drawn, truth = found.completed.mask, stack.mask
    signs = signs_of(found.segmentation, found.place.evidence)
    per = {name: _slice_dice(drawn == value, truth == value) for name, value in STRUCTURES.items()}
    with np.errstate(all="ignore"):
        together = np.stack(list(per.values()))
        shown = np.isfinite(together)
        mean = np.where(
            shown.any(axis=0), np.where(shown, together, 0).sum(axis=0) / np.maximum(1, shown.sum(axis=0)), np.nan
        )
    pair = [found.stack.phases.index(p) for p in ("ED", "ES") if p in found.stack.phases]
    known = len(pair) == 2 and stack.spacing_mm is not None and stack.slice_step_mm is not None
    return Studied(
        subject,
        mean,
        per,
        signs.values,
        signs.empty,
        found.quality,
        {name: _volume_dice(drawn == value, truth == value) for name, value in STRUCTURES.items()},
        found.measures,
        _truth(stack, truth[pair]) if known else {},
        spreads_of(found.stack, found.segmentation, pair) if known else {},
        found.stack.phases,
    )


def _truth(stack: Stack, truth: Mask) -> dict[str, float]:
    assert stack.spacing_mm is not None
    assert stack.slice_step_mm is not None
    ml = stack.spacing_mm[0] * stack.spacing_mm[1] * stack.slice_step_mm / 1000.0
    return values_of({name: (truth == value).sum(axis=(2, 3)) * ml for name, value in STRUCTURES.items()})


def _slice_dice(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> Numbers:
    both, total = (a & b).sum(axis=(2, 3)), a.sum(axis=(2, 3)) + b.sum(axis=(2, 3))
    return np.where(total > 0, 2.0 * both / np.maximum(total, 1), np.nan)


def _volume_dice(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    both, total = (a & b).sum(axis=(1, 2, 3)), a.sum(axis=(1, 2, 3)) + b.sum(axis=(1, 2, 3))
    return float(np.mean(2.0 * both / np.maximum(total, 1)))
