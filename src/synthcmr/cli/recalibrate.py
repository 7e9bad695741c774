"""`synthcmr recalibrate`: synthetic images with the frequency content of real ones."""

from pathlib import Path
from typing import Literal

import typer

from synthcmr.cli.from_options import Arguments, command
from synthcmr.verbs.fit_recalibration import FitRecalibrationOptions

ARGUMENTS: Arguments = {
    "action": (Literal["fit", "apply"], "fit: learn from real images; apply: change synthetic ones."),
    "images": (Path, "fit: real, apply: synthetic cohort, or folder of PNG, NIfTI, NPY files."),
    "model": (Path, "fit: folder to make; apply: the model."),
    "out": (Path | None, "apply: cohort or folder to make."),
}
OF_THE_MODEL = ("method", "dp", "by", "set")  # options that are chosen when it is fitted


@command(FitRecalibrationOptions, ARGUMENTS)
def recalibrate(action: str, images: Path, model: Path, out: Path | None, options: FitRecalibrationOptions) -> None:
    """Give synthetic images the high frequencies of real ones.

    Learn from real images once, then change any number of synthetic sets: cohorts keep masks and attributes, files keep
    name, format, type and range. Long waves, and with them the anatomy, stay as they are.

    \b
    Examples:
      synthcmr recalibrate fit acdc truth
      synthcmr recalibrate apply synthetic truth recalibrated
      synthcmr recalibrate fit acdc paper --method frerec --set replacement.radius=0.5
      synthcmr recalibrate fit real_pngs truth --spacing 1.5
      synthcmr recalibrate apply other_tools_pngs truth better_pngs --spacing 1.5
    """
    from synthcmr.errors import SettingsError
    from synthcmr.verbs.fit_recalibration import fit_recalibration
    from synthcmr.verbs.recalibrate import recalibrate as apply

    if action == "fit":
        if out is not None:
            raise SettingsError(f"recalibrate fit: expected two folders, the real images and the model; got also {out}")
        typer.echo(fit_recalibration(images, model, options).summary())
        return
    if given := [options.flag(name) for name in OF_THE_MODEL if getattr(options, name)]:
        raise SettingsError(f"recalibrate apply: expected without {', '.join(given)}: the model says it")
    if out is None:
        raise SettingsError(
            "recalibrate apply: expected three folders: the synthetic images, the model, and what to make"
        )
    typer.echo(apply(images, model, out, spacing=options.spacing, overwrite=options.overwrite).summary())
