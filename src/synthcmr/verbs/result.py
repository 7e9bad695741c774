"""What verbs give back: lines to print, a table, a page, and all of it in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from synthcmr.cohort.output_place import expect_place
from synthcmr.errors import SettingsError
from synthcmr.verbs.public import public

if TYPE_CHECKING:
    import pandas as pd

ROWS_SHOWN = 20  # of a table in a notebook


class Result(ABC):
    """What every result of a verb has; further tables have names of their own."""

    @abstractmethod
    def summary(self) -> str:
        """The lines that the command prints."""

    @property
    @abstractmethod
    def table(self) -> pd.DataFrame:
        """The main table."""

    def _sentences(self) -> str:
        """The summary for a notebook, where no page is written."""
        return self.summary()

    def _repr_html_(self) -> str:
        """The summary and the beginning of the table, for notebooks."""
        table = self.table
        shown = "" if table.empty else table.head(ROWS_SHOWN).to_html(index=False, na_rep="")
        return f"<pre>{escape(self._sentences())}</pre>{shown}"


class PageResult(Result):
    """A result with a page that opens offline."""

    @property
    @abstractmethod
    def page_folder(self) -> Path | None:
        """Where the page is written where nothing else is said; None: it must be said."""

    @abstractmethod
    def _write_page(self, folder: Path) -> Path:
        """Write the page, and the files that belong to it, into a folder that is there."""

    @public
    def to_html(self, folder: Path | str | None = None) -> Path:
        """Write the page, and the files that belong to it.

        Args:
            folder: where; None for the folder of the result.

        Returns:
            The page.

        Raises:
            SettingsError: the result has no folder, and none was given.
        """
        where = self.page_folder if folder is None else Path(folder)
        if where is None:
            raise SettingsError(
                f"to_html: expected a folder for the page, e.g. to_html('{type(self).__name__.lower()}')"
            )
        expect_place(where)
        where.mkdir(parents=True, exist_ok=True)
        return self._write_page(where)
