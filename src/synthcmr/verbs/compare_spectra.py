"""Compare the frequency content of synthetic images with that of real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from synthcmr.config import LARGEST_PIXEL_MM, SMALLEST_PIXEL_MM
from synthcmr.errors import SettingsError
from synthcmr.verbs.folders import expect_apart_from, expect_attributes, folder_of, opened_images
from synthcmr.verbs.options import Changes, Names, OneOrSeveral, Options
from synthcmr.verbs.public import public
from synthcmr.verbs.result import PageResult

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort.provenance import Input
    from synthcmr.frequency.images import Images
    from synthcmr.frequency.settings import SpectrumSettings
    from synthcmr.frequency.spectrum.compare import ComparedSpectra
    from synthcmr.verbs.folders import CohortLike

STEP = "spectrum"
Say = Callable[[str], None]


class SpectrumOptions(Options):
    """What is compared, and how.

    Example:
        >>> import synthcmr
        >>> synthcmr.SpectrumOptions(also="recalibrated", set={"draws": 1000}).set
        ('draws=1000',)
    """

    also: Annotated[tuple[Path, ...], OneOrSeveral] = Field(
        (), description="A further synthetic set, such as a recalibrated one."
    )
    split: str = Field(
        "all", description="Real images of this split; all for every image. Best: a split that was not trained on."
    )
    by: Names = Field(
        None, description="Attributes whose groups are compared separately. [default: vendor, field, sex, diagnosis]"
    )
    spacing: float | None = Field(
        None,
        ge=SMALLEST_PIXEL_MM,
        le=LARGEST_PIXEL_MM,
        description="Millimetres per pixel of folders whose files do not state it.",
    )
    detail: bool = Field(True, description="Also train a small network to separate the sets; takes some minutes.")
    set: Changes = Field((), description="One setting, e.g. --set draws=1000.")
    overwrite: bool = Field(False, description="Replace an existing comparison.")


@dataclass(frozen=True)
class SpectrumComparison(PageResult):
    """Synthetic sets against a real one.

    Attributes:
        comparison: every score of every set with its interval, and what real images score against real ones.
        real: name of the real set.
        settings: of the comparison.
        out: folder of the page; None where none was named.
        inputs: the real and the synthetic sets, with their hashes.
        split: of the real set.
    """

    comparison: ComparedSpectra
    real: str
    settings: SpectrumSettings
    out: Path | None = None
    inputs: tuple[Input, ...] = ()
    split: str = "all"

    def summary(self) -> str:
        """What the scores say, and where the page is."""
        page = [] if self.out is None else [f"Page: {self.to_html()}"]
        return "\n".join([self._sentences(), *page])

    @property
    def table(self) -> pd.DataFrame:
        """Every score: set, score, value, low, high, floor (real against real), and why it is absent."""
        import pandas as pd

        floors = self.comparison.floors
        rows: list[tuple[object, ...]] = []
        for one in self.comparison.sets:
            for name, score in one.scores.items():
                floor = floors[name].value if name in floors else None
                rows.append((one.name, name, score.value, score.low, score.high, floor, ""))
            rows += [(one.name, name, None, None, None, None, why) for name, why in one.absent.items()]
        return pd.DataFrame(rows, columns=["set", "score", "value", "low", "high", "floor", "absent"])

    @property
    def power(self) -> pd.DataFrame:
        """Log power by frequency: set, frequency, mean, and the range of 90 % of frames (p5, p95)."""
        import pandas as pd

        frequencies = self.comparison.rings.centres
        sets = (self.comparison.real, *self.comparison.sets)
        parts = [
            pd.DataFrame({"set": s.name, "frequency": frequencies, "mean": s.mean, "p5": s.low, "p95": s.high})
            for s in sets
        ]
        return pd.concat(parts, ignore_index=True)

    @property
    def page_folder(self) -> Path | None:
        """The folder that was named; None where none was."""
        return self.out

    def _write_page(self, folder: Path) -> Path:
        """spectrum.html, and spectrum.json with the same numbers."""
        from synthcmr.cohort.provenance import write_provenance
        from synthcmr.report.spectrum_page import write_spectrum

        write_provenance(folder, STEP, "", self.inputs, _record(self.settings, self.split))  # says whose the page is
        return write_spectrum(self.comparison, self.real, self.settings, folder)

    def _sentences(self) -> str:
        from synthcmr.report.spectrum_page import verdict

        return "\n".join(verdict(self.comparison))


@public
def compare_spectra(
    real: CohortLike,
    synthetic: CohortLike,
    out: Path | str | None = None,
    options: SpectrumOptions | None = None,
    *,
    say: Say | None = None,
    **changes: Any,
) -> SpectrumComparison:
    """Compare the frequency content of synthetic and real images.

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
        >>> spectra = synthcmr.compare_spectra("acdc", "synthetic", detail=False)
        >>> print(spectra.summary())
        >>> scores = spectra.table[["set", "score", "value", "low", "high", "floor"]]
        >>> page = spectra.to_html("spectra")
    """
    chosen, folder = SpectrumOptions.of(options, changes), None if out is None else Path(out)
    several = [synthetic, *chosen.also]
    names = _names([folder_of(one) for one in several])
    ground = opened_images(real, chosen.split, chosen.spacing)
    sets = {name: opened_images(one, spacing_mm=chosen.spacing) for name, one in zip(names, several, strict=True)}
    from synthcmr.cohort.output_place import expect_place
    from synthcmr.frequency.settings import SpectrumSettings
    from synthcmr.frequency.sources import CohortImages
    from synthcmr.frequency.spectrum.compare import compare
    from synthcmr.verbs.options import read_settings

    cohorts = [one.cohort for one in (ground, *sets.values()) if isinstance(one, CohortImages)]
    if chosen.by is not None and cohorts:
        expect_attributes("--by", chosen.by, *cohorts)
    settings = read_settings(SpectrumSettings, None, {"detail": chosen.detail, "by": chosen.by}, chosen.set)
    inputs = tuple(_input(one, images) for one, images in zip((real, *several), (ground, *sets.values()), strict=True))
    if folder is not None:
        expect_place(folder)
        expect_apart_from(folder, (real, *several))
        if not chosen.overwrite:
            _expect_same(folder, inputs, _record(settings, chosen.split))
    families = {name: _family(folder_of(one)) for name, one in zip(names, several, strict=True)}
    comparison = compare(ground, sets, families, settings, say or (lambda _: None))
    return SpectrumComparison(comparison, folder_of(real).name, settings, folder, inputs, chosen.split)


def _input(source: CohortLike, images: Images) -> Input:
    from synthcmr.cohort.provenance import Input
    from synthcmr.frequency.sources import CohortImages

    return Input(str(folder_of(source)), "cohort" if isinstance(images, CohortImages) else "files", images.hash)


def _record(settings: SpectrumSettings, split: str) -> dict[str, Any]:
    return settings.model_dump(mode="json") | {"split": split}


def _expect_same(folder: Path, inputs: Sequence[Input], settings: Mapping[str, Any]) -> None:
    """Refuse a folder that holds the comparison of other images, or by other settings; the same one is computed again.

    Raises:
        SettingsError: it does.
    """
    from synthcmr.cohort.checksums import read_record
    from synthcmr.cohort.provenance import PROVENANCE_FILE
    from synthcmr.report.spectrum_page import PAGE

    if not (folder / PAGE).exists():
        return
    file = folder / PROVENANCE_FILE  # earlier versions wrote none
    before = read_record(file) if file.exists() else {"inputs": [], "settings": {}}
    hashes = [row["hash"] for row in before["inputs"]]
    if hashes != [one.hash for one in inputs] or before["settings"] != settings:
        raise SettingsError(
            f"{folder}: holds a comparison of other images or settings; choose another folder, or --overwrite"
        )


def _names(folders: Sequence[Path]) -> list[str]:
    """The folders' names; with their parents where two have the same."""
    last = [folder.name for folder in folders]
    return [folder.name if last.count(folder.name) == 1 else str(folder) for folder in folders]


def _family(folder: Path) -> str:
    """The family of generators that a cohort names."""
    from synthcmr.cohort.writer import COHORT_FILE

    file = folder / COHORT_FILE
    info: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    recalibrated = f", {info['recalibrated']['method']}" if "recalibrated" in info else ""
    return f"{info['generated'].get('family', '')}{recalibrated}" if "generated" in info else ""
