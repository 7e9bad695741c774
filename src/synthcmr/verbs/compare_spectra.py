"""Compare the frequency content of synthetic images with that of real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from synthcmr.errors import SettingsError
from synthcmr.verbs.cohort_input import folder_of, opened_images
from synthcmr.verbs.field_types import Changes, OneOrSeveral
from synthcmr.verbs.option_values import Names
from synthcmr.verbs.options import Options

if TYPE_CHECKING:
    from synthcmr.frequency.settings import SpectrumSettings
    from synthcmr.frequency.spectrum.compare import ComparedSpectra
    from synthcmr.verbs.cohort_input import CohortLike

Say = Callable[[str], None]


class SpectrumOptions(Options):
    """What is compared, and how."""

    also: Annotated[tuple[Path, ...], OneOrSeveral] = Field(
        (), description="A further synthetic set, such as a recalibrated one."
    )
    split: str = Field(
        "all", description="Real images of this split; all for every image. Best: one nobody learned from."
    )
    by: Names = Field(
        None, description="Attributes whose groups are compared apart. [default: vendor, field, sex, diagnosis]"
    )
    spacing: float | None = Field(
        None, ge=0.01, description="Millimetres per pixel of folders whose files do not say it."
    )
    detail: bool = Field(True, description="Whether a small network is asked, too; takes some minutes.")
    set: Changes = Field((), description="One setting, e.g. --set draws=1000.")
    overwrite: bool = Field(False, description="Replace a comparison that is already there.")


@dataclass(frozen=True)
class SpectrumComparison:
    """Synthetic sets against a real one.

    Attributes:
        comparison: every score of every set with its interval, and what real images score against real ones.
        real: name of the real set.
        settings: of the comparison.
        out: folder of the page; None where none was named.
    """

    comparison: ComparedSpectra
    real: str
    settings: SpectrumSettings
    out: Path | None = None

    def summary(self) -> str:
        """What the scores say, and where the page is."""
        from synthcmr.report.spectrum_page import verdict

        page = [] if self.out is None else [f"Page: {self.to_html()}"]
        return "\n".join([*verdict(self.comparison), *page])

    def to_html(self, out: Path | str | None = None) -> Path:
        """Write spectrum.html and spectrum.json; the page.

        Args:
            out: folder; None for the one that the comparison was given.

        Raises:
            SettingsError: no folder was named.
        """
        from synthcmr.report.spectrum_page import write_spectrum

        folder = self.out if out is None else Path(out)
        if folder is None:
            raise SettingsError("to_html: expected a folder for spectrum.html, e.g. to_html('spectra')")
        return write_spectrum(self.comparison, self.real, self.settings, folder)

    def _repr_html_(self) -> str:
        """What the scores say, for notebooks."""
        from synthcmr.report.spectrum_page import verdict

        return f"<pre>{escape(chr(10).join(verdict(self.comparison)))}</pre>"


def compare_spectra(
    real: CohortLike,
    synthetic: CohortLike,
    out: Path | str | None = None,
    options: SpectrumOptions | None = None,
    *,
    say: Say | None = None,
    **changes: Any,
) -> SpectrumComparison:
    """Say how far the frequencies of synthetic images are from real ones.

    Args:
        real: real cohort, its folder, or a folder of PNG, NIfTI or NPY files.
        synthetic: synthetic cohort or folder.
        out: folder for the page; None: nothing is written until `to_html(folder)`.
        options: what is compared.
        say: called with what goes on.
        changes: fields of `SpectrumOptions`, in place of `options` or over them.

    Returns:
        The comparison, with a summary and a page.

    Raises:
        SettingsError: a setting is not allowed, or the folder holds a comparison already.
        CohortError: there is no image.

    Example:
        >>> import synthcmr
        >>> spectra = synthcmr.compare_spectra("acdc", "synthetic", detail=False)  # doctest: +SKIP
        >>> print(spectra.summary())  # doctest: +SKIP
    """
    chosen, folder = SpectrumOptions.of(options, changes), None if out is None else Path(out)
    several = [synthetic, *chosen.also]
    names = _names([folder_of(one) for one in several])
    ground = opened_images(real, chosen.split, chosen.spacing)
    sets = {name: opened_images(one, spacing_mm=chosen.spacing) for name, one in zip(names, several, strict=True)}
    from synthcmr.frequency.settings import SpectrumSettings
    from synthcmr.frequency.spectrum.compare import compare
    from synthcmr.report.spectrum_page import PAGE
    from synthcmr.verbs.setting_overrides import read_settings

    if folder is not None and (folder / PAGE).exists() and not chosen.overwrite:
        raise SettingsError(f"{folder}: holds a comparison already; choose another folder, or --overwrite")
    settings = read_settings(SpectrumSettings, None, {"detail": chosen.detail, "by": chosen.by}, chosen.set)
    families = {name: _family(folder_of(one)) for name, one in zip(names, several, strict=True)}
    comparison = compare(ground, sets, families, settings, say or (lambda _: None))
    return SpectrumComparison(comparison, folder_of(real).name, settings, folder)


def _names(folders: Sequence[Path]) -> list[str]:
    """The folders' names; with their parents where two have the same."""
    last = [folder.name for folder in folders]
    return [folder.name if last.count(folder.name) == 1 else str(folder) for folder in folders]


def _family(folder: Path) -> str:
    """What a cohort says that it was made by."""
    from synthcmr.cohort.writer import COHORT_FILE

    file = folder / COHORT_FILE
    info: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    recalibrated = f", {info['recalibrated']['method']}" if "recalibrated" in info else ""
    return f"{info['generated'].get('family', '')}{recalibrated}" if "generated" in info else ""
