"""`synthcmr audit`: report under-represented groups."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import COHORT, command
from synthcmr.verbs.audit import AuditOptions
from synthcmr.verbs.audit import audit as run


@command(AuditOptions, COHORT)
def audit(cohort: Path, options: AuditOptions) -> None:
    """Report under-represented groups of a cohort.

    Writes audit.html, one page that opens offline, and audit.json with the same numbers.

    \b
    Examples:
      synthcmr audit acdc
      synthcmr audit ukbb --label diagnosis --by sex,age,bmi,vendor
    """
    audited = run(cohort, options)
    typer.echo(audited.summary())
    typer.echo(f"Page: {audited.to_html()}")
