"""Is this run done? What the losses on held-out and on training images say, looked at together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

LOOKS = 4  # fewer say nothing
BETTER, WORSE = 0.99, 1.02  # of a loss: below it fell, above it rose
LAST = 3  # a run is judged by the looks of its last third

Kind = Literal["too early", "still improving", "done", "copying"]


@dataclass(frozen=True)
class Verdict:
    """Where a run stands."""

    kind: Kind
    step: int  # of the lowest held-out loss
    sentence: str


@dataclass(frozen=True)
class _Look:
    step: int
    held_out: float
    known: float | None


def verdict(metrics: Sequence[Mapping[str, Any]]) -> Verdict | None:
    """Judge a run by its metrics; None where nothing was held out.

    A network that copies gets better on the images it learns from and worse on those it does not: held-out loss has risen from
    its lowest for good, while the loss on training images went on falling.
    """
    looks = [
        _Look(int(m["step"]), float(m["held_out"]), m.get("known")) for m in metrics if m.get("held_out") is not None
    ]
    if not looks:
        return None
    best = min(looks, key=lambda look: look.held_out)
    if len(looks) < LOOKS:
        return Verdict(
            "too early", best.step, f"Too early to say: {len(looks)} looks at held-out images, {LOOKS} are needed."
        )
    if _copies(looks, best):
        return Verdict(
            "copying", best.step, f"Copying its patients: what it was not shown gets worse; stop at step {best.step}."
        )
    before, now = looks[-1 - max(1, len(looks) // LAST)], _lately(looks)
    if now < BETTER * before.held_out:
        share = 100 * (1 - now / before.held_out)
        return Verdict(
            "still improving",
            best.step,
            f"Still improving: held-out loss fell by {share:.0f} % since step {before.step}; train longer.",
        )
    return Verdict("done", best.step, f"Done: held-out loss has not fallen since step {before.step}.")


def _lately(looks: Sequence[_Look]) -> float:
    """Held-out loss of the last two looks."""
    return (looks[-1].held_out + looks[-2].held_out) / 2


def _copies(looks: Sequence[_Look], best: _Look) -> bool:
    """Whether held-out loss rose since its lowest while that on training images fell."""
    if _lately(looks) <= WORSE * best.held_out:
        return False
    known = [look.known for look in looks if look.step >= best.step and look.known is not None]
    return len(known) < 2 or known[-1] < known[0]
