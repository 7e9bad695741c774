"""What a cohort holds, in words: subjects, images, attributes, rejects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthcmr.cohort.cohort import Cohort

SHOWN_REJECTS = 5


def summary(cohort: Cohort) -> str:
    """A few lines for people."""
    facts = cohort.info
    lines = [
        f"{cohort.path}: {facts['subjects']} subjects, {facts['images']} images, {facts['frames']} frames ({', '.join(facts['origin'])})",
        *_attribute_lines(cohort),
        *_reject_lines(cohort),
    ]
    return "\n".join(lines)


def _attribute_lines(cohort: Cohort) -> list[str]:
    lines = []
    subjects = cohort.subjects
    for name in subjects.columns:
        present = subjects[name].dropna()
        if name == "subject_id" or present.empty:
            continue
        missing = len(subjects) - len(present)
        tail = f", {missing} missing" if missing else ""
        if present.dtype.kind in "if":
            lines.append(f"  {name}: {present.min():g} to {present.max():g}, median {present.median():g}{tail}")
        elif present.nunique() <= 12:
            counts = ", ".join(f"{value} {n}" for value, n in present.value_counts().items())
            official = name == "split" and cohort.info.get("split") == "official"
            lines.append(f"  {name}: {counts}{tail}" + ("; the data set's own sets" if official else ""))
        else:
            lines.append(f"  {name}: {present.nunique()} different values{tail}")
    return lines


def _reject_lines(cohort: Cohort) -> list[str]:
    rejects = cohort.rejects
    lost, notes = rejects[rejects["level"] == "reject"], rejects[rejects["level"] == "note"]
    if lost.empty and notes.empty:
        return ["  nothing was rejected"]
    lines = [f"  {len(lost)} rejected, {len(notes)} note(s); all in {cohort.path / 'rejects.parquet'}"]
    lines += [f"    {row.case_id}, {row.part}: {row.reason}" for row in lost.head(SHOWN_REJECTS).itertuples()]
    if len(lost) > SHOWN_REJECTS:
        lines.append(f"    and {len(lost) - SHOWN_REJECTS} more")
    return lines
