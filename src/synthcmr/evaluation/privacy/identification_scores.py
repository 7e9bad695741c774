"""How many members an access identifies at a strict false positive rate, and how many of them are exposed for certain."""

from __future__ import annotations

from typing import Any

from synthcmr.evaluation.privacy.interval_estimates import STRICT, Absent, Identification, IntervalEstimate
from synthcmr.evaluation.privacy.membership.membership_attack import Access, Attacks, MembershipAttack
from synthcmr.evaluation.privacy.privacy_judgement import PrivacyResult
from synthcmr.evaluation.score import Score, absent

BY_CHANCE = 0.5


def identification_scores(access: Access, part: Attacks | Absent, result: PrivacyResult, synthetic: int) -> list[Score]:
    """Both scores of one access: of the attack that exposes most members, of those that found a planted leak or expose anyone.

    Args:
        access: of the attacks.
        part: the attacks, or why there are none.
        result: all attacks; the error is shared out among them, whatever their access, so that an innocent generator is accused in
            no more than one of forty evaluations.
        synthetic: subjects.
    """
    names = f"members identified ({access})", f"members exposed for certain ({access})"
    if isinstance(part, Absent):
        return [absent(name, part.reason) for name in names]
    tried = len(result.attacks)
    looked = [(attack, _admitted(attack, result)) for attack in part.attacks]
    counted = [(attack, of) for attack, of in looked if isinstance(of, Identification)]
    able = [of for attack, of in counted if not attack.weak or of.exposed(tried)]
    if not able:
        return [absent(name, _why_none(looked)) for name in names]
    most = max(able, key=lambda of: (of.exposed(tried) / of.members, of.identified / of.members))
    if not most.could_show(tried):
        reason = f"{most.members} members and {most.others} held-out subjects are too few to expose anyone for certain"
        return [absent(name, reason) for name in names]
    share, exposed = most.share(tried), most.exposed(tried)
    counts = {"n_real": most.members + most.others, "n_synthetic": synthetic}
    return [
        _interval(names[0], share, unit=f"of members, at {most.rate:.2g} false positives", **counts),
        Score(name=names[1], value=exposed, low=exposed, high=exposed, unit="subjects", **counts),
    ]


def too_few_for_strict(result: PrivacyResult) -> str | None:
    """The note that there are too few held-out subjects for 1 % false positives, where that is so."""
    known = [a.result.identified for a in result.attacks if a.result.identified is not None]
    if not known or known[0].rate <= STRICT:
        return None
    return (
        f"{known[0].others} held-out subjects are too few for a false positive rate of {STRICT:.0%}: members are identified at "
        f"{known[0].rate:.1%}, the strictest rate that so many support."
    )


def _admitted(attack: MembershipAttack, result: PrivacyResult) -> Identification | str:
    """The count that speaks of membership: where the split itself can be seen, of members who look like held-out subjects alone.

    Those are members as well, so that no leak is lost but in number; reference models take looks out of every subject by themselves.
    """
    bias = result.split_bias
    if attack.calibrated or not isinstance(bias, IntervalEstimate) or bias.low <= BY_CHANCE:
        return attack.result.identified or "the attack is of a version that did not count identified members"
    if attack.matched is None:
        return f"members differ in looks from held-out subjects (split bias, AUC {bias.value:.2f}), and too few resemble these"
    return attack.matched


def _why_none(looked: list[tuple[MembershipAttack, Identification | str]]) -> str:
    reasons = [of for _, of in looked if isinstance(of, str)]
    return reasons[0] if reasons else "no attack finds even a leak that was planted"


def _interval(name: str, estimate: IntervalEstimate, **more: Any) -> Score:
    return Score(name=name, value=estimate.value, low=estimate.low, high=estimate.high, **more)
