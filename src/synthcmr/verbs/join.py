"""Several cohorts as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from synthcmr.errors import SettingsError
from synthcmr.verbs.options import Options
from synthcmr.verbs.public import public

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.verbs.folders import HoldsCohort


class JoinOptions(Options):
    """Whether a cohort may be replaced.

    Example:
        >>> import synthcmr
        >>> synthcmr.JoinOptions(overwrite=True).overwrite
        True
    """

    overwrite: bool = Field(False, description="Replace an existing cohort.")


@public
def join(
    out: Path | str,
    cohorts: Sequence[Cohort | HoldsCohort | Path | str],
    options: JoinOptions | None = None,
    **changes: Any,
) -> Cohort:
    """Join cohorts, such as the shards of a plan, or real and synthetic images, into one.

    Pixels, masks, attributes and splits stay as they are.

    Args:
        out: cohort folder to make; an unfinished one is continued.
        cohorts: cohorts, selections from them, or their folders; with different subjects and images of one size.
        options: whether a cohort may be replaced.
        changes: fields of `JoinOptions`, in place of `options` or over them.

    Returns:
        The cohort.

    Raises:
        SettingsError: there is nothing to join.
        CohortError: a subject is in two of them, one is no cohort, or `out` holds something else.

    Example:
        >>> import synthcmr
        >>> both = synthcmr.join("both", ["acdc", "synthetic"])
        >>> print(both.summary())
    """
    from synthcmr.cohort.joining import join_cohorts
    from synthcmr.verbs.folders import cohort_of
    from synthcmr.verbs.outputs import build_cohort
    from synthcmr.verbs.progress import progress_bar

    chosen = JoinOptions.of(options, changes)
    if isinstance(cohorts, (str, Path)) or not cohorts:
        raise SettingsError(f"join: expected a list of cohorts, got {cohorts!r}; such as ['shard1', 'shard2']")
    opened = [cohort_of(cohort) for cohort in cohorts]
    with progress_bar("join") as report:
        return build_cohort(
            Path(out), chosen.overwrite, lambda folder: join_cohorts(folder, opened, report), list(cohorts)
        )
