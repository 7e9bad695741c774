"""`synthcmr spectrum`: how far the frequency content of synthetic images is from that of real ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from synthcmr.frequency.images import Images


def spectrum(
    real: Annotated[Path, typer.Argument(help="Real cohort, or folder of PNG, NIfTI or NPY files.")],
    synthetic: Annotated[Path, typer.Argument(help="Synthetic cohort or folder.")],
    out: Annotated[Path, typer.Argument(help="Folder for spectrum.html and spectrum.json.")],
    also: Annotated[
        list[Path] | None, typer.Option("--also", help="A further synthetic set, such as a recalibrated one.")
    ] = None,
    split: Annotated[
        str,
        typer.Option("--split", help="Real images of this split; all for every image. Best: one nobody learned from."),
    ] = "all",
    by: Annotated[
        str | None,
        typer.Option(
            "--by", help="Attributes whose groups are compared apart. [default: vendor, field, sex, diagnosis]"
        ),
    ] = None,
    spacing: Annotated[
        float | None,
        typer.Option("--spacing", min=0.01, help="Millimetres per pixel of folders whose files do not say it."),
    ] = None,
    detail: Annotated[
        bool, typer.Option("--detail/--no-detail", help="Whether a small network is asked, too; takes some minutes.")
    ] = True,
    change: Annotated[list[str] | None, typer.Option("--set", help="One setting, e.g. --set draws=1000.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a comparison that is already there.")] = False,
) -> None:
    """Say how far the frequencies of synthetic images are from real ones.

    Writes spectrum.html, one page that opens offline, and spectrum.json: power by frequency with the real set's own
    spread, the distance of the spectra, how well a straight line and a small network tell real from synthetic, and what
    phases say; each with its interval and with what real images score against real ones.

    \b
    Examples:
      synthcmr spectrum acdc synthetic spectra
      synthcmr spectrum acdc synthetic spectra --also recalibrated --split test
      synthcmr spectrum real_pngs other_tools_pngs spectra --spacing 1.5 --no-detail
    """
    from synthcmr.verbs.input_checks import expect_images

    expect_images(real, synthetic, *(also or []))
    from synthcmr.cli.debias import listed, read_settings
    from synthcmr.errors import SettingsError
    from synthcmr.frequency.sources import open_images
    from synthcmr.frequency.spectrum.compare import compare
    from synthcmr.frequency.spectrum.settings import SpectrumSettings
    from synthcmr.report.spectrum_page import PAGE, verdict, write_spectrum

    if (out / PAGE).exists() and not overwrite:
        raise SettingsError(f"{out}: holds a comparison already; choose another folder, or --overwrite")
    asked: dict[str, Any] = {"detail": detail} | ({} if by is None else {"by": listed(by)})
    settings = read_settings(SpectrumSettings, None, asked, change or [])
    pixel = None if spacing is None else (spacing, spacing)
    paths = [synthetic, *(also or [])]
    sets: dict[str, Images] = {_name(p, paths): open_images(p, spacing_mm=pixel) for p in paths}
    families = {_name(p, paths): _family(p) for p in paths}
    ground = open_images(real, None if split == "all" else split, pixel)
    found = compare(ground, sets, families, settings, lambda said: typer.echo(f"spectrum: {said}", err=True))
    page = write_spectrum(found, real.name, settings, out)
    typer.echo("\n".join(verdict(found)))
    typer.echo(f"Page: {page}")


def _name(path: Path, paths: list[Path]) -> str:
    """The folder's name; with its parent where two have the same."""
    alike = [p for p in paths if p.name == path.name]
    return path.name if len(alike) == 1 else str(path)


def _family(path: Path) -> str:
    """What a cohort says that it was made by."""
    import json

    from synthcmr.cohort.writer import COHORT_FILE

    file = path / COHORT_FILE
    told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    mended = f", {told['recalibrated']['method']}" if "recalibrated" in told else ""
    return f"{told['generated'].get('family', '')}{mended}" if "generated" in told else ""
