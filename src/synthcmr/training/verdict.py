"""Is this run done? What losses and samples say of held-out and of training images, looked at together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

LEAST_LOOKS = 4  # fewer say nothing
BETTER, WORSE = (
    0.98,
    1.02,
)  # of a loss: below it fell, above it rose; runs that were cut short fell by 2 to 5 % in their second half
NEARER, LEAST = 0.95, 0.01  # of a distance: a fall below this share, and by this much, is one
HALF = 0.5  # a run is judged by what its second half has brought in loss, which is steady and falls slowly
LAST = 3  # ... and by its last third of looks at samples, whose distances flatten sooner and are noisier
OWN, NEAR = (
    0.75,
    0.5,
)  # ratios below which samples are copies; those of honest networks of few samples spread by a tenth around 1

Kind = Literal["too early", "still improving", "done", "copying"]
Metrics = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Verdict:
    """Where a run stands."""

    kind: Kind
    step: int  # of the best look
    sentence: str


@dataclass(frozen=True)
class _Look:
    step: int
    held_out: float
    known: float | None


@dataclass(frozen=True)
class SampleScores:
    """Samples of one step, scored."""

    step: int
    distance: float  # to held-out frames
    own_ratio: float
    near_ratio: float

    @classmethod
    def of(cls, step: int, scores: Mapping[str, float]) -> SampleScores:
        """From what a scorer says."""
        return cls(step, float(scores["held_out"]), float(scores["own_ratio"]), float(scores["near_ratio"]))

    @property
    def copies(self) -> bool:
        """Whether training images come back, or come nearer than held-out people do."""
        return self.own_ratio < OWN or self.near_ratio < NEAR

    def beats(self, other: SampleScores) -> bool:
        """Whether these samples are the better ones: no copies, and clearly nearer to held-out frames."""
        if self.copies != other.copies:
            return other.copies
        return nearer(self.distance, other.distance)


def nearer(now: float, before: float) -> bool:
    """Whether a distance is smaller than another by more than the draw of the frames explains."""
    return now < NEARER * before and now < before - LEAST


def sample_scores_of(metrics: Metrics) -> list[SampleScores]:
    """All looks at samples that a run has logged."""
    return [SampleScores.of(int(m["step"]), m["samples"]) for m in metrics if m.get("samples")]


def verdict(metrics: Metrics) -> Verdict | None:
    """Judge a run by its metrics; None where nothing was held out.

    A network that copies gets better on the images it learns from and worse on those it does not: held-out loss has risen from
    its lowest for good, while the loss on training images went on falling; or its samples come nearer to images it learned from
    than to others. The losses of networks that contend say nothing of images: there samples alone count, where they were scored.
    """
    losses = [
        _Look(int(m["step"]), float(m["held_out"]), m.get("known")) for m in metrics if m.get("held_out") is not None
    ]
    samples = sample_scores_of(metrics)
    if samples and _contend(metrics):
        losses = []
    if not losses and not samples:
        return None
    if samples and (copied := _copied(samples)):
        return copied
    if max(len(losses), len(samples)) < LEAST_LOOKS:
        return _too_early(losses, samples)
    if len(losses) >= LEAST_LOOKS and _copies(losses, _lowest(losses)):
        step = _lowest(losses).step
        return Verdict("copying", step, f"Copying its patients: what it was not shown gets worse; stop at step {step}.")
    return _improving(losses, samples) or _done(losses, samples)


def _contend(metrics: Metrics) -> bool:
    """Whether several losses take turns."""
    return any(sum(key.startswith("loss_") for key in m) > 1 for m in metrics)


def _copied(samples: Sequence[SampleScores]) -> Verdict | None:
    """Copying, where the last two looks show copies."""
    if not all(look.copies for look in samples[-2:]):
        return None
    first = next(k for k in range(len(samples)) if all(look.copies for look in samples[k:]))
    step = best_samples(samples[:first]).step if first else 0
    last = samples[-1]
    why = (
        f"samples come {1 / max(last.own_ratio, 1e-3):.1f} times nearer to the image that was learned from than to one that was not"
        if last.own_ratio < OWN
        else "samples lie nearer to images it learned from than other people do"
    )
    advice = f"stop at step {step}" if step else "every look shows it; learn from more people"
    return Verdict("copying", step or samples[0].step, f"Copying its patients: {why}; {advice}.")


def best_samples(samples: Sequence[SampleScores]) -> SampleScores:
    """The look whose samples lie nearest to held-out frames, of those that do not copy where there are any."""
    honest = [look for look in samples if not look.copies] or list(samples)
    return min(honest, key=lambda look: look.distance)


def _too_early(losses: Sequence[_Look], samples: Sequence[SampleScores]) -> Verdict:
    count = max(len(losses), len(samples))
    step = _lowest(losses).step if losses else best_samples(samples).step
    counted = f"{count} look{'s' * (count > 1)}"
    return Verdict("too early", step, f"Too early to say: {counted} at held-out images, {LEAST_LOOKS} are needed.")


def _improving(losses: Sequence[_Look], samples: Sequence[SampleScores]) -> Verdict | None:
    if len(losses) >= LEAST_LOOKS:
        before, now = _halfway(losses), _lately(losses)
        if now < BETTER * before.held_out:
            return _better("held-out loss", 1 - now / before.held_out, before.step, losses[-1].step)
    if len(samples) >= LEAST_LOOKS:
        then, mean = samples[-1 - max(1, len(samples) // LAST)], (samples[-1].distance + samples[-2].distance) / 2
        if nearer(mean, then.distance):
            return _better(
                "samples' distance from held-out images", 1 - mean / then.distance, then.step, samples[-1].step
            )
    return None


def _halfway(losses: Sequence[_Look]) -> _Look:
    """The last look at or before half of the steps; the first one where there is none."""
    until = HALF * losses[-1].step
    return max((look for look in losses if look.step <= until), key=lambda look: look.step, default=losses[0])


def _better(what: str, share: float, since: int, step: int) -> Verdict:
    sentence = f"Still improving: {what} fell by {100 * min(share, 1):.0f} % since step {since}; train longer."
    return Verdict("still improving", step, sentence)


def _done(losses: Sequence[_Look], samples: Sequence[SampleScores]) -> Verdict:
    if len(losses) >= LEAST_LOOKS:
        step, before = _lowest(losses).step, _halfway(losses)
        share = 1 - _lately(losses) / before.held_out
        how = f"fell by only {100 * share:.1f} %" if share > 0 else "has not fallen"
        return Verdict("done", step, f"Done: held-out loss {how} since step {before.step}.")
    step = best_samples(samples).step
    return Verdict("done", step, f"Done: samples have come no nearer to held-out images since step {step}.")


def _lowest(losses: Sequence[_Look]) -> _Look:
    return min(losses, key=lambda look: look.held_out)


def _lately(losses: Sequence[_Look]) -> float:
    """Held-out loss of the last two looks."""
    return (losses[-1].held_out + losses[-2].held_out) / 2


def _copies(losses: Sequence[_Look], best: _Look) -> bool:
    """Whether held-out loss rose since its lowest while that on training images fell."""
    if _lately(losses) <= WORSE * best.held_out:
        return False
    known = [look.known for look in losses if look.step >= best.step and look.known is not None]
    return len(known) < 2 or known[-1] < known[0]
