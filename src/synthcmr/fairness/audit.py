"""The audit of a cohort: whom does it leave out, and what do images and hearts look like per group?"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.grouping import grouped
from synthcmr.cohort.labels import Label
from synthcmr.errors import SettingsError
from synthcmr.fairness.association import MIN_SUBJECTS, Association, associations
from synthcmr.fairness.cells import AttributeCounts, MissingCell, count_attribute, crossing, in_words, missing_cells
from synthcmr.formats import AUDIT
from synthcmr.statistics.intervals import student_mean

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort

SAMPLED_IMAGES = 400
MIN_GROUP = 5  # subjects; below, a mean would describe people rather than a group
IMAGE_MEASURES = {
    "brightness": "mean",
    "contrast": "blood : myocardium",
    "sharpness": "edge strength",
    "noise": "high-frequency",
}
HEART_MEASURES = {
    "lv_edv_ml": "LV EDV, ml",
    "lv_ef_percent": "LV EF, %",
    "lv_mass_g": "LV mass, g",
    "rv_edv_ml": "RV EDV, ml",
}
IMBALANCED = 3.0
NAMED = 3
FEW_SUBJECTS = 100
EXPECTED = ("sex", "age", "bmi", "vendor")  # without these a cohort cannot be judged, and a model trained on it neither


@dataclass(frozen=True)
class GroupMean:
    """A measure's mean in one group, over subjects."""

    attribute: str
    group: str
    measure: str
    n: int
    mean: float | None
    low: float | None  # 95 % interval of the mean
    high: float | None
    refused: str = ""


def image_measures(cohort: Cohort, seed: int = 0) -> pd.DataFrame:
    """Measures of a seeded sample of images, averaged per subject."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    picked = rng.permutation(len(cohort))[:SAMPLED_IMAGES]
    rows = [
        {"subject_id": cohort.images["subject_id"].iloc[i], **_of_image(cohort.image(i)[0], cohort.mask(i)[0])}
        for i in sorted(picked)
    ]
    table = pd.DataFrame(rows, columns=["subject_id", *IMAGE_MEASURES])
    return table.groupby("subject_id")[list(IMAGE_MEASURES)].mean()


def _of_image(image: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> dict[str, float]:
    blood, muscle = image[mask == Label.LV], image[mask == Label.MYOCARDIUM]
    seen = blood.size > 20 and muscle.size > 20 and np.median(muscle) > 0
    dy, dx = np.gradient(image)
    fine = image[1:-1, 1:-1] - 0.25 * (image[:-2, 1:-1] + image[2:, 1:-1] + image[1:-1, :-2] + image[1:-1, 2:])
    return {
        "brightness": float(image.mean()),
        "contrast": float(np.median(blood) / np.median(muscle)) if seen else float("nan"),
        "sharpness": float(np.hypot(dx, dy).mean()),
        "noise": float(np.median(np.abs(fine)) / 0.6745),
    }


def heart_measures(cohort: Cohort) -> pd.DataFrame:
    """Volumes, EF and mass per subject, where masks and spacing give them."""
    import pandas as pd

    volumes = cohort.volumes()
    first = (
        volumes[volumes["phase"].isin(["ED", "ES"])]
        .groupby(["subject_id", "phase"])[["lv_ml", "myo_g", "rv_ml"]]
        .first()
    )
    table = first.unstack("phase") if len(first) else pd.DataFrame()
    if table.empty or ("lv_ml", "ED") not in table:
        return pd.DataFrame(columns=list(HEART_MEASURES))
    ed = table["lv_ml"]["ED"]
    es = table["lv_ml"]["ES"] if ("lv_ml", "ES") in table else ed * np.nan
    columns = {
        "lv_edv_ml": ed,
        "lv_ef_percent": 100 * (ed - es) / ed,
        "lv_mass_g": table["myo_g"]["ED"],
        "rv_edv_ml": table["rv_ml"]["ED"],
    }
    return pd.DataFrame(columns)


def group_means(measures: pd.DataFrame, groups: pd.DataFrame, subject_ids: pd.Series) -> list[GroupMean]:
    """Every measure's mean in every group of every attribute."""
    results: list[GroupMean] = []
    if groups.columns.empty:
        return results
    joined = groups.set_index(subject_ids.to_numpy()).join(measures, how="left")
    for attribute in groups.columns:
        for group, rows in joined.dropna(subset=[attribute]).groupby(attribute, observed=True):
            for measure in measures.columns:
                results.append(
                    _mean(str(attribute), str(group), str(measure), rows[measure].dropna().to_numpy(dtype=float))
                )
    return results


def _mean(attribute: str, group: str, measure: str, values: npt.NDArray[np.float64]) -> GroupMean:
    n = len(values)
    if n < MIN_GROUP:
        return GroupMean(
            attribute, group, measure, n, None, None, None, f"{n} subjects; at least {MIN_GROUP} are needed"
        )
    low, high = student_mean(values)
    return GroupMean(attribute, group, measure, n, float(values.mean()), low, high)


def verdict(
    n: int, label: str | None, counts: list[AttributeCounts], missing: list[MissingCell], pairs: list[Association]
) -> list[str]:
    """Who is missing, what is associated, what to do."""
    if n < MIN_SUBJECTS:
        return [
            f"With {n} subjects the cohort is too small to say which groups are missing; at least {MIN_SUBJECTS} are needed.",
            "The counts on the page are right, but shares and associations of so few subjects can arise by chance.",
            "Do not conclude from these subjects to a population.",
        ]
    associated = [p for p in pairs if p.is_associated]
    with_label = [p for p in associated if label in (p.a, p.b)]
    return [
        _unknown(counts) + _who_is_missing(counts, missing),
        _associated(n, label, with_label, associated),
        _what_to_do(label, with_label, missing, counts),
    ]


def _unknown(counts: list[AttributeCounts]) -> str:
    known = {c.name for c in counts if c.n}
    silent = [name for name in EXPECTED if name not in known]
    if not silent:
        return ""
    listed = " or ".join([", ".join(silent[:-1]), silent[-1]] if len(silent) > 1 else silent)
    return f"No subject has a value of {listed}, so the audit cannot say which of these groups are missing. "


def _who_is_missing(counts: list[AttributeCounts], missing: list[MissingCell]) -> str:
    if missing:
        listed = "; ".join(
            f"{describe(m)} ({m.count} instead of the expected {m.expected:.0f})" for m in missing[:NAMED]
        )
        return f"Missing or nearly missing: {listed}."
    worst = max((c for c in counts if len(c.groups) > 1), key=lambda c: c.imbalance, default=None)
    if worst is not None and worst.imbalance >= IMBALANCED:
        rarest = min(worst.groups, key=lambda g: worst.groups[g])
        return (
            "No expected combination of two attributes is missing, but groups differ in size: only "
            f"{worst.groups[rarest]} of {worst.n} "
            f"subjects are '{rarest}' ({worst.name})."
        )
    return "Groups have similar sizes, and no expected combination of two attributes is missing."


def _associated(n: int, label: str | None, with_label: list[Association], associated: list[Association]) -> str:
    if with_label and label is not None:
        listed = ", ".join(
            f"{_other(p, label)} (Cramér's V {p.v:.2f}, 95 % interval {p.low:.2f} to {p.high:.2f}, n = {p.n})"
            for p in with_label
        )
        names = " or ".join(_other(p, label) for p in with_label)
        return (
            f"Associated with {label} (possible shortcut): {listed}. "
            f"A model trained on this cohort can learn {names} instead of {label}."
        )
    if associated:
        listed = ", ".join(f"{p.a} with {p.b} (V {p.v:.2f}, n = {p.n})" for p in associated[:NAMED])
        return (
            f"No attribute is associated with {label or 'a label'}, but these are associated with each other: {listed}."
        )
    weak = f" With {n} subjects only strong associations can be detected." if n < FEW_SUBJECTS else ""
    return f"No two attributes are associated more than chance explains.{weak}"


def _what_to_do(
    label: str | None, with_label: list[Association], missing: list[MissingCell], counts: list[AttributeCounts]
) -> str:
    if with_label and label is not None:
        names = ", ".join(_other(p, label) for p in with_label)
        return f"Plan images that make {label} independent of {names}. Evaluate every model on each of these groups separately."
    if missing:
        return "Collect or plan images for these groups before you trust a model on them. This cohort cannot check such a model."
    uneven = [c.name for c in counts if len(c.groups) > 1 and c.imbalance >= IMBALANCED]
    if uneven:
        return f"Results on the small groups of {', '.join(uneven)} will be uncertain. Enlarge these groups, and report them separately."
    gaps = [c.name for c in counts if c.missing > 0.2 * (c.missing + c.n)]
    if gaps:
        return f"The known values are balanced, but more than a fifth of the subjects have no value of {' or of '.join(gaps)}."
    return "Nothing needs to be balanced. Still split by subject, and report results for each group."


def describe(cell: MissingCell) -> str:
    """A crossing in words: "female, diagnosis DCM, obese"."""
    return in_words(cell.attributes, cell.groups)


def _other(pair: Association, label: str) -> str:
    return pair.b if pair.a == label else pair.a


MAX_CROSSINGS = 15


@dataclass(frozen=True)
class Audit:
    """The results of an audit."""

    cohort: str
    cohort_hash: str
    origin: tuple[str, ...]
    label: str | None
    subjects: int
    images: int
    judged: str  # which subjects associations and missing cells are about
    judged_subjects: int
    sentences: tuple[str, ...]
    attributes: tuple[AttributeCounts, ...]
    crossings: dict[str, dict[str, dict[str, int]]]  # "a x b" -> a's group -> b's group -> subjects
    associations: tuple[Association, ...]
    missing: tuple[MissingCell, ...]
    images_by_group: tuple[GroupMean, ...]
    hearts_by_group: tuple[GroupMean, ...]
    splits: dict[str, int]
    rejects: tuple[dict[str, str], ...]
    notes: int

    def to_json(self) -> dict[str, Any]:
        """Plain values; what could not be computed is null, with a reason beside it."""
        plain = _plain(asdict(self))
        for row, pair in zip(plain["associations"], self.associations, strict=True):
            row["tangled"] = pair.is_associated  # the key of audits written before; readers look for it
        return {"schema": AUDIT.schema, **plain}


def audit_cohort(
    cohort: Cohort, by: tuple[str, ...] | None = None, label: str | None = "diagnosis", seed: int = 0
) -> Audit:
    """Audit a cohort.

    Associations and missing cells are judged on the training split where there is one, because that is what models learn
    from; a test split may be balanced on purpose.

    Args:
        cohort: what to audit.
        by: attributes; None takes all that form groups.
        label: the attribute that models are to predict.
        seed: of bootstrap, permutations and image sample.

    Raises:
        SettingsError: `by` names an attribute that does not exist.
    """
    subjects = cohort.subjects
    try:
        groups = grouped(subjects, by)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    known = label if label in groups.columns else None
    train = subjects["split"] == "train" if "split" in subjects else subjects.index == -1
    judged = groups[train.to_numpy()] if train.any() else groups
    judged = judged[
        [name for name in judged.columns if judged[name].nunique() > 1]
    ]  # one group is associated with nothing
    counts = [count_attribute(groups[name]) for name in groups.columns]
    pairs = associations(judged, seed)
    missing = missing_cells(judged, known if known in judged.columns else None)
    rejects = cohort.rejects
    return Audit(
        cohort=cohort.path.name,
        cohort_hash=cohort.hash,
        origin=tuple(cohort.info["origin"]),
        label=known,
        subjects=len(subjects),
        images=len(cohort),
        judged="the training split" if train.any() else "all subjects",
        judged_subjects=len(judged),
        sentences=tuple(verdict(len(judged), known, counts, missing, pairs)),
        attributes=tuple(counts),
        crossings=_crossings(groups, known),
        associations=tuple(pairs),
        missing=tuple(missing),
        images_by_group=tuple(group_means(image_measures(cohort, seed), groups, subjects["subject_id"])),
        hearts_by_group=tuple(group_means(heart_measures(cohort), groups, subjects["subject_id"])),
        splits={str(k): int(v) for k, v in subjects["split"].value_counts().items()} if "split" in subjects else {},
        rejects=tuple(_reject_rows(rejects[rejects["level"] == "reject"])),
        notes=int((rejects["level"] == "note").sum()),
    )


def _crossings(groups: pd.DataFrame, label: str | None) -> dict[str, dict[str, dict[str, int]]]:
    """Tables of pairs, those with the label first."""
    pairs = sorted(combinations(groups.columns, 2), key=lambda p: label not in p)
    ordered = [(b, a) if a == label else (a, b) for a, b in pairs[:MAX_CROSSINGS]]
    return {f"{a} x {b}": crossing(groups, a, b) for a, b in ordered}


def _reject_rows(rejects: pd.DataFrame) -> list[dict[str, str]]:
    return [{"case": str(r.case_id), "part": str(r.part), "reason": str(r.reason)} for r in rejects.itertuples()]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
