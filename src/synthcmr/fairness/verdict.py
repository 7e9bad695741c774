"""Three sentences for a reader in a hurry."""

from synthcmr.fairness.association import MIN_SUBJECTS, Association
from synthcmr.fairness.cells import AttributeCounts, MissingCell, in_words

IMBALANCED = 3.0
NAMED = 3
FEW_SUBJECTS = 100
EXPECTED = ("sex", "age", "bmi", "vendor")  # without these a cohort cannot be judged, and a model trained on it neither


def verdict(
    n: int, label: str | None, counts: list[AttributeCounts], missing: list[MissingCell], pairs: list[Association]
) -> list[str]:
    """Who is missing, what is tangled, what to do."""
    if n < MIN_SUBJECTS:
        return [
            f"With {n} subjects this cohort is too small to say whom it leaves out; at least {MIN_SUBJECTS} are needed.",
            "The counts below are what there is; shares and associations would describe chance.",
            "Read it as a list of people, not as a sample of a population.",
        ]
    tangled = [p for p in pairs if p.tangled]
    with_label = [p for p in tangled if label in (p.a, p.b)]
    return [
        _unknown(counts) + _who_is_missing(counts, missing),
        _what_is_tangled(n, label, with_label, tangled),
        _what_to_do(label, with_label, missing, counts),
    ]


def _unknown(counts: list[AttributeCounts]) -> str:
    known = {c.name for c in counts if c.n}
    silent = [name for name in EXPECTED if name not in known]
    if not silent:
        return ""
    told = " and ".join([", ".join(silent[:-1]), silent[-1]] if len(silent) > 1 else silent)
    return f"Nothing is known of {told}: whom the cohort leaves out by these nobody can say. "


def _who_is_missing(counts: list[AttributeCounts], missing: list[MissingCell]) -> str:
    if missing:
        told = "; ".join(
            f"{describe(m)} ({m.count}, where {m.expected:.0f} were to be expected)" for m in missing[:NAMED]
        )
        return f"Missing or nearly missing: {told}."
    worst = max((c for c in counts if len(c.groups) > 1), key=lambda c: c.imbalance, default=None)
    if worst is not None and worst.imbalance >= IMBALANCED:
        rarest = min(worst.groups, key=lambda g: worst.groups[g])
        return (
            "No combination of two attributes that was to be expected is missing, but groups differ in size: only "
            f"{worst.groups[rarest]} of {worst.n} "
            f"subjects are '{rarest}' ({worst.name})."
        )
    return "Groups are there in comparable numbers, and no combination of two attributes that was to be expected is missing."


def _what_is_tangled(n: int, label: str | None, with_label: list[Association], tangled: list[Association]) -> str:
    if with_label and label is not None:
        told = ", ".join(
            f"{_other(p, label)} (Cramér's V {p.v:.2f}, {p.low:.2f} to {p.high:.2f}, n = {p.n})" for p in with_label
        )
        return f"Tangled with {label}: {told}; a model trained here can learn these instead of the disease."
    if tangled:
        told = ", ".join(f"{p.a} with {p.b} (V {p.v:.2f}, n = {p.n})" for p in tangled[:NAMED])
        return f"No attribute is tangled with {label or 'a label'}, but some are with each other: {told}."
    weak = f", though with {n} subjects only strong ties would show" if n < FEW_SUBJECTS else ""
    return f"No two attributes are tangled beyond what chance explains{weak}."


def _what_to_do(
    label: str | None, with_label: list[Association], missing: list[MissingCell], counts: list[AttributeCounts]
) -> str:
    if with_label and label is not None:
        names = ", ".join(_other(p, label) for p in with_label)
        return f"Plan images so that {label} no longer depends on {names}, and judge any model on each of these groups apart."
    if missing:
        return "Before trusting a model on those groups, collect or plan images for them; results on them cannot be checked here."
    uneven = [c.name for c in counts if len(c.groups) > 1 and c.imbalance >= IMBALANCED]
    if uneven:
        return f"Results on the small groups of {', '.join(uneven)} will be uncertain: enlarge them, and report them apart."
    gaps = [c.name for c in counts if c.missing > 0.2 * (c.missing + c.n)]
    if gaps:
        return f"What is known looks balanced, but {', '.join(gaps)} is missing for over a fifth of the subjects."
    return "Nothing needs to be balanced; keep splits by subject and report results per group all the same."


def describe(cell: MissingCell) -> str:
    """A crossing in words: "female, diagnosis DCM, obese"."""
    return in_words(cell.attributes, cell.groups)


def _other(pair: Association, label: str) -> str:
    return pair.b if pair.a == label else pair.a
