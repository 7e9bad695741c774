"""Commands that compare images with real ones, and give them their frequencies."""

from pathlib import Path
from typing import Annotated, Literal

import typer

import synthcmr
from synthcmr.cli.from_options import Arguments, command
from synthcmr.verbs.compare_spectra import SpectrumOptions
from synthcmr.verbs.evaluate import EvaluateOptions
from synthcmr.verbs.fit_recalibration import FitRecalibrationOptions

RECALIBRATE_ARGUMENTS: Arguments = {
    "action": (Literal["fit", "apply"], "fit: learn from real images; apply: recalibrate synthetic ones."),
    "images": (Path, "fit: real, apply: synthetic cohort, or folder of PNG, NIfTI, NPY files."),
    "model": (Path, "fit: folder to write; apply: the model."),
    "out": (Path | None, "apply: cohort or folder to write."),
}
OF_THE_MODEL = ("method", "dp", "by", "set")  # options that are chosen when it is fitted


@command(FitRecalibrationOptions, RECALIBRATE_ARGUMENTS)
def recalibrate(action: str, images: Path, model: Path, out: Path | None, options: FitRecalibrationOptions) -> None:
    """Give synthetic images the high frequencies of real ones.

    Learns from real images once, then changes any number of synthetic sets: cohorts keep masks and attributes, files keep
    name, format, type and range. Low frequencies, and with
    them the anatomy, stay as they are.

    \b
    Examples:
      synthcmr recalibrate fit acdc truth
      synthcmr recalibrate apply synthetic truth recalibrated
      synthcmr recalibrate fit acdc paper --method frerec --set replacement.radius=0.5
      synthcmr recalibrate fit real_pngs truth --spacing 1.5
      synthcmr recalibrate apply other_tools_pngs truth better_pngs --spacing 1.5
    """
    from synthcmr.errors import SettingsError

    if action == "fit":
        if out is not None:
            raise SettingsError(f"recalibrate fit: expected two folders, REAL and MODEL; '{out}' is one too many")
        typer.echo(synthcmr.fit_recalibration(images, model, options).summary())
        return
    if given := [options.flag(name) for name in OF_THE_MODEL if getattr(options, name)]:
        raise SettingsError(f"recalibrate apply: expected without {', '.join(given)}: the model says it")
    if out is None:
        raise SettingsError(
            "recalibrate apply: expected three folders: the synthetic images, the model, and what to make"
        )
    typer.echo(synthcmr.recalibrate(images, model, out, spacing=options.spacing, overwrite=options.overwrite).summary())


SPECTRUM_ARGUMENTS: Arguments = {
    "real": (Path, "Real cohort, or folder of PNG, NIfTI or NPY files."),
    "synthetic": (Path, "Synthetic cohort or folder."),
    "out": (Path, "Folder for spectrum.html and spectrum.json."),
}


@command(SpectrumOptions, SPECTRUM_ARGUMENTS)
def spectrum(real: Path, synthetic: Path, out: Path, options: SpectrumOptions) -> None:
    """Compare the frequency content of synthetic and real images.

    Writes spectrum.html, one page that opens offline, and spectrum.json: power by frequency with the real set's own
    spread, the distance of the spectra, how well a linear probe and a small network separate real from synthetic images, and
    the phases; each with its interval and with the score of real images against real ones.

    \b
    Examples:
      synthcmr spectrum acdc synthetic spectra
      synthcmr spectrum acdc synthetic spectra --also recalibrated --split test
      synthcmr spectrum real_pngs other_tools_pngs spectra --spacing 1.5 --no-detail
    """

    def progress(text: str) -> None:
        typer.echo(f"spectrum: {text}", err=True)

    typer.echo(synthcmr.compare_spectra(real, synthetic, out, options, say=progress).summary())


EVALUATE_ARGUMENTS: Arguments = {
    "real": (Path, "Real cohort."),
    "synth": (Path, "Synthetic cohort, from any tool."),
    "out": (Path, "Folder of the scores; finished parts are kept."),
}


@command(EvaluateOptions, EVALUATE_ARGUMENTS)
def evaluate(real: Path, synth: Path, out: Path, options: EvaluateOptions) -> None:
    """Score synthetic images against real ones: fidelity, adherence, motion, utility, fairness, privacy.

    Every score has its number of subjects, a bootstrap interval over subjects, and the score of real images against
    real ones; below a minimum number of subjects it is refused. Writes scores.json, and report.html, one page that
    opens offline. Finished parts are kept; the same command continues an interrupted evaluation.

    Utility and fairness train networks on real, synthetic and both kinds of images: ten to twenty minutes on 2 cores for a
    cohort of 100 subjects, hours with --grid full. They need a real cohort with train, validation and test splits.

    \b
    Examples:
      synthcmr evaluate acdc synthetic scores
      synthcmr evaluate acdc synthetic scores --split test --parts fidelity
      synthcmr evaluate acdc synthetic scores --parts utility,fairness --also-test mnms
      synthcmr evaluate acdc synthetic scores --reader judges/reader --segmenter judges/segmenter
      synthcmr evaluate acdc synthetic scores --parts privacy --run runs/flow
    """
    typer.echo(synthcmr.evaluate(real, synth, out, options, say=typer.echo).summary())


def report(
    out: Annotated[Path, typer.Argument(help="Folder that 'synthcmr evaluate' wrote.")],
) -> None:
    """Write the page of an evaluation again: report.html, which opens offline.

    It shows the verdict of each part with its reasons, images, distributions, scores per group, and the provenance.
    'synthcmr evaluate' writes it too.

    \b
    Examples:
      synthcmr report scores
    """
    from synthcmr.evaluation.evaluate import read_card
    from synthcmr.verbs.evaluate import Evaluation

    typer.echo(Evaluation(read_card(out), out).summary())
