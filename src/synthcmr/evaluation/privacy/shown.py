"""What a reader sees of privacy: curves, tables, patients at risk, and copies beside what they are copies of."""

from __future__ import annotations

from collections.abc import Sequence

from synthcmr.evaluation.privacy.attributes import Inference
from synthcmr.evaluation.privacy.copies import Copy, NearCopies
from synthcmr.evaluation.privacy.figures import Absent, Figure, Measured
from synthcmr.evaluation.privacy.membership import Attack
from synthcmr.evaluation.privacy.result import Attacks, Inferences, PrivacyResult
from synthcmr.evaluation.score import Line, Picture, Plot, Table

TOLD = {"images": "by the images alone", "asking": "by asking the generator", "weights": "by the generator's weights"}
SHOWN, NAMED = 12, 10  # pairs of images, and patients


def plots(result: PrivacyResult) -> tuple[Plot, ...]:
    """ROC curves by what the attacker has, risks of patients, and how alike images are to training images."""
    found = [_roc(part.attacks) for part in _parts(result)]
    if _parts(result):
        found.append(_risks(result))
    if isinstance(result.near_copies, NearCopies):
        found.append(_alike(result.near_copies))
    return tuple(found)


def tables(result: PrivacyResult) -> tuple[Table, ...]:
    """Every attack, the patients at most risk, planted copies and guessed secrets."""
    found = []
    if _parts(result):
        found += [_attacks(result), _patients(result)]
    if isinstance(result.near_copies, NearCopies):
        found.append(_planted(result.near_copies))
    if isinstance(result.attributes, Inferences):
        found.append(_secrets(result.attributes.secrets))
    return tuple(found)


def pictures(result: PrivacyResult) -> dict[str, tuple[Picture, ...]]:
    """Copies beside the training images that they are of; where there are none, the images that come nearest to any."""
    found = result.near_copies
    if isinstance(found, Absent):
        return {}
    if found.copies:
        return {"Near-copies, each beside a training image": tuple(_pair(c) for c in found.copies[:SHOWN])}
    return {"No copies; most like a training image": tuple(_pair(c) for c in found.likest)}


def _parts(result: PrivacyResult) -> list[Attacks]:
    return [p for p in (result.black_box, result.grey_box, result.white_box) if isinstance(p, Attacks)]


def _roc(attacks: Sequence[Attack]) -> Plot:
    lines = tuple(
        Line(
            name=f"{a.name}, {a.result.auc.value:.2f}",
            x=tuple(x for x, _ in a.result.curve),
            y=tuple(y for _, y in a.result.curve),
        )
        for a in attacks
    )
    return Plot(
        title=f"Members told from held-out subjects {TOLD[attacks[0].access]}",
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
    for part in _parts(result):
        a = part.strongest
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


def _alike(found: NearCopies) -> Plot:
    members = (
        f" and {found.and_members} training images, each beside those of other subjects" if found.and_members else ""
    )
    lines = [
        Line(name=name, x=values, y=tuple(100 * (1 - k / len(values)) for k in range(len(values))))
        for name, values in (
            ("synthetic", found.correlations["synthetic"]),
            ("held out", found.correlations["held out"]),
        )
    ]
    limit = Line(name=f"near-copy: above {found.threshold:.3f}", x=(found.threshold,) * 2, y=(0.0, 100.0))
    return Plot(
        title="How like a training image each image is",
        x="correlation with the likest training image, once laid over it",
        y="images that reach it, %",
        lines=(*lines, limit),
        note=f"The threshold comes from {found.calibrated_on} held-out images{members}; "
        f"above {found.certain:.3f} an image is a copy for certain.",
    )


def _attacks(result: PrivacyResult) -> Table:
    rows = tuple(
        (
            f"{a.name} ({a.access})",
            _figure(a.result.auc),
            _figure(a.control),
            _figure(a.planted) + (", weak" if a.weak else ""),
            *(_share(f) for f in a.result.tpr.values()),
            _share(a.result.exposed),
        )
        for part in _parts(result)
        for a in part.attacks
    )
    rates = tuple(f"found at {rate} false positives" for rate in _parts(result)[0].attacks[0].result.tpr)
    return Table(
        title="Every attack on membership",
        columns=("attack", "area", "looks alone", "planted leak", *rates, "exposed"),
        rows=rows,
        note="Looks alone: the area between members who look like held-out subjects and other members, of whom all were learned from. "
        "Planted leak: the area on a leak made on purpose. Exposed: members whom less than one in twenty held-out subjects outdo.",
    )


def _patients(result: PrivacyResult) -> Table:
    """Those whom fewest held-out subjects outdo, by the strongest attack of each kind."""
    strongest = [part.strongest for part in _parts(result)]
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


def _planted(found: NearCopies) -> Table:
    rows = tuple((kind, _share(f), str(f.n)) for kind, f in found.planted.items())
    return Table(
        title="Could it have found a copy?",
        columns=("copies made on purpose", "found", "of subjects"),
        rows=(*rows, ("none: held-out real images", _share(found.false_alarms), str(found.false_alarms.n))),
        note="The last line are false alarms.",
    )


def _secrets(secrets: Sequence[Inference]) -> Table:
    rows = tuple(
        (
            i.secret,
            i.knows,
            f"{i.members:.0%}",
            f"{i.others:.0%}",
            _figure(i.risk) if isinstance(i.risk, Figure) else i.risk.reason,
        )
        for i in secrets
    )
    return Table(
        title="Secrets guessed from the synthetic set",
        columns=("secret", "who knows", "of members", "of held-out subjects", "beyond them"),
        rows=rows,
        note="What is guessed of held-out subjects as well is medicine, not a leak.",
    )


def _pair(copy: Copy) -> Picture:
    real = Picture(image_id=copy.training_image, cohort="real", caption=f"training, {copy.training_subject}")
    caption = f"{copy.correlation:.2f}, {_done(copy)}"
    return Picture(image_id=copy.synthetic_image, cohort="synthetic", caption=caption, beside=real)


def _done(copy: Copy) -> str:
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


def _figure(found: Measured) -> str:
    if isinstance(found, Absent):
        return "unknown"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _share(found: Measured) -> str:
    if isinstance(found, Absent):
        return "too few"
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"
