"""What a reader sees of privacy: curves, tables, patients at risk, and copies beside what they are copies of."""

from __future__ import annotations

from collections.abc import Sequence

from synthcmr.evaluation.privacy.attribute_inference import AttributeInference, Inferences
from synthcmr.evaluation.privacy.copies.near_copies import NearCopies, NearCopy
from synthcmr.evaluation.privacy.interval_estimates import Absent, EstimateOrReason
from synthcmr.evaluation.privacy.membership.membership_attack import MembershipAttack
from synthcmr.evaluation.privacy.privacy_judgement import PrivacyResult
from synthcmr.evaluation.score import Line, Plot, ShownImage, Table

BY_ACCESS = {
    "images": "by the images alone",
    "asking": "with sampling access (grey box)",
    "weights": "by the generator's weights",
}
SHOWN, NAMED = 12, 10  # pairs of images, and patients


def plots(result: PrivacyResult) -> tuple[Plot, ...]:
    """ROC curves by what the attacker has, risks of patients, and how alike images are to training images."""
    drawn = [_roc(part.attacks) for part in result.attacked]
    if result.attacked:
        drawn.append(_risks(result))
    if isinstance(result.near_copies, NearCopies):
        drawn.append(_alike(result.near_copies))
    return tuple(drawn)


def tables(result: PrivacyResult) -> tuple[Table, ...]:
    """Every attack, the patients at most risk, planted copies and guessed secrets."""
    filled = []
    if result.attacked:
        filled += [_attacks(result), _patients(result)]
    if isinstance(result.near_copies, NearCopies):
        filled.append(_planted(result.near_copies))
    if isinstance(result.attributes, Inferences):
        filled.append(_secrets(result.attributes.secrets))
    return tuple(filled)


def pictures(result: PrivacyResult) -> dict[str, tuple[ShownImage, ...]]:
    """Copies beside the training images that they are of; where there are none, the images that come nearest to any."""
    copies = result.near_copies
    if isinstance(copies, Absent):
        return {}
    if copies.copies:
        return {"Near-copies, each beside a training image": tuple(_pair(c) for c in copies.copies[:SHOWN])}
    return {"No copies; most like a training image": tuple(_pair(c) for c in copies.likest)}


def _roc(attacks: Sequence[MembershipAttack]) -> Plot:
    lines = tuple(
        Line(
            name=f"{a.name}, {a.result.auc.value:.2f}",
            x=tuple(x for x, _ in a.result.curve),
            y=tuple(y for _, y in a.result.curve),
        )
        for a in attacks
    )
    return Plot(
        title=f"Members told from held-out subjects {BY_ACCESS[attacks[0].access]}",
        x="held-out subjects called members",
        y="members found",
        lines=lines,
        kind="roc",
        note="Behind each name: the area under its curve, 0.5 by chance; "
        f"so many subjects tell {attacks[0].result.detectable:.2f} from it.",
    )


def _risks(result: PrivacyResult) -> Plot:
    """Of the strongest attack of each kind."""
    lines = [Line(name="by chance", x=(0.0, 100.0), y=(0.0, 100.0))]
    for a in (part.strongest for part in result.attacked):
        count = len(a.result.risks)
        lines.append(
            Line(
                name=f"{a.name} ({a.access})",
                x=tuple(round(100 * (k + 1) / count, 2) for k in range(count)),
                y=tuple(100 * risk.outdone_by for risk in a.result.risks),
            )
        )
    return Plot(
        title="Risk, patient by patient",
        x="members, the most exposed first, %",
        y="held-out subjects that outdo it, %",
        lines=tuple(lines),
        note="A member at 1 % stands out from 99 of 100 who were never seen. "
        "Where a line lies well below that of chance, patients leak.",
    )


def _alike(copies: NearCopies) -> Plot:
    members = (
        f" and {copies.and_members} training images, each beside those of other subjects" if copies.and_members else ""
    )
    lines = [
        Line(name=name, x=values, y=tuple(100 * (1 - k / len(values)) for k in range(len(values))))
        for name, values in ((name, copies.correlations[name]) for name in ("synthetic", "held out"))
    ]
    limit = Line(name=f"near-copy: above {copies.threshold:.3f}", x=(copies.threshold,) * 2, y=(0.0, 100.0))
    return Plot(
        title="How like a training image each image is",
        x="correlation with the best match among training images after registration",
        y="images that reach it, %",
        lines=(*lines, limit),
        note=f"The threshold comes from {copies.calibrated_on} held-out images{members}; "
        f"above {copies.certain:.3f} an image is a copy for certain.",
    )


def _attacks(result: PrivacyResult) -> Table:
    rows = tuple(
        (
            f"{a.name} ({a.access})",
            _estimate(a.result.auc),
            _estimate(a.control),
            _estimate(a.planted) + (", weak" if a.weak else ""),
            *(_share(f) for f in a.result.tpr.values()),
            _share(a.result.exposed),
        )
        for a in result.attacks
    )
    rates = tuple(f"found at {rate} false positives" for rate in result.attacks[0].result.tpr)
    return Table(
        title="Every attack on membership",
        columns=("attack", "area", "looks alone", "planted leak", *rates, "exposed"),
        rows=rows,
        note="Looks alone: the area between members who look like held-out subjects and other members, of whom all were learned from. "
        "Planted leak: the area on a leak made on purpose. Exposed: members whom less than one in twenty held-out subjects outdo.",
    )


def _patients(result: PrivacyResult) -> Table:
    """Those whom fewest held-out subjects outdo, by the strongest attack of each kind."""
    strongest = [part.strongest for part in result.attacked]
    by_name = [{risk.subject: risk.outdone_by for risk in a.result.risks} for a in strongest]
    names = sorted(by_name[0], key=lambda name: (min(b.get(name, 1.0) for b in by_name), name))[:NAMED]
    copied = result.near_copies.subjects if isinstance(result.near_copies, NearCopies) else {}
    rows = tuple(
        (name, str(copied.get(name, 0)), *(f"{b[name]:.1%}" if name in b else "" for b in by_name)) for name in names
    )
    return Table(
        title="Patients at most risk",
        columns=("member", "near-copies", *(f"{a.name} ({a.access})" for a in strongest)),
        rows=rows,
        note="Share of held-out subjects that look as much like a member. "
        "Of many patients some stand out by chance: see the line of chance above.",
    )


def _planted(copies: NearCopies) -> Table:
    parts = {} if copies.partial is None else copies.partial.planted
    rows = tuple((kind, _share(f), str(f.n)) for kind, f in (copies.planted | parts).items())
    return Table(
        title="Could it have found a copy?",
        columns=("copies made on purpose", "found", "of subjects"),
        rows=(*rows, ("none: held-out real images", _share(copies.false_alarms), str(copies.false_alarms.n))),
        note="The last line are false alarms.",
    )


def _secrets(secrets: Sequence[AttributeInference]) -> Table:
    rows = tuple(
        (
            i.secret,
            i.knows,
            f"{i.members:.0%}",
            f"{i.others:.0%}",
            i.risk.reason if isinstance(i.risk, Absent) else _estimate(i.risk),
        )
        for i in secrets
    )
    return Table(
        title="Secrets guessed from the synthetic set",
        columns=("secret", "who knows", "of members", "of held-out subjects", "beyond them"),
        rows=rows,
        note="What is guessed of held-out subjects as well is medicine, not a leak.",
    )


def _pair(copy: NearCopy) -> ShownImage:
    real = ShownImage(image_id=copy.training_image, cohort="real", caption=f"training, {copy.training_subject}")
    caption = f"{copy.correlation:.2f}, {_changes(copy)}"
    return ShownImage(image_id=copy.synthetic_image, cohort="synthetic", caption=caption, beside=real)


def _changes(copy: NearCopy) -> str:
    """What would have been done to the training image, in words."""
    v, words = copy.done, []
    if v.mirrored or v.upside_down:
        words.append(
            "turned half round" if v.mirrored and v.upside_down else "mirrored" if v.mirrored else "upside down"
        )
    if abs(v.scale - 1) > 0.01:
        words.append(f"{v.scale:.2f} times as large")
    if abs(v.degrees) > 1:
        words.append(f"turned by {v.degrees:.0f}°")
    if max(abs(copy.down), abs(copy.right)) >= 1:
        words.append(f"moved by {max(abs(copy.down), abs(copy.right)):.0f} pixels")
    return ", ".join(words) or "as it is"


def _estimate(estimate: EstimateOrReason) -> str:
    if isinstance(estimate, Absent):
        return "unknown"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def _share(estimate: EstimateOrReason) -> str:
    if isinstance(estimate, Absent):
        return "too few"
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
