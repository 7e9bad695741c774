"""The results of a demo: read from the files of its steps, and said in three sentences that follow from the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import read_record
from synthcmr.evaluation.evaluate import read_card
from synthcmr.experiments.classifier_scores import WORST
from synthcmr.fairness.association import MIN_SUBJECTS
from synthcmr.fairness.cells import in_words
from synthcmr.fairness.debias.remedies import NOTHING
from synthcmr.fairness.debias.verdict import OPPORTUNITY
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.frequency.spectrum.compare import DISTANCE, PROBE

IMAGES = "real + planned"
EVERYONE = "balanced accuracy"
GENERATED, RECALIBRATED = "synthetic", "recalibrated"  # folders, and names of the sets in spectrum.json
NAMED = 2
WORDS = ("good", "acceptable", "bad", "not enough evidence")


@dataclass(frozen=True)
class Measured:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class BeforeAndAfter:
    """A score of generated images against real ones, before and after recalibration."""

    before: Measured | None
    after: Measured | None
    floor: float | None  # of real ones against real ones


@dataclass(frozen=True)
class MissingGroup:
    """A crossing that is missing or nearly so."""

    words: str
    count: int
    expected: float


@dataclass(frozen=True)
class LabelAssociation:
    """An attribute that predicts the label."""

    attribute: str
    v: Measured


@dataclass(frozen=True)
class DemoResults:
    """Everything that the three sentences say."""

    label: str
    judged: int  # training subjects
    missing: tuple[MissingGroup, ...]
    associated: tuple[LabelAssociation, ...]
    planned: int
    generated: int
    gap: BeforeAndAfter  # of their spectra to real ones
    probe: BeforeAndAfter  # AUC of a linear probe that separates them from real ones by spectra
    verdicts: Mapping[str, str]  # part of the score card -> word
    grouping: str  # whose worst group is scored; empty: no two groups can be compared
    tested: int
    by_chance: bool  # whether groups filled at random would differ as much as these
    start: Measured | None  # worst group's balanced accuracy of a classifier of real images alone
    images: Measured | None  # what planned images change in it
    cheap_name: str
    cheap: Measured | None  # what the cheap remedy changes
    against: Measured | None  # planned images less the cheap remedy


def read_results(out: Path) -> DemoResults:
    """Read a demo's folder."""
    audit, spectrum, debiased = (
        read_record(out / name) for name in ("audit/audit.json", "spectrum/spectrum.json", "debiased/scores.json")
    )
    card = read_card(out / "scores")
    return DemoResults(
        label=audit["label"] or "",
        judged=audit["judged_subjects"],
        missing=tuple(
            MissingGroup(in_words(m["attributes"], m["groups"]), m["count"], m["expected"]) for m in audit["missing"]
        ),
        associated=_associated(audit),
        planned=len(Plan.read(out / "plan").rows),
        generated=len(Cohort.open(out / RECALIBRATED).subjects),
        gap=_before_and_after(spectrum, DISTANCE),
        probe=_before_and_after(spectrum, PROBE),
        verdicts={name: part.verdict.word for name, part in card.parts.items()},
        **_classified(debiased),
    )


def measured(score: Mapping[str, Any] | None) -> Measured | None:
    """A number of a JSON file."""
    return None if score is None else Measured(score["value"], score["low"], score["high"])


def main_grouping(debiased: Mapping[str, Any]) -> str:
    """The crossing where two of its groups can be scored, else an attribute where they can; empty: none."""
    usable = [
        name
        for name, groups in debiased["groups"].items()
        if sum("refused" not in group for group in groups.values()) > 1
    ]
    return usable[-1] if usable else ""


def _before_and_after(spectrum: Mapping[str, Any], score: str) -> BeforeAndAfter:
    before, after = (measured(spectrum["sets"][name]["scores"].get(score)) for name in (GENERATED, RECALIBRATED))
    floor = measured(spectrum["floors"].get(score))
    return BeforeAndAfter(before, after, None if floor is None else floor.value)


def _associated(audit: Mapping[str, Any]) -> tuple[LabelAssociation, ...]:
    label = audit["label"]
    return tuple(
        LabelAssociation(a["b"] if a["a"] == label else a["a"], Measured(a["v"], a["low"], a["high"]))
        for a in audit["associations"]
        if a["tangled"] and label in (a["a"], a["b"])
    )


def _classified(debiased: Mapping[str, Any]) -> dict[str, Any]:
    main, cheap, remedies = main_grouping(debiased), debiased["best_cheap"], debiased["remedies"]
    key = f"{WORST}, {main}" if main else EVERYONE
    images = remedies[IMAGES]
    return {
        "grouping": main,
        "tested": debiased["test_subjects"],
        "by_chance": bool(main) and _by_chance(remedies[NOTHING], main),
        "start": measured(remedies[NOTHING]["scores"].get(key)),
        "images": measured(images["to_nothing"].get(key)),
        "cheap_name": cheap,
        "cheap": measured(remedies[cheap]["to_nothing"].get(key)),
        "against": measured(images["to_best_cheap"].get(key)),
    }


def _by_chance(nothing: Mapping[str, Any], main: str) -> bool:
    key = f"{OPPORTUNITY}, {main}"
    return bool(nothing["scores"][key]["value"] <= nothing["by_chance"][key]["high"])


def sentences(results: DemoResults) -> tuple[str, str, str]:
    """Which groups the cohort lacks; what the images are like; whether they helped."""
    return _cohort(results), _images(results), _helped(results)


def _cohort(results: DemoResults) -> str:
    if results.judged < MIN_SUBJECTS:
        return (
            f"With {results.judged} training subjects under-represented groups cannot be identified; at least "
            f"{MIN_SUBJECTS} are needed."
        )
    among = f"Among the {results.judged} training subjects"
    missing = [f"'{m.words}' ({m.count}, expected {m.expected:.0f})" for m in results.missing[:NAMED]]
    associated = " and ".join(f"{a.attribute} (Cramér's V {_plain(a.v)})" for a in results.associated)
    if not missing and not associated:
        return f"{among} no group is missing, and no attribute is associated with {results.label}."
    parts = [f"these groups are under-represented: {' and '.join(missing)}"] if missing else []
    parts += [f"{results.label} is associated with {associated}"] if associated else []
    return f"{among} {'; '.join(parts)}."


def _images(results: DemoResults) -> str:
    passed = f"Of {results.planned} planned subjects, {results.generated} were generated and passed screening"
    return f"{passed}; {_spectra(results)}; the score card says {_card(results)}."


def _spectra(results: DemoResults) -> str:
    """Two scores of the same spectra; 'but' where they do not say the same."""
    gap, probe = _direction(results.gap), _direction(results.probe)
    if gap is None:
        return "their spectra could not be compared with real ones"
    how = {
        -1: "recalibration narrowed the gap between their spectra and real ones",
        0: "recalibration did not measurably change the gap between their spectra and real ones",
        1: "recalibration widened the gap between their spectra and real ones",
    }[gap]
    gap_text = f"{how}: {_change(results.gap)}"
    if probe is None:
        return gap_text
    separated = {
        -1: "a linear probe separates these spectra from real ones less well than before",
        0: "a linear probe separates these spectra from real ones neither measurably better nor worse than before",
        1: "a linear probe separates these spectra from real ones better than before",
    }[probe]
    return f"{gap_text}, {'and' if gap == probe else 'but'} {separated}: AUC {_change(results.probe)}"


def _direction(score: BeforeAndAfter) -> int | None:
    """-1 where recalibration lowered it, 1 where it raised it, 0 where the intervals do not say."""
    before, after = score.before, score.after
    if before is None or after is None:
        return None
    return (after.low > before.high) - (after.high < before.low)


def _change(score: BeforeAndAfter) -> str:
    floor = "" if score.floor is None else f" (real against real: {score.floor:.2f})"
    return " before, ".join(f"{e.value:.2f}" for e in (score.before, score.after) if e is not None) + f" after{floor}"


def _card(results: DemoResults) -> str:
    by_word = {word: [part for part, verdict in results.verdicts.items() if verdict == word] for word in WORDS}
    return ", ".join(f"'{word}' for {_listed(parts)}" for word, parts in by_word.items() if parts) or "nothing"


def _helped(results: DemoResults) -> str:
    if not results.grouping:
        return (
            f"Whether the images make a classifier fairer cannot be judged: among {results.tested} test subjects no two groups "
            "have enough diseased and healthy ones."
        )
    if results.images is None or results.start is None:
        return "Whether the images make a classifier fairer was not measured."
    where = f"the worst group of {results.grouping.replace(' x ', ' and ')}"
    return (
        f"{_verdict(results.images)} {where}: {_signed(results.images)} in balanced accuracy, from {results.start.value:.2f}, "
        f"on {results.tested} test subjects{_alone(results)}{_against_cheap(results)}."
    )


def _verdict(change: Measured) -> str:
    if change.low > 0:
        return "Planned images helped"
    if change.high < 0:
        return "Planned images harmed"
    return "Planned images had no measurable effect in"


def _alone(results: DemoResults) -> str:
    """Whether there was anything to mend."""
    return ", where groups of these sizes differ as much by chance alone" if results.by_chance else ""


def _against_cheap(results: DemoResults) -> str:
    if results.cheap is None or results.against is None:
        return ""
    how = (
        "the images do better"
        if results.against.low > 0
        else "the images do worse"
        if results.against.high < 0
        else "the difference between the two is not significant"
    )
    return f"; the cheap remedy '{results.cheap_name}' changes it by {_signed(results.cheap)}, and {how}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _plain(e: Measured) -> str:
    return f"{e.value:.2f}, {e.low:.2f} to {e.high:.2f}"


def _signed(e: Measured) -> str:
    return f"{e.value:+.2f} ({e.low:+.2f} to {e.high:+.2f})"
