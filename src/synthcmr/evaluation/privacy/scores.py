"""From attacks to scores: what each attack found as a number, and one number for each kind of access that rules look at."""

from __future__ import annotations

from typing import Any

from synthcmr.evaluation.privacy.audit_bound import Audit
from synthcmr.evaluation.privacy.copies import NearCopies
from synthcmr.evaluation.privacy.figures import LEVEL, Absent, Figure, Measured
from synthcmr.evaluation.privacy.membership import Access, Attack
from synthcmr.evaluation.privacy.result import Attacks, Inferences, PrivacyResult
from synthcmr.evaluation.privacy.settings import PrivacySettings
from synthcmr.evaluation.privacy.suspect import Suspect
from synthcmr.evaluation.score import Score, absent

BY_CHANCE = 0.5  # area under the curve of an attack that knows nothing


def privacy_scores(
    result: PrivacyResult, settings: PrivacySettings, suspect: Suspect, synthetic: int
) -> tuple[Score, ...]:
    """Every score of privacy; none of attacks for which the generator was not given.

    Args:
        result: of all attacks.
        settings: of the attacks.
        suspect: what was at hand of the generator.
        synthetic: subjects.
    """
    scores = _of_copies(result, settings, synthetic) + _of_attacks("images", result.black_box, synthetic)
    if suspect.answers is not None:
        scores += _of_attacks("asking", result.grey_box, synthetic)
    if suspect.errors is not None:
        scores += _of_attacks("weights", result.white_box, synthetic)
    scores.append(_score("split bias, AUC", result.split_bias, synthetic))
    scores += _of_attributes(result.attributes, synthetic)
    return tuple(scores if suspect.claim is None else [*scores, _of_audit(result.audit)])


def notes(result: PrivacyResult, suspect: Suspect, real: str) -> tuple[str, ...]:
    """What a reader must know to read the scores."""
    found = [
        f"Members: {result.members} subjects who were learned from. Held out: {result.calibrating} to calibrate on and "
        f"{result.judged} to be judged by. If the generator saw held-out subjects, everything here understates."
    ]
    if suspect.answers is None:
        found.append(
            "No generator was given (--run): only attacks that see nothing but images were made. Weights that are released can tell more."
        )
    elif suspect.learned_from and real not in suspect.learned_from:
        found.append(
            "The generator's run did not learn from this real cohort: attacks on it say nothing about its members."
        )
    if suspect.answers is not None and suspect.errors is None:
        found.append("The generator's family tells no errors: its weights were not attacked.")
    if isinstance(result.near_copies, NearCopies) and result.near_copies.weak:
        found.append(f"The search for copies misses some that are {' or '.join(result.near_copies.weak)}.")
    if result.weak:
        found.append(f"Too weak to find a planted leak, so that silence means nothing: {', '.join(result.weak)}.")
    backwards = [a for a in _all(result) if a.result.auc.high < BY_CHANCE]
    if backwards:
        named = ", ".join(f"{a.name} ({a.access})" for a in backwards)
        found.append(
            f"Held-out subjects look more like members than members do to: {named}. That is no leak; "
            "the sides differ in who they are, or a reference model learned from members."
        )
    return tuple(found)


def _all(result: PrivacyResult) -> list[Attack]:
    parts = (result.black_box, result.grey_box, result.white_box)
    return [a for part in parts if isinstance(part, Attacks) for a in part.attacks]


def _score(name: str, found: Measured, synthetic: int, **more: Any) -> Score:
    if isinstance(found, Absent):
        return absent(name, found.reason)
    counts = {"n_real": found.n, "n_synthetic": synthetic}
    return Score(name=name, value=found.value, low=found.low, high=found.high, **counts, **more)


def _of_copies(result: PrivacyResult, settings: PrivacySettings, synthetic: int) -> list[Score]:
    found = result.near_copies
    if isinstance(found, Absent):
        return [absent(name, found.reason) for name in ("training subjects copied", "near-copies")]
    counts = {"n_real": result.members, "n_synthetic": synthetic}
    missed = [kind for kind in found.weak if kind in settings.copies.must_find]
    weak = f"the search finds too few copies that were {' or '.join(missed)} on purpose" if missed else None
    copied, shares = len(found.for_certain), _share(found, settings, synthetic)
    scores = [
        _known("training subjects copied", (copied, copied, copied), weak, unit="subjects", **counts),
        _known("near-copies", shares, weak, unit="of images", floor=found.false_alarms.value, **counts),
        _score("false alarms of held-out images", found.false_alarms, synthetic, unit="of images"),
    ]
    for kind, figure in found.planted.items():
        scores.append(_score(f"planted copies found, {kind}", figure, synthetic, better="high", unit="of copies"))
    for space, closer in found.closer.items():
        scores.append(_score(f"closer to members than to others ({space})", closer, synthetic, unit="of images"))
    return scores


def _known(name: str, values: tuple[float, float, float], weak: str | None, **more: Any) -> Score:
    """What was found in any case; that nothing was found, only where the search is not too weak to say so."""
    value, low, high = values
    if weak is not None and not low > 0:
        return absent(name, weak, n_real=more["n_real"], n_synthetic=more["n_synthetic"])
    return Score(name=name, value=value, low=low, high=high, **more)


def _share(found: NearCopies, settings: PrivacySettings, synthetic: int) -> tuple[float, float, float]:
    """Share of the images at hand, and below it the share that false alarms do not explain.

    These images are all there are, so that nothing is drawn again; but some of what is above the threshold lies there by chance, with
    all images of a subject at once in the worst case.
    """
    from scipy.stats import binom

    share = found.copied.value
    rate = max(settings.copies.false_alarms, found.false_alarms.value)
    chance = float(binom.ppf(0.975, synthetic, rate)) / synthetic
    return share, max(0.0, share - chance), share


def _of_attacks(access: Access, part: Attacks | Absent, synthetic: int) -> list[Score]:
    """The strongest attack, then each."""
    name = f"membership AUC ({access})"
    if isinstance(part, Absent):
        return [absent(name, part.reason)]
    scores = [_strongest(name, part, synthetic)]
    for a in part.attacks:
        about = f"{a.name} ({access})"
        scores.append(_score(f"AUC, {about}", a.result.auc, synthetic, floor=_looks_alone(a)))
        scores += [
            _score(f"found at {rate} false positives, {about}", f, synthetic) for rate, f in a.result.tpr.items()
        ]
        scores.append(_score(f"members exposed, {about}", a.result.exposed, synthetic, floor=0.05, unit="of members"))
    return scores


def _strongest(name: str, part: Attacks, synthetic: int) -> Score:
    """The attack that leaves the least doubt, of those that found a planted leak or found a real one."""
    able = [a for a in part.attacks if not a.weak or a.result.auc.low > _looks_alone(a)]
    if not able:
        best = max((a.planted.value for a in part.attacks if isinstance(a.planted, Figure)), default=BY_CHANCE)
        return absent(name, f"no attack finds even a leak that was planted (the best has an area of {best:.2f} there)")
    found = max(able, key=lambda a: a.result.auc.low - _looks_alone(a))
    return _score(name, best_of(found.result.auc, len(part.attacks)), synthetic, floor=_looks_alone(found))


def best_of(area: Figure, tried: int) -> Figure:
    """The interval of the best of so many attacks: wider, because among many one looks good by chance (Bonferroni).

    Not where it tells everybody apart, which even of eight and eight happens to one in 12,870: that interval is wide already.
    """
    from scipy.stats import norm

    if area.value in (0.0, 1.0):
        return area
    wider = float(norm.isf((1 - LEVEL) / 2 / tried) / norm.isf((1 - LEVEL) / 2))
    low, high = area.value - wider * (area.value - area.low), area.value + wider * (area.high - area.value)
    return area.model_copy(update={"low": max(0.0, low), "high": min(1.0, high)})


def _looks_alone(a: Attack) -> float:
    """What members who look like others, against other members, surely reach: it is no membership."""
    return max(BY_CHANCE, a.control.low) if isinstance(a.control, Figure) else BY_CHANCE


def _of_attributes(part: Inferences | Absent, synthetic: int) -> list[Score]:
    name = "secrets told beyond what held-out subjects tell"
    if isinstance(part, Absent):
        return [absent(name, part.reason)]
    return [
        _score(
            f"{name}: {i.secret}, of who knows {'the image' if i.knows == 'the image' else 'the rest'}",
            i.risk,
            synthetic,
        )
        for i in part.secrets
    ]


def _of_audit(part: Audit | Absent) -> Score:
    """The bound as a share of the claim: above 1 the claim is false."""
    name = "epsilon proven, of the claim"
    if isinstance(part, Absent):
        return absent(name, part.reason)
    if part.could_show <= part.claimed:
        return absent(name, part.told)
    share = part.bound / part.claimed
    return Score(name=name, value=share, low=share, high=share)
