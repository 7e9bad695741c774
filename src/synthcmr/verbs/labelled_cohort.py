"""What `label` gives back."""

from __future__ import annotations

from pathlib import Path

from synthcmr.labelling.result import LabelResult
from synthcmr.verbs.result import PageResult


class LabelledCohort(LabelResult, PageResult):
    """A labelled cohort with its page: `cohort`, `table` of measures, `slices` worst first, and the `doubtful` ones."""

    def summary(self) -> str:
        """What was labelled, how well, what was not, and where the page is."""
        from synthcmr.report.label_page import PAGE

        return f"{super().summary()}\nPage: {self.cohort.path / PAGE}"

    @property
    def page_folder(self) -> Path:
        """The folder of the cohort."""
        return self.cohort.path

    def _write_page(self, folder: Path) -> Path:
        """label.html, labels.csv and label_slices.csv."""
        from synthcmr.report.label_page import write_label_report

        return write_label_report(self, folder)
