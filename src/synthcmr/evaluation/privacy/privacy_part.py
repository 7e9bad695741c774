"""The part privacy: what each attack achieves as a score, and one score for each kind of access that rules look at."""

from __future__ import annotations

from typing import Any

from synthcmr.errors import SynthcmrError
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.features.cmr import CmrExtractor
from synthcmr.evaluation.privacy.attack_target import AttackTarget
from synthcmr.evaluation.privacy.attribute_inference import IMAGE, AttributeInference, Inferences
from synthcmr.evaluation.privacy.copies.near_copies import NearCopies
from synthcmr.evaluation.privacy.copies.partial_copies import PartialCopies
from synthcmr.evaluation.privacy.dp_audit import EpsilonAudit
from synthcmr.evaluation.privacy.identification_scores import identification_scores, too_few_for_strict
from synthcmr.evaluation.privacy.image_selection import split_members
from synthcmr.evaluation.privacy.interval_estimates import Absent, EstimateOrReason, IntervalEstimate
from synthcmr.evaluation.privacy.membership.membership_attack import Access, Attacks, MembershipAttack
from synthcmr.evaluation.privacy.privacy_judgement import PrivacyResult, judge_privacy
from synthcmr.evaluation.privacy.privacy_report import pictures, plots, tables
from synthcmr.evaluation.privacy.settings import PRIVACY_RULES, PrivacyPartSettings
from synthcmr.evaluation.score import PartResult, Score, absent
from synthcmr.statistics.intervals import LEVEL

FOLDER = "parts/privacy"  # of finished attacks, so that a judgement that was cut short goes on
PARTIAL, MUST_FIND_PART = "partial copies", "half"
BY_CHANCE = 0.5  # area under the curve of an attack that knows nothing


def privacy(comparison: Comparison) -> PartResult:
    """Every score of privacy; without held-out subjects there is none, and the reason."""
    real, synthetic, settings = comparison.whole, comparison.synthetic, comparison.settings.privacy
    target = comparison.attack_target or AttackTarget()
    encoder = CmrExtractor(comparison.settings.encoder)
    try:
        split_members(real, comparison.frames, settings)  # whether anything can be said, before what takes long
        result = judge_privacy(
            real,
            synthetic,
            settings,
            comparison.out / FOLDER,
            target,
            encoder.of_images,
            encoder.hash,
            comparison.report,
            (comparison.features_of(real, encoder), comparison.features_of(synthetic, encoder)),
        )
    except SynthcmrError as error:
        wanted = [rule.score for rule in PRIVACY_RULES.values() if not rule.optional]
        return PartResult(scores=tuple(absent(name, str(error)) for name in wanted))
    return PartResult(
        scores=privacy_scores(result, settings, target, len(synthetic.subjects)),
        notes=notes(result, target, real.hash),
        privacy=result,
        plots=plots(result),
        tables=tables(result),
        pictures=pictures(result),
    )


def privacy_scores(
    result: PrivacyResult, settings: PrivacyPartSettings, target: AttackTarget, synthetic: int
) -> tuple[Score, ...]:
    """Every score of privacy; none of attacks for which the generator was not given.

    Args:
        result: of all attacks.
        settings: of the attacks.
        target: what was at hand of the generator.
        synthetic: subjects.
    """
    parts: dict[Access, Attacks | Absent] = {"images": result.black_box}
    if target.sampling is not None:
        parts["asking"] = result.grey_box
    if target.errors is not None:
        parts["weights"] = result.white_box
    scores = _of_copies(result, settings, synthetic)
    for access, part in parts.items():
        scores += identification_scores(access, part, result, synthetic) + _of_attacks(access, part, synthetic)
    scores.append(_score("split bias, AUC", result.split_bias, synthetic))
    scores += _of_attributes(result.attributes, synthetic)
    return tuple(scores if target.claim is None else [*scores, _of_audit(result.audit)])


def notes(result: PrivacyResult, target: AttackTarget, real: str) -> tuple[str, ...]:
    """What a reader must know to read the scores; `real` is the hash of the real cohort."""
    lines = [
        f"Members: {result.members} subjects who were learned from. Held out: {result.calibrating} to calibrate on and "
        f"{result.judged} to be judged by. If the generator saw held-out subjects, everything here understates."
    ]
    if target.sampling is None:
        lines.append(
            "No generator was given (--run): only attacks that see nothing but images were made. Weights that are released can tell more."
        )
    elif target.learned_from and real not in target.learned_from:
        lines.append(
            "The generator's run did not learn from this real cohort: attacks on it say nothing about its members."
        )
    if target.sampling is not None and target.errors is None:
        lines.append("The generator's family tells no errors: its weights were not attacked.")
    if isinstance(result.near_copies, NearCopies) and result.near_copies.weak:
        lines.append(f"The search for copies misses some that are {' or '.join(result.near_copies.weak)}.")
    if result.weak:
        lines.append(f"Too weak to find a planted leak, so that silence means nothing: {', '.join(result.weak)}.")
    if few := too_few_for_strict(result):
        lines.append(few)
    backwards = ", ".join(f"{a.name} ({a.access})" for a in result.attacks if a.result.auc.high < BY_CHANCE)
    if backwards:
        lines.append(
            f"Held-out subjects look more like members than members do to: {backwards}. That is no leak; "
            "the sides differ in who they are, or a reference model learned from members."
        )
    return tuple(lines)


def best_of(area: IntervalEstimate, tried: int) -> IntervalEstimate:
    """The interval of the best of so many attacks: wider, because among many one looks good by chance (Bonferroni).

    Not where it tells everybody apart, which even of eight and eight happens to one in 12,870: that interval is wide already.
    """
    from scipy.stats import norm

    if area.value in (0.0, 1.0):
        return area
    wider = float(norm.isf((1 - LEVEL) / 2 / tried) / norm.isf((1 - LEVEL) / 2))
    low, high = area.value - wider * (area.value - area.low), area.value + wider * (area.high - area.value)
    return area.model_copy(update={"low": max(0.0, low), "high": min(1.0, high)})


def _score(name: str, estimate: EstimateOrReason, synthetic: int, **more: Any) -> Score:
    if isinstance(estimate, Absent):
        return absent(name, estimate.reason)
    counts = {"n_real": estimate.n, "n_synthetic": synthetic}
    return Score(name=name, value=estimate.value, low=estimate.low, high=estimate.high, **counts, **more)


def _of_copies(result: PrivacyResult, settings: PrivacyPartSettings, synthetic: int) -> list[Score]:
    copies = result.near_copies
    if isinstance(copies, Absent):
        return [absent(name, copies.reason) for name in ("training subjects copied", "near-copies", PARTIAL)]
    counts = {"n_real": result.members, "n_synthetic": synthetic}
    missed = [kind for kind in copies.weak if kind in settings.copies.must_find]
    weak = f"the search finds too few copies that were {' or '.join(missed)} on purpose" if missed else None
    certain, share = len(copies.for_certain), _beyond_false_alarms(copies, settings, synthetic)
    parts = [] if copies.partial is None else _of_parts(copies.partial, settings, synthetic, counts)
    scores = [
        _unless_weak("training subjects copied", (certain, certain, certain), weak, unit="subjects", **counts),
        _unless_weak("near-copies", share, weak, unit="of images", floor=copies.false_alarms.value, **counts),
        _score("false alarms of held-out images", copies.false_alarms, synthetic, unit="of images"),
    ]
    for kind, results in copies.planted.items():
        scores.append(_score(f"planted copies found, {kind}", results, synthetic, better="high", unit="of copies"))
    for space, closer in copies.closer.items():
        scores.append(_score(f"closer to members than to others ({space})", closer, synthetic, unit="of images"))
    return scores + parts


def _of_parts(
    copies: PartialCopies, settings: PrivacyPartSettings, synthetic: int, counts: dict[str, int]
) -> list[Score]:
    """Copies of a half, a heart or a chest; that there is none is said only where planted halves were found."""
    weak = "the search finds too few copies of half an image" if MUST_FIND_PART in copies.weak else None
    share = _beyond_false_alarms(copies, settings, synthetic)
    scores = [
        _unless_weak(PARTIAL, share, weak, unit="of images", floor=copies.false_alarms.value, **counts),
        _score("false alarms of held-out images, partial copies", copies.false_alarms, synthetic, unit="of images"),
    ]
    for kind, results in copies.planted.items():
        scores.append(_score(f"planted copies found, {kind}", results, synthetic, better="high", unit="of copies"))
    return scores


def _unless_weak(name: str, interval: tuple[float, float, float], weak: str | None, **more: Any) -> Score:
    """What was found in any case; that nothing was found, only where the search is not too weak to say so."""
    value, low, high = interval
    if weak is not None and not low > 0:
        return absent(name, weak, n_real=more["n_real"], n_synthetic=more["n_synthetic"])
    return Score(name=name, value=value, low=low, high=high, **more)


def _beyond_false_alarms(
    copies: NearCopies | PartialCopies, settings: PrivacyPartSettings, synthetic: int
) -> tuple[float, float, float]:
    """Share of the images at hand, and below it the share that false alarms do not explain.

    These images are all there are, so that nothing is drawn again; but some of what is above the threshold lies there by chance, with
    all images of a subject at once in the worst case.
    """
    from scipy.stats import binom

    share = copies.copied.value
    rate = max(settings.copies.false_alarms, copies.false_alarms.value)
    chance = float(binom.ppf(0.975, synthetic, rate)) / synthetic
    return share, max(0.0, share - chance), share


def _of_attacks(access: Access, part: Attacks | Absent, synthetic: int) -> list[Score]:
    """The strongest attack, then each."""
    name = f"membership AUC ({access})"
    if isinstance(part, Absent):
        return [absent(name, part.reason)]
    scores = [_strongest(name, part, synthetic)]
    for attack in part.attacks:
        about = f"{attack.name} ({access})"
        scores.append(_score(f"AUC, {about}", attack.result.auc, synthetic, floor=_looks_alone(attack)))
        for rate, tpr in attack.result.tpr.items():
            scores.append(_score(f"found at {rate} false positives, {about}", tpr, synthetic))
        exposed = attack.result.exposed
        scores.append(_score(f"members exposed, {about}", exposed, synthetic, floor=0.05, unit="of members"))
    return scores


def _strongest(name: str, part: Attacks, synthetic: int) -> Score:
    """The attack that leaves the least doubt, of those that found a planted leak or found a real one."""
    able = [a for a in part.attacks if not a.weak or a.result.auc.low > _looks_alone(a)]
    if not able:
        areas = [a.planted.value for a in part.attacks if isinstance(a.planted, IntervalEstimate)]
        best = max(areas, default=BY_CHANCE)
        return absent(name, f"no attack finds even a leak that was planted (the best has an area of {best:.2f} there)")
    strongest = max(able, key=lambda a: a.result.auc.low - _looks_alone(a))
    return _score(name, best_of(strongest.result.auc, len(part.attacks)), synthetic, floor=_looks_alone(strongest))


def _looks_alone(attack: MembershipAttack) -> float:
    """What members who look like others, against other members, surely reach: it is no membership."""
    return max(BY_CHANCE, attack.control.low) if isinstance(attack.control, IntervalEstimate) else BY_CHANCE


def _of_attributes(part: Inferences | Absent, synthetic: int) -> list[Score]:
    name = "attribute-inference advantage"
    if isinstance(part, Absent):
        return [absent(name, part.reason)]

    def about(inference: AttributeInference) -> str:
        return f"{inference.secret}, of who knows {IMAGE if inference.knows == IMAGE else 'the rest'}"

    return [_score(f"{name}: {about(inference)}", inference.risk, synthetic) for inference in part.secrets]


def _of_audit(part: EpsilonAudit | Absent) -> Score:
    """The bound as a share of the claim: above 1 the claim is false."""
    name = "audited ε / claimed ε"
    if isinstance(part, Absent):
        return absent(name, part.reason)
    if part.could_show <= part.claimed:
        return absent(name, part.sentence)
    share = part.bound / part.claimed
    return Score(name=name, value=share, low=share, high=share)
