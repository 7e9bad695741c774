"""From scores to a verdict: every rule looks at one score and its interval, and the worst finding is the part's."""

from __future__ import annotations

from collections.abc import Mapping

from synthcmr.evaluation.score import Finding, PartResult, PartVerdict, Score, Word
from synthcmr.evaluation.verdict_rules import Rule

WORST: tuple[Word, ...] = ("bad", "not enough evidence", "acceptable", "good")
# rules named for a fault or for short, as they read right after every word: 'acceptable', 'bad', 'not enough evidence of'
LISTED = {
    "harm": "no harm to segmentation",
    "stand-in": "segmentation without real images",
    "failures": "detection of every structure",
    "classifier harm": "no harm to classification",
    "classifier stand-in": "classification without real images",
    "copies": "freedom from copies",
    "near-copies": "freedom from near-copies",
    "partial copies": "freedom from partial copies",
    "exposed": "no member exposed",
    "exposed, asked": "no member exposed with sampling access",
    "exposed, weights": "no member exposed by the weights",
    "identified": "hardly any member identified",
    "identified, asked": "hardly any member identified with sampling access",
    "identified, weights": "hardly any member identified by the weights",
    "membership": "membership privacy",
    "membership, asked": "membership privacy with sampling access",
    "membership, weights": "membership privacy of the weights",
}
LEAST_CEILING = 0.2  # of what a judge must reach on real images before its word on others is worth anything


def verdict(result: PartResult, rules: Mapping[str, Rule]) -> PartVerdict:
    """What a part comes to.

    Args:
        result: its scores.
        rules: of this part, by name.
    """
    results = {name: result.score(rule.score) for name, rule in rules.items()}
    scored = {name: rule for name, rule in rules.items() if results[name] is not None or not rule.optional}
    findings = tuple(_finding(name, rule, results[name]) for name, rule in scored.items())
    if not findings:
        return PartVerdict(word="not enough evidence", sentence="No rule says what would be good.")
    word = min((f.word for f in findings), key=WORST.index)
    if word == "not enough evidence" and any(f.word in ("good", "acceptable") for f in findings):
        known = max((f.word for f in findings if f.word != word), key=lambda w: -WORST.index(w))
        return PartVerdict(word=word, sentence=_sentence(word, findings) + f" The rest is {known}.", findings=findings)
    return PartVerdict(word=word, sentence=_sentence(word, findings), findings=findings)


def listed(rule: str) -> str:
    """A rule's name as it reads after a verdict; settings keep the short one."""
    return LISTED.get(rule, rule)


def _sentence(word: Word, findings: tuple[Finding, ...]) -> str:
    if word == "good":
        return "Good in everything that was looked at."
    names = [listed(f.rule) for f in findings if f.word == word]
    text = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return (
        {"bad": "Bad: ", "not enough evidence": "Not enough evidence of ", "acceptable": "Acceptable: "}[word]
        + text
        + "."
    )


def _finding(name: str, rule: Rule, score: Score | None) -> Finding:
    if score is None or score.value is None:
        why = "it was not measured" if score is None else score.absent
        return Finding(rule=name, word="not enough evidence", sentence=f"{rule.says}? Unknown, because {why}.")
    try:
        low, high = (_beside(x, rule, score) for x in (score.low, score.high))
    except ValueError as error:
        return Finding(rule=name, word="not enough evidence", sentence=f"{rule.says}? Unknown, because {error}.")
    word = _word(rule, low, high)
    return Finding(rule=name, word=word, sentence=f"{rule.says}? {word.capitalize()}. {_figures(rule, score)}")


def _beside(x: float | None, rule: Rule, score: Score) -> float:
    """A number as the rule looks at it."""
    if x is None:
        raise ValueError("it has no interval")
    if rule.beside == "nothing":
        return x
    if rule.beside == "floor":
        if score.floor is None:
            raise ValueError("too few real subjects for real against real")
        return x - max(score.floor, 0.0)  # an unbiased floor falls below zero by chance
    if score.ceiling is None:
        raise ValueError("what real images reach is not known")
    if score.ceiling < LEAST_CEILING:
        raise ValueError(f"the judge reaches only {score.ceiling:.2f} on real images")
    return x / score.ceiling


def _word(rule: Rule, low: float, high: float) -> Word:
    """Good or acceptable where the whole interval is, bad where none of it is acceptable."""
    worst, best = (high, low) if rule.better == "low" else (-low, -high)
    sign = 1 if rule.better == "low" else -1
    if worst <= sign * rule.good:
        return "good"
    if worst <= sign * rule.acceptable:
        return "acceptable"
    return "bad" if best > sign * rule.acceptable else "not enough evidence"


def _figures(rule: Rule, score: Score) -> str:
    own = f"{score.name} is {score.value:.3g} ({score.low:.3g} to {score.high:.3g})"
    what = {"low": "at most", "high": "at least"}[rule.better]
    floor, ceiling = score.floor, score.ceiling
    limits = f"{what} {rule.good:g} is good, {what} {rule.acceptable:g} acceptable"
    if rule.beside == "floor" and floor is not None:
        return f"{own}, real against real {floor:.3g}; {limits} beyond that."
    if rule.beside == "ceiling" and ceiling is not None:
        return f"{own}, real images {ceiling:.3g}; {limits} as a share of that."
    return f"{own}; {limits}."
