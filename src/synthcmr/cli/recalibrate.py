"""`synthcmr recalibrate`: synthetic images with the frequency content of real ones."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from synthcmr.frequency.files import FolderImages
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.settings import RecalibrationSettings


SHOWN = 8  # images left out that are named on the screen


class Action(StrEnum):
    """What to do."""

    fit = "fit"
    apply = "apply"


class Method(StrEnum):
    """How."""

    rings = "rings"
    shr = "shr"
    rhm = "rhm"
    frerec = "frerec"


def recalibrate(
    action: Annotated[Action, typer.Argument(help="fit: learn from real images; apply: change synthetic ones.")],
    images: Annotated[
        Path, typer.Argument(help="fit: real, apply: synthetic cohort, or folder of PNG, NIfTI, NPY files.")
    ],
    model: Annotated[Path, typer.Argument(help="fit: folder to make; apply: the model.")],
    out: Annotated[Path | None, typer.Argument(help="apply: cohort or folder to make.")] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            "--method", help="fit: rings in closed form, or the paper's shr, rhm, or both (frerec). [default: rings]"
        ),
    ] = None,
    dp: Annotated[
        str | None,
        typer.Option(
            "--dp", help="fit: release four numbers with differential privacy instead, e.g. epsilon=1,delta=1e-5."
        ),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="fit: learn from this split; all for every image.")] = "train",
    by: Annotated[
        str | None,
        typer.Option(
            "--by", help="fit: attributes whose crossing has statistics of its own. [default: vendor,field_strength_t]"
        ),
    ] = None,
    spacing: Annotated[
        float | None,
        typer.Option("--spacing", min=0.01, help="Millimetres per pixel of a folder whose files do not say it."),
    ] = None,
    preset: Annotated[
        str, typer.Option("--preset", help="fit rhm, frerec: network for the machine: cpu, 8g or 24g.")
    ] = "cpu",
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="fit: one setting, e.g. --set replacement.radius=0.5, --set loop.steps=2000."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is already there.")] = False,
) -> None:
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
    from synthcmr.verbs.input_checks import expect_images, expect_recalibration

    pixel = None if spacing is None else (spacing, spacing)
    if action is Action.apply:
        told = {"--method": method, "--dp": dp, "--by": by, "--set": change}
        if given := [flag for flag, value in told.items() if value]:
            raise SettingsError(f"recalibrate apply: expected without {', '.join(given)}: the model says it")
        expect_recalibration(model)
        expect_images(images)
        _apply(images, model, out, pixel, overwrite)
        return
    if out is not None:
        raise SettingsError(f"recalibrate fit: expected two folders, the real images and the model; got also {out}")
    if dp is not None and method is not None:
        raise SettingsError("--dp: expected without --method: what is released are four numbers of the spectrum")
    _promise(dp)
    expect_images(images)
    values: dict[str, Any] = {"method": "release" if dp else (method or Method.rings).value}
    _fit(images, model, values, dp, by, (preset, change or []), None if split == "all" else split, pixel, overwrite)


def _fit(
    images: Path,
    folder: Path,
    values: dict[str, Any],
    dp: str | None,
    by: str | None,
    asked: tuple[str, list[str]],
    split: str | None,
    spacing: tuple[float, float] | None,
    overwrite: bool,
) -> None:
    from synthcmr.cli.debias import listed, read_settings
    from synthcmr.cli.train import observer
    from synthcmr.errors import CohortError
    from synthcmr.frequency.mapping.settings import preset
    from synthcmr.frequency.model_folder import NETWORK
    from synthcmr.frequency.model_record import MODEL_FILE
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.settings import RecalibrationSettings
    from synthcmr.frequency.sources import CohortImages, open_images
    from synthcmr.training.overrides import PARTS, overridden
    from synthcmr.verbs.progress import progress_bar

    name, changes = asked
    inner = [c for c in changes if c.split(".")[0] in PARTS]
    network = overridden(*preset(name), None, inner, None)
    outer = [c for c in changes if c not in inner]
    settings = read_settings(RecalibrationSettings, None, values | ({} if by is None else {"by": listed(by)}), outer)
    promise, real = _promise(dp), open_images(images, split, spacing)
    if isinstance(real, CohortImages) and by is not None:
        _known(settings.by, real.cohort.path, list(real.cohort.subjects.columns) + list(real.cohort.images.columns))
    _clear(folder, overwrite)
    if (folder / MODEL_FILE).exists():
        raise CohortError(f"{folder}: holds a finished recalibration already; choose another folder, or --overwrite")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with progress_bar("recalibrate fit") as report:
        watched = _watched(images, split, settings)
        run = folder / NETWORK
        model = Recalibration(settings).fit(real, run, network, watched, observer(run, report), promise)
    model.save(folder)
    typer.echo(describe(model, folder))


def _known(by: tuple[str, ...], cohort: Path, there: list[str]) -> None:
    """Refuse attributes that nobody has: statistics would quietly be those of everyone."""
    from synthcmr.errors import SettingsError

    if unknown := [name for name in by if name not in there]:
        raise SettingsError(f"--by: expected attributes of {cohort} ({', '.join(there)}), got '{unknown[0]}'")


def _promise(dp: str | None) -> tuple[float, float] | None:
    """Epsilon and delta of a release."""
    if dp is None:
        return None
    from synthcmr.errors import SettingsError

    values = dict(part.split("=", 1) for part in dp.split(",") if "=" in part)
    try:
        epsilon, delta = float(values.pop("epsilon")), float(values.pop("delta", "1e-5"))
    except (KeyError, ValueError):
        epsilon, delta = 0.0, 0.0
    if values or not epsilon > 0 or not 0 < delta < 0.1:
        raise SettingsError(f"--dp: expected epsilon=NUMBER or epsilon=NUMBER,delta=NUMBER, got '{dp}'")
    return epsilon, delta


def _watched(images: Path, split: str | None, settings: "RecalibrationSettings") -> Any:
    """The validation split, by which the training of a network is watched."""
    from synthcmr.cohort import Cohort
    from synthcmr.cohort.writer import COHORT_FILE
    from synthcmr.frequency.recalibration import MAPPING

    if split != "train" or settings.method not in MAPPING or not (images / COHORT_FILE).exists():
        return None
    chosen = Cohort.open(images).select(split="validation")
    return chosen if len(chosen) else None


def describe(model: "Recalibration", folder: Path) -> str:
    """What was learned, for people."""
    told = [f"{folder}: {model.settings.method}"]
    if model.release is not None:
        r = model.release
        told += [
            f"  four numbers of {r.people} subjects, epsilon {r.epsilon:g}, delta {r.delta:g}, noise {r.sigma:.2f} each"
        ]
    else:
        counts = {str(c["group"]) or "everyone": c for c in model.real.moments.counts()}
        told += [f"  {name}: {c['images']} frames of {c['subjects']} subjects" for name, c in counts.items()]
    if model.real.library is not None and len(model.real.library.picture):
        told.append(
            "  it holds a small picture of every real image, to find those that look alike: keep it as you keep them"
        )
    refused = list(model.real.refused.items())
    told += [f"  left out {name}: {why}" for name, why in refused[:SHOWN]]
    told += [f"  and {len(refused) - SHOWN} more"] if len(refused) > SHOWN else []
    return "\n".join([*told, f"  use it: synthcmr recalibrate apply SYNTHETIC {folder} OUT"])


def _apply(images: Path, folder: Path, out: Path | None, spacing: tuple[float, float] | None, overwrite: bool) -> None:
    from synthcmr.errors import SettingsError
    from synthcmr.frequency.apply import apply_to_cohort, apply_to_folder, clear_folder
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.sources import CohortImages, open_images
    from synthcmr.verbs.progress import progress_bar
    from synthcmr.verbs.replace import clear_for

    if out is None:
        raise SettingsError(
            "recalibrate apply: expected three folders: the synthetic images, the model, and what to make"
        )
    model, given = Recalibration.load(folder), open_images(images, spacing_mm=spacing)
    with progress_bar("recalibrate") as report:
        if isinstance(given, CohortImages):
            clear_for(out, overwrite)
            made = apply_to_cohort(model, folder, given.cohort, out, report)
            lost = made.rejects[made.rejects["level"] == "reject"]
            typer.echo(
                f"{out}: {len(made.subjects)} subject(s), {len(made)} image(s) recalibrated, {len(lost)} reject(s)"
            )
            return
        if overwrite:
            clear_folder(out)
        refused = apply_to_folder(model, folder, cast("FolderImages", given), out, report)
    typer.echo(f"{out}: {len(given) - len(refused)} file(s) recalibrated")
    for name, why in refused.items():
        typer.echo(f"  left out {name}: {why}")


def _clear(folder: Path, overwrite: bool) -> None:
    """Remove an earlier model, and nothing else."""
    import shutil

    from synthcmr.frequency.model_folder import NETWORK
    from synthcmr.frequency.model_record import MODEL_FILE

    if overwrite and ((folder / MODEL_FILE).exists() or (folder / NETWORK).exists()):
        shutil.rmtree(folder)
