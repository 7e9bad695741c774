"""The result of labelling, read from the labelled cohort."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from synthcmr.cohort import Cohort
from synthcmr.errors import counted
from synthcmr.labelling.measures import MEASURES, SD

if TYPE_CHECKING:
    import pandas as pd

LISTED = 5  # subjects in the summary


@dataclass(frozen=True)
class LabelResult:
    """A labelled cohort, and what is to be said of it.

    Example:
        >>> LabelResult(Cohort.open("labelled")).doubtful.head()  # doctest: +SKIP
    """

    cohort: Cohort

    @cached_property
    def table(self) -> pd.DataFrame:
        """Volumes, ejection fractions and mass of each subject with standard deviations, quality and doubtful slices."""
        names = [column for name in MEASURES for column in (name, name + SD)]
        first = ["subject_id", *names, "absent", "quality", "quality_lowest", "doubtful_slices", "judged_slices"]
        measures = self.cohort.measures
        return measures.reindex(columns=[*first, *(c for c in measures.columns if c not in first)])

    @cached_property
    def slices(self) -> pd.DataFrame:
        """One row per slice and frame that a judge drew in, with its quality, worst first."""
        import pandas as pd

        rows = [
            {
                "subject_id": row.subject_id,
                "image_id": row.image_id,
                "row": k,
                "place": t,
                "slice_index": row.slice_index,
                "frame": int(row.frame_indices[t]) if len(row.frame_indices) else t,
                "phase": row.phases[t],
                "judged": row.judged[t],
                "quality": row.quality[t],
                "doubt": row.doubt[t],
            }
            for k, row in enumerate(self.cohort.images.itertuples())
            if row.quality is not None
            for t in range(row.n_frames)
            if row.quality[t] is not None and row.quality[t] == row.quality[t]
        ]
        columns = [
            "subject_id",
            "image_id",
            "row",
            "place",
            "slice_index",
            "frame",
            "phase",
            "judged",
            "quality",
            "doubt",
        ]
        return pd.DataFrame(rows, columns=columns).sort_values(
            ["quality", "image_id"], kind="stable", ignore_index=True
        )

    @cached_property
    def doubtful(self) -> pd.DataFrame:
        """Slices that need a reader's eyes, worst first."""
        slices = self.slices
        return slices[slices["doubt"] != ""].reset_index(drop=True)

    def summary(self) -> str:
        """What was labelled, how well, and what was not, in a few lines."""
        judged, doubtful = len(self.slices), len(self.doubtful)
        table, rejects = self.table, self.cohort.rejects
        lost = rejects[rejects["level"] == "reject"]
        share = f" ({100.0 * doubtful / judged:.0f} %)" if judged else ""
        lines = [
            f"{self.cohort.path}: {counted(len(self.cohort.subjects), 'subject')}, {counted(judged, 'slice')} segmented",
            f"  doubtful: {counted(doubtful, 'slice')}{share} in {counted(self.doubtful['subject_id'].nunique(), 'subject')}",
        ]
        measured = table["lv_edv_ml"].notna()
        if measured.any():
            lines.append(f"  measured: {counted(int(measured.sum()), 'subject')}, median {self._medians()}")
        for reason, n in table["absent"].dropna().value_counts().items():
            lines.append(f"  without volumes: {counted(int(n), 'subject')}, {reason}")
        lines += [f"  rejected: {row.case_id}, {row.part}: {row.reason}" for row in lost.head(LISTED).itertuples()]
        if len(lost) > LISTED:
            lines.append(f"  rejected: {len(lost) - LISTED} more, see rejects.parquet")
        return "\n".join(lines)

    def _medians(self) -> str:
        table = self.table
        edv, ef, mass = (table[name].median() for name in ("lv_edv_ml", "lv_ef_percent", "lv_mass_g"))
        return f"EDV {edv:.0f} ml, EF {ef:.0f} %, LV mass {mass:.0f} g"
