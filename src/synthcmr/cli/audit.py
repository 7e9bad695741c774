"""`synthcmr audit`: say whom a cohort leaves out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.fairness.audit import Audit


def audit(
    cohort: Annotated[Path, typer.Argument(help="Cohort folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the page and its JSON. [default: COHORT/audit]")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Attributes, comma-separated. [default: all that form groups]")
    ] = None,
    label: Annotated[str, typer.Option("--label", help="What models are to predict.")] = "diagnosis",
    seed: Annotated[int, typer.Option("--seed", help="Of bootstrap, permutations and image sample.")] = 0,
) -> None:
    """Say whom a cohort leaves out.

    Writes audit.html, one page that opens offline, and audit.json with the same numbers.

    \b
    Examples:
      synthcmr audit acdc
      synthcmr audit ukbb --label diagnosis --by sex,age,bmi,vendor
    """
    from synthcmr.cohort import Cohort
    from synthcmr.fairness.audit import audit_cohort

    opened = Cohort.open(cohort)
    chosen = tuple(part.strip() for part in by.split(",")) if by else None
    result = audit_cohort(opened, chosen, label, seed)
    page = write_audit(result, opened, out or cohort / "audit")
    typer.echo("\n".join(result.sentences))
    typer.echo(f"Page: {page}")


def write_audit(result: "Audit", cohort: "Cohort", folder: Path) -> Path:
    """Write audit.json and audit.html; returns the page."""
    from synthcmr.cohort.provenance import write_json
    from synthcmr.report.audit_page import write_audit_page

    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "audit.json", result.to_json())
    page = folder / "audit.html"
    write_audit_page(result, cohort, page)
    return page
