"""The audit as one offline HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthcmr.cohort.labels import Label
from synthcmr.fairness.audit import HEART_MEASURES, IMAGE_MEASURES, Audit, GroupMean, describe
from synthcmr.report.pictures import heart_picture
from synthcmr.report.single_file_page import write_page

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort

PICTURED_GROUPS, PICTURES_PER_GROUP = 8, 3


@dataclass(frozen=True)
class Picture:
    """A typical case."""

    caption: str
    source: str


def write_audit_page(audit: Audit, cohort: Cohort, path: Path) -> None:
    """Write the page; it needs no network and nothing beside it."""
    write_page(
        path,
        "audit",
        audit=audit,
        describe=describe,
        pictures=typical_cases(cohort, audit.label),
        image_tables=_tables(audit.images_by_group, IMAGE_MEASURES),
        heart_tables=_tables(audit.hearts_by_group, HEART_MEASURES),
        shade=_shade,
    )


def typical_cases(cohort: Cohort, label: str | None) -> list[Picture]:
    """Mid-ventricular slices of a few subjects per group of the label, nearest to the group's median size of heart."""
    table = cohort.table
    middle = table[table["slice_level"] == "mid"] if (table["slice_level"] == "mid").any() else table
    groups = middle.groupby(label, observed=True) if label else [("all", middle)]
    pictures = []
    for group, rows in list(groups)[:PICTURED_GROUPS]:
        one_each = rows.groupby("subject_id").nth(0)
        sizes = one_each["area_lv_mm2"].map(lambda a: float(a[0]) if a is not None and len(a) else np.nan)
        order = (sizes - sizes.median()).abs().sort_values(na_position="last").index[:PICTURES_PER_GROUP]
        pictures += [Picture(_caption(str(group), table.loc[i]), _picture(cohort, int(i))) for i in order]
    return pictures


def _picture(cohort: Cohort, index: int) -> str:
    mask = cohort.mask(index)[0]
    return heart_picture(cohort.image(index)[0], np.where(mask == Label.UNLABELLED, 0, mask).astype(np.uint8))


def _caption(group: str, row: Any) -> str:
    parts = [group]
    for name, form in (("sex", "{}"), ("age", "{:.0f} years"), ("bmi", "BMI {:.0f}"), ("vendor", "{}")):
        value = row.get(name)
        if value is not None and value == value:
            parts.append(form.format(value))
    return ", ".join(parts)


def _tables(means: tuple[GroupMean, ...], titles: dict[str, str]) -> dict[str, Any]:
    """Means as attribute -> rows of (group, n, cells), with only the measures that could be computed somewhere."""
    shown = [m for m in titles if any(g.measure == m and g.mean is not None for g in means)]
    tables: dict[str, Any] = {}
    for mean in means:
        rows = tables.setdefault(mean.attribute, {})
        rows.setdefault(mean.group, {})[mean.measure] = mean
    return {"titles": [titles[m] for m in shown], "measures": shown, "attributes": tables if shown else {}}


def _shade(count: int, largest: int) -> str:
    """Background of a count in a table: the fuller, the darker."""
    return f"{0.06 + 0.5 * count / largest:.2f}" if count and largest else "0"
