"""What `label` gives back."""

from __future__ import annotations

from pathlib import Path

from synthcmr.labelling.result import LabelResult


class LabelledCohort(LabelResult):
    """A labelled cohort with its page: `cohort`, `table` of measures, `slices` worst first, and the `doubtful` ones.

    Example:
        >>> from synthcmr import Cohort
        >>> LabelledCohort(Cohort.open("labelled")).doubtful.head()  # doctest: +SKIP
    """

    def summary(self) -> str:
        """What was labelled, how well, what was not, and where the page is."""
        from synthcmr.report.label_page import PAGE

        return f"{super().summary()}\nPage: {self.cohort.path / PAGE}"

    def to_html(self) -> Path:
        """Write label.html, labels.csv and label_slices.csv into the cohort folder; returns the page."""
        from synthcmr.report.label_page import write_label_report

        return write_label_report(self)

    def _repr_html_(self) -> str:
        """The summary and the measures, for notebooks."""
        from html import escape

        return f"<pre>{escape(self.summary())}</pre>{self.table.to_html(index=False, max_rows=20)}"
