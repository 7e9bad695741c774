"""Segment a cohort without labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from synthcmr.config import MOST_WORKERS
from synthcmr.labelling.settings import LabelSettings
from synthcmr.verbs.options import Options, number_or
from synthcmr.verbs.public import public

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.cohort.ingest import IngestPlan
    from synthcmr.verbs.folders import CohortLike, HoldsCohort
    from synthcmr.verbs.labelled_cohort import LabelledCohort


class LabelOptions(LabelSettings, Options):
    """Which judge segments, and how images are cropped and kept.

    Example:
        >>> import synthcmr
        >>> synthcmr.LabelOptions(frames="pair", size=160).size
        160
    """

    size: Annotated[int | None, number_or("full", "--size", whole=True, becomes_none=True)] = Field(
        128, ge=16, le=1024, description="Rows and columns of the crop, or 'full'."
    )
    workers: int | None = Field(
        None, ge=1, le=MOST_WORKERS, description="Processes. [default: one per core, or a few per GPU]"
    )
    overwrite: bool = Field(False, description="Replace an existing cohort.")


@public
def label(
    source: Cohort | HoldsCohort | Path | str, out: Path | str, options: LabelOptions | None = None, **changes: Any
) -> LabelledCohort:
    """Segment every frame of every slice; no manual label is needed.

    Finds the heart, chooses ED and ES from the volume curve, crops, and writes a cohort that records who drew each mask. Masks drawn
    by a person are never changed. The page shows the doubtful slices, worst first.

    Args:
        source: a cohort, its folder, or files that `ingest` would read.
        out: cohort folder to make; an unfinished one is continued.
        options: by which judge, and what becomes of every image.
        changes: fields of `LabelOptions`, in place of `options` or over them.

    Returns:
        The cohort with its measures and doubtful slices.

    Raises:
        SettingsError: an option has a value that it cannot have, or the source is not recognised.
        CohortError: `out` holds something else, or no heart was found in anything.

    Example:
        >>> import synthcmr
        >>> labelled = synthcmr.label("my_cines", "labelled", frames="pair")
        >>> measures = labelled.table[["subject_id", "lv_edv_ml", "lv_ef_percent", "quality"]]
        >>> worst = labelled.doubtful.head(10)
    """
    from synthcmr.labelling.label import judge_weights, opened
    from synthcmr.verbs.folders import cohort_of

    chosen = LabelOptions.of(options, changes)
    settings = chosen.part(LabelSettings)
    read = opened(Path(source), settings) if isinstance(source, (str, Path)) else cohort_of(source)
    judge_weights(settings.judge)  # nothing is replaced before it is known that there is a judge
    return labelled(read, Path(out), settings, chosen.workers, overwrite=chosen.overwrite, given=source)


def labelled(
    source: Cohort | IngestPlan,
    out: Path,
    settings: LabelSettings,
    workers: int | None,
    strict: bool = False,
    overwrite: bool = False,
    given: CohortLike | None = None,
) -> LabelledCohort:
    """Label and write the page; also that of a cohort that was finished without one.

    Args:
        source: a cohort, or files that will be read.
        out: cohort folder to make.
        settings: of labelling.
        workers: processes.
        strict: stop at the first thing that cannot be read; of files only.
        overwrite: whether a cohort that is there is replaced.
        given: where the source lies.
    """
    from synthcmr.labelling.label import label as run
    from synthcmr.verbs.labelled_cohort import LabelledCohort
    from synthcmr.verbs.outputs import build_cohort
    from synthcmr.verbs.progress import progress_bar

    with progress_bar("label") as report:
        cohort = build_cohort(
            out,
            overwrite,
            lambda folder: run(source, folder, settings, workers=workers, strict=strict, progress=report).cohort,
            (given,),
        )
    result = LabelledCohort(cohort)
    result.to_html()
    return result
