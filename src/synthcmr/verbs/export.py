"""Write a cohort for other tools."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from synthcmr.errors import SettingsError
from synthcmr.verbs.options import Options
from synthcmr.verbs.public import public
from synthcmr.verbs.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.cohort.writers.export import WriteSummary
    from synthcmr.verbs.folders import HoldsCohort

SHOWN_LEFT_OUT = 5


class ExportOptions(Options):
    """In which layout, and which images.

    Example:
        >>> import synthcmr
        >>> synthcmr.ExportOptions(format="png", bits=16).bits
        16
    """

    format: Literal["nnunet", "nifti", "dicom", "png", "gif", "huggingface", "hf", "acdc"] = Field(
        description="Layout to write; hf is short for huggingface."
    )
    where: str | None = Field(None, description="Only images that match, e.g. \"sex == 'female'\".")
    dataset_id: int | None = Field(None, description="nnunet: number of the data set. [default: 501]")
    dataset_name: str | None = Field(None, description="nnunet: name of the data set. [default: SynthCMR]")
    bits: int | None = Field(None, description="png, huggingface: 8 or 16 bits a pixel.")
    overwrite: bool = Field(False, description="Replace an earlier export.")


@dataclass(frozen=True)
class ExportedCohort(Result):
    """Files that another tool reads.

    Attributes:
        written: folder, numbers of subjects and files, notes, and what the layout cannot hold.
    """

    written: WriteSummary

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self.written.folder

    @property
    def table(self) -> pd.DataFrame:
        """What the layout cannot hold: subject_id, part, reason."""
        return self.left_out

    @property
    def left_out(self) -> pd.DataFrame:
        """What the layout cannot hold: subject_id, part, reason."""
        import pandas as pd

        return pd.DataFrame(map(asdict, self.written.left_out), columns=["subject_id", "part", "reason"])

    def summary(self) -> str:
        """What was written and what was left out."""
        written = self.written
        lines = [f"{self.folder}: {written.subjects} subject(s) in {written.files} files"]
        lines += [f"  note: {note}" for note in written.notes]
        if written.left_out:
            lines.append(f"  {len(written.left_out)} thing(s) left out; all in {self.folder / 'left_out.csv'}")
            lines += [
                f"    {item.subject_id}, {item.part}: {item.reason}" for item in written.left_out[:SHOWN_LEFT_OUT]
            ]
        return "\n".join(lines)


@public
def export(
    cohort: Cohort | HoldsCohort | Path | str, dest: Path | str, options: ExportOptions | None = None, **changes: Any
) -> ExportedCohort:
    """Write a cohort for other tools.

    What a layout cannot hold is listed in `left_out` with the reason.

    Args:
        cohort: the cohort, a selection from one, or its folder.
        dest: new or empty folder to write to.
        options: in which layout, and which images.
        changes: fields of `ExportOptions`, in place of `options` or over them; `format` is needed.

    Returns:
        What was written and what was left out.

    Raises:
        SettingsError: an option does not belong to the layout, or no image is chosen.
        CohortError: there is no cohort, `where` cannot be evaluated, or `dest` holds files.
        WriteError: the cohort cannot be written in this layout at all.

    Example:
        >>> import synthcmr
        >>> cohort = synthcmr.Cohort.open("acdc")
        >>> written = synthcmr.export(cohort.select(sex="female"), "women", format="nifti")
        >>> missing = written.left_out[["subject_id", "part", "reason"]]
    """
    from synthcmr.cohort.output_place import build
    from synthcmr.cohort.writers import get_writer
    from synthcmr.verbs.folders import cohort_of, expect_apart_from
    from synthcmr.verbs.outputs import EXPORT
    from synthcmr.verbs.progress import progress_bar

    chosen, dest = ExportOptions.of(options, changes), Path(dest)
    given = {name: getattr(chosen, name) for name in ("dataset_id", "dataset_name", "bits")}
    writer = get_writer(chosen.format, **{name: value for name, value in given.items() if value is not None})
    opened = cohort_of(cohort)
    selected = opened if chosen.where is None else _selected(opened, chosen.where)
    expect_apart_from(dest, (cohort,))
    with progress_bar("export") as report:
        written = build(
            dest,
            EXPORT,
            chosen.overwrite,
            lambda folder: writer.write(selected, folder, lambda done, total: report(done, total, "")),
        )
    return ExportedCohort(replace(written, folder=dest))


def _selected(cohort: Cohort, query: str) -> Cohort:
    selection = cohort.where(query)
    if len(selection) == 0:
        raise SettingsError(f"--where: no image of {cohort.path} has {query}")
    return selection
