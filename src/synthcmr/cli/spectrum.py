"""`synthcmr spectrum`: how far the frequency content of synthetic images is from that of real ones."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import Arguments, command
from synthcmr.verbs.compare_spectra import SpectrumOptions

ARGUMENTS: Arguments = {
    "real": (Path, "Real cohort, or folder of PNG, NIfTI or NPY files."),
    "synthetic": (Path, "Synthetic cohort or folder."),
    "out": (Path, "Folder for spectrum.html and spectrum.json."),
}


@command(SpectrumOptions, ARGUMENTS)
def spectrum(real: Path, synthetic: Path, out: Path, options: SpectrumOptions) -> None:
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
    from synthcmr.verbs.compare_spectra import compare_spectra

    def progress(text: str) -> None:
        typer.echo(f"spectrum: {text}", err=True)

    typer.echo(compare_spectra(real, synthetic, out, options, say=progress).summary())
