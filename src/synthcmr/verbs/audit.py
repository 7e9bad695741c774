"""Report under-represented groups of a cohort."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from synthcmr.config import LARGEST_SEED
from synthcmr.verbs.options import Names, Options
from synthcmr.verbs.public import public
from synthcmr.verbs.result import PageResult

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.fairness.audit import Audit
    from synthcmr.verbs.folders import HoldsCohort


class AuditOptions(Options):
    """Which groups are looked at.

    Example:
        >>> import synthcmr
        >>> synthcmr.AuditOptions(by="sex, bmi").by
        ('sex', 'bmi')
    """

    out: Path | None = Field(None, description="Folder for the page and its JSON. [default: COHORT/audit]")
    by: Names = Field(None, description="Attributes, comma-separated. [default: all that form groups]")
    label: str = Field("diagnosis", description="Attribute that models predict.")
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Random seed of bootstrap, permutations and image sample.")


@dataclass(frozen=True)
class CohortAudit(PageResult):
    """Under-represented groups and associations of a cohort.

    Attributes:
        audit: all that was counted.
        cohort: what was audited.
        folder: where `to_html` writes.
    """

    audit: Audit
    cohort: Cohort
    folder: Path

    @property
    def table(self) -> pd.DataFrame:
        """Subjects in every group: attribute, group, subjects."""
        return self.groups

    @property
    def groups(self) -> pd.DataFrame:
        """Subjects in every group: attribute, group, subjects."""
        import pandas as pd

        rows = [(one.name, group, n) for one in self.audit.attributes for group, n in one.groups.items()]
        return pd.DataFrame(rows, columns=["attribute", "group", "subjects"])

    @property
    def associations(self) -> pd.DataFrame:
        """Pairs of attributes with Cramér's V, its interval and p; what was not computed says why in `refused`."""
        import pandas as pd

        return pd.DataFrame([asdict(pair) for pair in self.audit.associations])

    @property
    def missing(self) -> pd.DataFrame:
        """Crossings with far fewer subjects than their margins promise."""
        import pandas as pd

        return pd.DataFrame([asdict(cell) for cell in self.audit.missing])

    def summary(self) -> str:
        """Under-represented groups, and which attributes are associated."""
        return "\n".join(self.audit.sentences)

    @property
    def page_folder(self) -> Path:
        """The folder of the audit."""
        return self.folder

    def _write_page(self, folder: Path) -> Path:
        """audit.html, and audit.json with the same numbers."""
        from synthcmr.cohort.provenance import write_record
        from synthcmr.report.audit_page import write_audit_page

        write_record(folder / "audit.json", self.audit.to_json())
        write_audit_page(self.audit, self.cohort, folder / "audit.html")
        return folder / "audit.html"


@public
def audit(
    cohort: Cohort | HoldsCohort | Path | str, options: AuditOptions | None = None, **changes: Any
) -> CohortAudit:
    """Report under-represented groups of a cohort. Writes nothing before `to_html` is called.

    Args:
        cohort: the cohort, or its folder.
        options: which groups are looked at.
        changes: fields of `AuditOptions`, in place of `options` or over them.

    Returns:
        Counts, associations and missing cells, with a summary and a page.

    Raises:
        SettingsError: `by` names an attribute that does not exist.
        CohortError: there is no cohort.

    Example:
        >>> import synthcmr
        >>> audited = synthcmr.audit("acdc", by=["sex", "diagnosis"])
        >>> print(audited.summary())
        >>> smallest = audited.table.sort_values("subjects").head()
        >>> page = audited.to_html()
    """
    from synthcmr.cohort.output_place import expect_place
    from synthcmr.fairness.audit import audit_cohort
    from synthcmr.verbs.folders import cohort_of, expect_apart_from, expect_attributes

    chosen, opened = AuditOptions.of(options, changes), cohort_of(cohort)
    if chosen.out is not None:
        expect_place(chosen.out)
        expect_apart_from(chosen.out, (opened,))
    if chosen.label != AuditOptions.model_fields["label"].default:  # the usual one need not be there
        expect_attributes("--label", (chosen.label,), opened)
    audited = audit_cohort(opened, chosen.by, chosen.label, chosen.seed)
    return CohortAudit(audited, opened, chosen.out or opened.path / "audit")
