"""What a demo found, in three sentences that follow from its numbers."""

from __future__ import annotations

from synthcmr.fairness.association import MIN_SUBJECTS
from synthcmr.report.demo.demo_results import Found, Measured, Recalibrated

NAMED = 2
WORDS = ("good", "acceptable", "bad", "not enough evidence")


def sentences(found: Found) -> tuple[str, str, str]:
    """Whom the cohort lacks; what the images are like; whether they helped."""
    return _cohort(found), _images(found), _helped(found)


def _cohort(found: Found) -> str:
    if found.judged < MIN_SUBJECTS:
        return f"With {found.judged} training subjects nobody can say whom the cohort leaves out; at least {MIN_SUBJECTS} are needed."
    who = f"Among the {found.judged} training subjects"
    told = [f"'{m.words}' ({m.count}, where {m.expected:.0f} were to be expected)" for m in found.missing[:NAMED]]
    tangled = " and ".join(f"{t.attribute} (Cramér's V {_plain(t.v)})" for t in found.tangled)
    if not told and not tangled:
        return f"{who} no group is missing, and nothing is tangled with {found.label}."
    parts = [f"hardly anybody is {' or '.join(told)}"] if told else []
    parts += [f"{found.label} is tangled with {tangled}"] if tangled else []
    return f"{who} {', and '.join(parts)}."


def _images(found: Found) -> str:
    made = f"Of {found.planned} people planned to balance them, {found.made} were made and passed screening"
    return f"{made}; {_spectra(found)}; the score card says {_card(found)}."


def _spectra(found: Found) -> str:
    """Two looks at the same spectra; 'but' where they do not say the same."""
    gap, probe = _turn(found.gap), _turn(found.probe)
    if gap is None:
        return "their spectra could not be compared with real ones"
    how = {
        -1: "recalibration narrowed the gap of their spectra to real ones",
        0: "recalibration cannot be said to have changed the gap of their spectra to real ones",
        1: "recalibration widened the gap of their spectra to real ones",
    }[gap]
    told = f"{how}: {_turned(found.gap)}"
    if probe is None:
        return told
    seen = {
        -1: "a linear probe tells these spectra from real ones less well than before",
        0: "a linear probe cannot be said to tell these spectra from real ones any better or worse than before",
        1: "a linear probe tells these spectra from real ones better than before",
    }[probe]
    return f"{told}, {'and' if gap == probe else 'but'} {seen}: AUC {_turned(found.probe)}"


def _turn(score: Recalibrated) -> int | None:
    """-1 where recalibration lowered it, 1 where it raised it, 0 where the intervals do not say."""
    before, after = score.before, score.after
    if before is None or after is None:
        return None
    return (after.low > before.high) - (after.high < before.low)


def _turned(score: Recalibrated) -> str:
    floor = "" if score.floor is None else f" (real against real: {score.floor:.2f})"
    return " before, ".join(f"{e.value:.2f}" for e in (score.before, score.after) if e is not None) + f" after{floor}"


def _card(found: Found) -> str:
    told = {word: [part for part, said in found.verdicts.items() if said == word] for word in WORDS}
    return ", ".join(f"'{word}' of {_listed(parts)}" for word, parts in told.items() if parts) or "nothing"


def _helped(found: Found) -> str:
    if not found.grouping:
        return (
            f"Whether the images make a classifier fairer cannot be judged: of {found.tested} test subjects no two groups have "
            "enough sick and healthy ones."
        )
    if found.images is None or found.start is None:
        return "Whether the images make a classifier fairer was not measured."
    where = f"the worst group of {found.grouping.replace(' x ', ' and ')}"
    return (
        f"{_verdict(found.images)} {where}: {_signed(found.images)} in balanced accuracy, from {found.start.value:.2f}, "
        f"on {found.tested} test subjects{_alone(found)}{_beside(found)}."
    )


def _verdict(change: Measured) -> str:
    if change.low > 0:
        return "Planned images helped"
    if change.high < 0:
        return "Planned images did harm in"
    return "Planned images cannot be told from no remedy in"


def _alone(found: Found) -> str:
    """Whether there was anything to mend."""
    return ", where groups of these sizes differ as much by chance alone" if found.by_chance else ""


def _beside(found: Found) -> str:
    if found.cheap is None or found.against is None:
        return ""
    how = (
        "the images do better"
        if found.against.low > 0
        else "the images do worse"
        if found.against.high < 0
        else "the two cannot be told apart"
    )
    return f"; the cheap remedy '{found.cheap_name}' changes it by {_signed(found.cheap)}, and {how}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _plain(e: Measured) -> str:
    return f"{e.value:.2f}, {e.low:.2f} to {e.high:.2f}"


def _signed(e: Measured) -> str:
    return f"{e.value:+.2f} ({e.low:+.2f} to {e.high:+.2f})"
